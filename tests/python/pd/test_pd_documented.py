# SPDX-License-Identifier: MIT
"""docs/pd.md and the package hold what they promise."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from .puredata import EXTERNAL, ROOT, run_pd


def test_every_row_of_the_table_is_a_test():
    page = (ROOT / "docs/pd.md").read_text()
    named = set(re.findall(r"`(test_\w+)` \|$", page, re.MULTILINE))
    there = set(re.findall(r"^def (test_\w+)", read_tests(), re.MULTILINE))
    assert len(named) > 45
    assert named <= there, named - there
    of_messages = (ROOT / "tests/python/pd/test_pd_messages.py").read_text()
    assert set(re.findall(r"^def (test_\w+)", of_messages, re.MULTILINE)) <= named


def read_tests():
    return "\n".join(
        path.read_text() for path in sorted((ROOT / "tests/python/pd").glob("test_*.py"))
    )


def test_every_message_of_the_class_is_in_the_table():
    page = (ROOT / "docs/pd.md").read_text()
    source = (ROOT / "externals/pd/nn_tilde.cpp").read_text()
    messages = set(re.findall(r'add\(c, .*"(\w+)", A_', source)) - {"dsp"}
    assert len(messages) > 15
    missing = [name for name in messages if f"`{name}" not in page]
    assert missing == []


def test_only_the_setup_function_is_exported():
    (binary,) = EXTERNAL.glob("nn~.*")
    if binary.suffix != ".pd_linux" or not shutil.which("nm"):
        pytest.skip("needs nm")
    listing = subprocess.run(
        ["nm", "-D", "--defined-only", binary], capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[-1] for line in listing.splitlines()] == ["nn_tilde_setup"]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The folder as it is installed, around the external under test."""
    build = tmp_path_factory.mktemp("build")
    shutil.copytree(EXTERNAL, build / "nn~")
    script = ROOT / "externals/pd/package.py"
    subprocess.run([sys.executable, script, build], check=True, capture_output=True, cwd=ROOT)
    return build / "nn~"


@pytest.mark.parametrize(
    "patch",
    ["nn~-help.pd", "examples/effects.pd", "examples/descriptors.pd", "examples/swap.pd"],
)
def test_help_and_examples_open_without_a_complaint(package, tmp_path, patch):
    closing = tmp_path / "quit.pd"
    closing.write_text(
        "#N canvas 0 0 9 9 9;\n#X obj 1 1 loadbang;\n#X obj 1 1 delay 300;\n"
        "#X msg 1 1 \\; pd dsp 1;\n#X msg 1 1 \\; pd quit;\n"
        "#X connect 0 0 1 0;\n#X connect 0 0 2 0;\n#X connect 1 0 3 0;\n"
    )
    run = run_pd(package / patch, extra=["-open", str(closing)])
    assert run.clean, run.console
    complaints = [
        line
        for line in run.console.splitlines()
        if "error" in line or "couldn't create" in line or "no such" in line
    ]
    assert complaints == []


def test_the_demo_plays_the_loop_through_the_model(package, tmp_path):
    out = tmp_path / "demo.wav"
    subprocess.run(
        [ROOT / "externals/pd/demo.sh", package, out], check=True, capture_output=True, timeout=60
    )
    sound, rate = soundfile.read(out)
    assert 7.9 * rate < len(sound) < 8.1 * rate
    levels = [np.sqrt(np.mean(sound[i * rate : (i + 1) * rate] ** 2)) for i in range(8)]
    assert levels[7] > 4 * levels[0] > 0  # the gain rises every second


def heard(package, folder, *messages):
    """Two seconds of what the help patch gives when it is sent these messages."""
    out = folder / "heard.wav"
    sends = " \\; ".join(
        ["", "nn-help-volume 0.5", f"nn-help-record open -bytes 4 {out}", *messages, "pd dsp 1"]
    )
    (folder / "player.pd").write_text(
        f"#N canvas 0 0 9 9 9;\n#X obj 1 1 loadbang;\n#X msg 1 1 {sends};\n"
        "#X obj 1 1 delay 1;\n#X msg 1 1 \\; nn-help-record start;\n#X obj 1 1 delay 2001;\n"
        "#X msg 1 1 \\; nn-help-record stop \\; pd quit;\n#X connect 0 0 1 0;\n"
        "#X connect 0 0 2 0;\n#X connect 2 0 3 0;\n#X connect 0 0 4 0;\n#X connect 4 0 5 0;\n"
    )
    run = run_pd(folder / "player.pd", rate=44100, extra=["-open", str(package / "nn~-help.pd")])
    assert run.clean, run.console
    return soundfile.read(out, dtype="float32")[0]


def test_codec_and_prior_of_the_help_patch_are_heard_when_switched_on(package, tmp_path):
    def level(sound):
        return float(np.sqrt(np.mean(sound[-44100:] ** 2)))

    loop = heard(package, tmp_path, "nn-help-play 1")
    codec = heard(package, tmp_path, "nn-help-play 1", "nn-help-codec 1")
    count = min(len(loop), len(codec))
    assert level(codec[:count] - loop[:count]) > 1e-3
    assert level(heard(package, tmp_path)) == 0
    assert level(heard(package, tmp_path, "nn-help-prior 1")) > 1e-3


@pytest.mark.extended
@pytest.mark.skipif(
    sys.platform != "linux" or not (EXTERNAL.parent / "cmake_install.cmake").exists(),
    reason="packed on Linux, from a build folder",
)
def test_the_archive_plays_with_nothing_of_ours_in_reach(tmp_path):
    """Unpacked elsewhere, with no Python or torch, it finds all libraries in itself."""
    made = subprocess.run(
        [sys.executable, ROOT / "externals/pd/package.py", EXTERNAL.parent, "--deken"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    with zipfile.ZipFile(made.stdout.strip()) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "nn~"
    patch = tmp_path / "test.pd"
    patch.write_text(
        "#N canvas 0 0 9 9 9;\n#X obj 1 1 osc~ 220;\n"
        "#X obj 1 1 nn~ nn~/models/vocoder forward 1024;\n"
        "#X obj 1 1 env~ 4096;\n#X obj 1 1 print level;\n#X obj 1 1 loadbang;\n"
        "#X msg 1 1 \\; pd dsp 1;\n#X obj 1 1 delay 800;\n#X msg 1 1 \\; pd quit;\n"
        "#X connect 0 0 1 0;\n#X connect 1 0 2 0;\n#X connect 2 0 3 0;\n"
        "#X connect 4 0 5 0;\n#X connect 4 0 6 0;\n#X connect 6 0 7 0;\n"
    )
    options = ["-nogui", "-batch", "-noaudio", "-nomidi", "-noprefs", "-nrt", "-stderr"]
    run = subprocess.run(
        ["pd", *options, "-path", folder, "-open", patch],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LD_DEBUG": "libs"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    levels = re.findall(r"^level: (\S+)", run.stderr, re.MULTILINE)
    assert float(levels[-1]) > 60
    loaded = {Path(name) for name in re.findall(r"calling init: (\S+)", run.stderr)}
    packed = {path.name for path in folder.glob("*.so*")}
    assert "libtorch_cpu.so" in packed
    assert {path.parent for path in loaded if path.name in packed} == {folder}
    assert not any(path.is_relative_to(ROOT) for path in loaded)
