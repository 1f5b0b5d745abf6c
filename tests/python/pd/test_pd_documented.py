# SPDX-License-Identifier: MIT
"""docs/pd.md and the package hold what they promise."""

import re
import shutil
import subprocess
import sys

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
