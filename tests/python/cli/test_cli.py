# SPDX-License-Identifier: MIT
"""The command line does what it says, and says in one line what it can't."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nnbridge.cli import main
from nnbridge.host import load

ModelFile = Callable[[str], Path]
Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "in.wav"
    signal = np.random.default_rng(0).uniform(-0.3, 0.3, (9000, 1)).astype(np.float32)
    soundfile.write(path, signal, 44100, subtype="FLOAT")
    return path


def samples(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def process(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """The real thing, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    return subprocess.run(
        [sys.executable, "-m", "nnbridge.cli", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


COMMANDS = ("info", "check", "render", "bench", "export")


def test_help_names_every_command_and_each_shows_examples(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", out, re.MULTILINE)
        code, told, _ = run(command, "--help")
        assert code == 0
        assert f"Examples:\n    nnbridge {command} " in told


@pytest.mark.parametrize("group", [[], ["data"], ["rave"], ["prior"], ["plugin"]])
def test_without_a_command_the_help_is_shown_as_it_is(group: list[str], run: Run) -> None:
    _, help_text, _ = run(*group, "--help")
    code, out, err = run(*group)
    assert code == 2
    assert out == ""
    assert err == help_text


def test_the_version_is_said(run: Run) -> None:
    code, out, _ = run("--version")
    assert code == 0
    assert out.startswith("nnbridge ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rendr"], "No such command 'rendr'"),
        (["render", "a.ts"], "Missing argument 'IN'"),
        (["info"], "Missing argument 'MODEL'"),
        (["render", "a", "b", "c", "--block", "many"], "Invalid value for '--block'"),
        (["render", "a", "b", "c", "--tail", "long"], "--tail takes a number of seconds or auto"),
        (["info", "a.ts", "--wrong"], "No such option"),
        (["bench", "a.ts", "--block", 0], "Invalid value for '--block'"),
        (["bench", "a.ts", "--sample-rate", 0], "Invalid value for '--sample-rate'"),
        (["rave", "trian"], "Did you mean 'train'? See: nnbridge rave --help"),
    ],
)
def test_a_command_line_that_makes_no_sense_ends_with_2(
    arguments: list[str], words: str, run: Run
) -> None:
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("nnbridge: ")
    assert words in err
    assert err.count("\n") == 1


def test_render_writes_what_the_model_gives(
    run: Run, model_file: ModelFile, sound: Path, tmp_path: Path
) -> None:
    code, out, err = run(
        "render", model_file("gain"), sound, tmp_path / "out.wav", "--set", "gain=0.25"
    )
    assert (code, err) == (0, "")
    assert np.array_equal(samples(tmp_path / "out.wav"), samples(sound) * 0.25)
    assert "latency taken out: 511 frames" in out
    assert "x real time" in out


def test_render_tells_machines_all_of_it(
    run: Run, model_file: ModelFile, sound: Path, tmp_path: Path
) -> None:
    code, out, _ = run(
        "render", model_file("delay_37"), sound, tmp_path / "out.flac", "--json", "--tail", 0.5
    )
    told = json.loads(out)
    assert code == 0
    assert told["path"] == str(tmp_path / "out.flac")
    assert told["frames"] == 9000 + 22050
    assert told["latency"] == {"stream": 511, "model": 37, "model_declared": True, "total": 548}
    assert told["stats"]["failed"] == 0


def test_render_encodes_to_a_file_and_decodes_from_it(
    run: Run, model_file: ModelFile, sound: Path, tmp_path: Path
) -> None:
    model, z = model_file("rave_v2"), tmp_path / "z.npz"
    assert run("render", model, sound, z, "-m", "encode")[0] == 0
    assert run("render", model, z, tmp_path / "two.wav", "-m", "decode", "--tail", 0)[0] == 0
    one = tmp_path / "one.wav"
    assert run("render", model, sound, one, "-m", "encode+decode", "--tail", 0, "-q")[1] == ""
    assert np.array_equal(samples(one), samples(tmp_path / "two.wav"))
    assert samples(one).any()


def test_options_of_render_reach_the_stream(
    run: Run, model_file: ModelFile, sound: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    model = model_file("identity_48000")
    told = json.loads(run("render", model, sound, out, "--json", "--sample-rate", 22050)[1])
    assert soundfile.info(out).samplerate == told["sample_rate"] == 22050
    assert told["model_rate"] == 48000
    told = json.loads(run("render", model, sound, out, "--json", "--no-resample")[1])
    assert told["model_rate"] == 44100
    told = json.loads(run("render", model, sound, out, "--json", "--block", 3000)[1])
    assert told["stats"]["blocks"] < 30
    run("render", model_file("delay_line"), sound, out, "--model-delay", 1000)
    assert np.array_equal(samples(out), samples(sound))
    takes = []
    for seed in (1, 1, 2):
        run("render", model_file("noise"), sound, out, "--seed", seed, "--tail", 0)
        takes.append(samples(out))
    assert np.array_equal(takes[0], takes[1])
    assert not np.array_equal(takes[0], takes[2])


def test_settings_of_every_type_are_understood(
    run: Run, model_file: ModelFile, sound: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "curve.npy", np.array([0.25, 0.25]))
    soundfile.write(tmp_path / "wave.wav", np.full(500, 0.5), 8000, subtype="FLOAT")
    out = tmp_path / "out.wav"
    code, _, err = run(
        *("render", model_file("v16"), sound, out, "--tail", 0),
        *("--set", "range=0.5,2.0", "--set", "mixed=false 7 down"),
        *("--set", f"curve={tmp_path / 'curve.npy'}", "--set", f"wave={tmp_path / 'wave.wav'}"),
    )
    assert (code, err) == (0, "")
    assert np.allclose(samples(out), samples(sound) * 2.0 + 0.5 + 0.5 + 0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("setting", "code", "words"),
    [
        ("gain", 2, "--set takes NAME=VALUE, not 'gain'"),
        ("=1", 2, "--set takes NAME=VALUE"),
        ("nope=1", 1, "has no attribute 'nope'; it has: range, mixed, curve, wave"),
        ("range=1", 1, "'range' takes 2 values (float, float), not 1"),
        ("range=1 a", 1, "'range' takes a number, not 'a'"),
        ("mixed=perhaps 1 x", 1, "'mixed' takes true or false, not 'perhaps'"),
        ("curve=nope.npy", 1, "'curve' takes a .npy file"),
        ("wave=nope.wav", 1, "'wave' takes an audio file, and there is no file 'nope.wav'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    setting: str,
    code: int,
    words: str,
    run: Run,
    model_file: ModelFile,
    sound: Path,
    tmp_path: Path,
) -> None:
    given, _, err = run("render", model_file("v16"), sound, tmp_path / "out.wav", "--set", setting)
    assert given == code
    assert words in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out.wav").exists()


def test_what_went_wrong_is_one_line_on_stderr(
    run: Run, model_file: ModelFile, sound: Path, tmp_path: Path
) -> None:
    gain, out = model_file("gain"), tmp_path / "out.wav"
    for arguments, words in [
        (["render", tmp_path / "nope.ts", sound, out], "There is no file"),
        (["render", gain, tmp_path / "nope.wav", out], "There is no file"),
        (["render", gain, sound, sound], "is the input"),
        (["render", gain, sound, tmp_path / "x" / "out.wav"], "there is no folder"),
        (["render", gain, sound, tmp_path / "out.xyz"], "no suffix of a known format"),
        (["render", gain, gain, out], "can't be read as audio"),
        (["render", gain, sound, out, "-m", "nope"], "no method 'nope'; it has: forward"),
        (["render", model_file("ratio_480"), sound, out], "with --method: encode, decode"),
        (["render", gain, sound, out, "--sample-rate", 0], "The sample rate must be"),
        (["render", gain, sound, out, "--model-delay", -1], "The model delay in samples must be"),
        (["render", gain, sound, out, "--device", "tpu"], "There is no device 'tpu'"),
        (["info", model_file("png")], "png.ts"),
        (["info", tmp_path / "nope.ts"], "There is no file"),
        (["bench", tmp_path / "nope.ts"], "There is no file"),
        (["bench", gain, "-m", "nope"], "no method 'nope'"),
        (["export", tmp_path / "nope.py", tmp_path / "out.ts"], "there is no file"),
    ]:
        code, printed, err = run(*arguments)
        assert code == 1, arguments
        assert printed == ""
        assert err.startswith("nnbridge: "), err
        assert words in err
        assert err.count("\n") == 1


def test_clipping_is_reported(run: Run, model_file: ModelFile, sound: Path, tmp_path: Path) -> None:
    code, _, err = run(
        "render", model_file("gain"), sound, tmp_path / "out.flac", "--set", "gain=9"
    )
    assert code == 0
    assert "samples above full scale were cut (peak +8.6 dB)" in err


def test_info_shows_methods_and_attributes(run: Run, model_file: ModelFile) -> None:
    code, out, _ = run("info", model_file("rave_v2"))
    assert code == 0
    assert re.search(r"encode +1 +4 at 1/2048 +2048", out)
    assert re.search(r"learn_target +bool +false", out)
    assert "44100 Hz" in out
    code, out, _ = run("info", model_file("v16"), "--json")
    told = json.loads(out)
    assert [method["name"] for method in told["methods"]] == ["forward", "rate"]
    held = {attribute["name"]: attribute["values"] for attribute in told["attributes"]}
    assert held["range"] == [0.0, 1.0]
    assert held["curve"] == [[0.0, 0.0, 0.0, 0.0]]


def test_check_ends_with_1_when_there_are_errors(run: Run, model_file: ModelFile) -> None:
    code, out, _ = run("check", model_file("delay_37"))
    assert code == 0
    assert "0 errors" in out
    code, out, _ = run("check", model_file("text"))
    assert code == 1
    assert "error:" in out
    assert "Export it again" in out
    code, out, _ = run("check", "nope.ts")
    assert code == 1
    assert "There is no file 'nope.ts'." in out
    assert "Check the path." in out
    code, out, _ = run("check", model_file("text"), "--json")
    assert code == 1
    assert json.loads(out)["findings"][0]["about"] == "open"


def test_bench_measures_each_method_and_block(run: Run, model_file: ModelFile) -> None:
    code, out, _ = run(
        "bench", model_file("ratio_480"), "--block", 100, "--block", 2000, "--seconds", 0, "--json"
    )
    told = json.loads(out)
    assert code == 0
    assert told["open"] > 0
    assert [(row["method"], row["block"]) for row in told["results"]] == [
        ("encode", 480),
        ("encode", 2400),
        ("decode", 480),
        ("decode", 2400),
    ]
    for row in told["results"]:
        assert len(row["first"]) == 3
        assert 0 < row["p50"] <= row["p95"]
        assert row["realtime"] == pytest.approx(row["block"] / 44100 / row["p50"])
    code, out, _ = run("bench", model_file("gain"), "--block", 64, "--seconds", 0)
    assert re.search(r"forward +64 ", out)


SCRIPT = """
import torch
from nnbridge.contract import Module

class Twice(Module):
    def __init__(self, factor: float = 2.0) -> None:
        super().__init__()
        self.factor = factor
        self.register_method("forward", 1, 1, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor
"""


def test_export_finds_the_one_model_of_a_script(run: Run, sound: Path, tmp_path: Path) -> None:
    script, model = tmp_path / "twice.py", tmp_path / "twice.ts"
    script.write_text(SCRIPT)
    code, out, _ = run("export", script, model)
    assert code == 0
    assert f"{model}: written" in out
    assert "0 errors" in out
    assert run("render", model, sound, tmp_path / "out.wav")[0] == 0
    assert np.array_equal(samples(tmp_path / "out.wav"), samples(sound) * 2)


def test_export_prefers_build_and_takes_a_class_by_name(run: Run, tmp_path: Path) -> None:
    script, model = tmp_path / "made.py", tmp_path / "made.ts"
    script.write_text(SCRIPT + "\nclass Other(Twice):\n    pass\n\nclass Third(Twice):\n    pass\n")
    code, _, err = run("export", script, model, "--no-check")
    assert code == 1
    assert "several models (Other, Third): choose one with --class" in err
    assert run("export", script, model, "--no-check", "--class", "Third")[0] == 0
    assert run("export", script, model, "--no-check", "--class", "None")[0] == 1
    script.write_text(SCRIPT + "\ndef build() -> Module:\n    return Twice(3.0)\n")
    code, out, _ = run("export", script, model, "--no-check", "--json")
    assert (code, json.loads(out)["path"]) == (0, str(model))
    assert load(model).stream(host_block=512).process(np.ones(512))[0, -1] == 3.0


def test_export_leaves_out_models_that_a_script_only_imports(run: Run, tmp_path: Path) -> None:
    (tmp_path / "imported_models.py").write_text(SCRIPT)
    script, model = tmp_path / "uses.py", tmp_path / "uses.ts"
    script.write_text("from imported_models import Twice\n" + SCRIPT.replace("Twice", "Thrice"))
    assert run("export", script, model, "--no-check")[0] == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", "defines no model"),
        ("def build():\n    return 3\n", "build() in "),
        ("x = 1\ny = x.nope\n", "line 2: AttributeError"),
        ("def f(:\n", "line 1: invalid syntax"),
        ("import sys\nsys.exit('usage')\n", "ended by itself (usage)"),
        (SCRIPT.replace('"forward", 1, 1, 1, 1', '"forward", 1, 1, 2, 1'), "declares 2"),
        (SCRIPT.replace("factor: float = 2.0", "factor: float"), "factor"),
    ],
)
def test_what_is_wrong_with_a_script_is_one_line(
    text: str, words: str, run: Run, tmp_path: Path
) -> None:
    script = tmp_path / "wrong.py"
    script.write_text(text)
    code, _, err = run("export", script, tmp_path / "out.ts")
    assert code == 1
    assert words in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out.ts").exists()


def test_ctrl_c_ends_with_130(run: Run, model_file: ModelFile, monkeypatch: object) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nnbridge.cli.terminal.open_model", interrupt)  # type: ignore[attr-defined]
    code, _, err = run("info", model_file("gain"))
    assert (code, err) == (130, "nnbridge: stopped.\n")


def test_the_command_is_quiet_in_a_pipe(model_file: ModelFile, sound: Path, tmp_path: Path) -> None:
    done = process("render", model_file("gain"), sound, tmp_path / "out.wav")
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith(str(tmp_path / "out.wav"))


def test_a_reader_that_leaves_is_no_error(model_file: ModelFile) -> None:
    command = f"'{sys.executable}' -m nnbridge.cli info '{model_file('gain')}' --json | true"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode in (0, 141)


def test_a_folder_without_write_permission_is_said(
    model_file: ModelFile, sound: Path, tmp_path: Path, run: Run
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o500)
    if os.access(closed, os.W_OK):
        pytest.skip("whoever runs this may write everywhere")
    code, _, err = run("render", model_file("gain"), sound, closed / "out.wav")
    assert code == 1
    assert "you may not write there" in err
