# SPDX-License-Identifier: MIT
"""``nnbridge rave train``: one command on one folder, and one sentence where it can't."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
from rave_runs import SETTINGS, recordings

from nnbridge.audio.dataset import Dataset
from nnbridge.cli import main
from nnbridge.rave import run
from nnbridge.training import metrics

ROOT = Path(__file__).resolve().parents[3]
SET = [word for setting in SETTINGS for word in ("--set", setting)]


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = main(["rave", "train", "--accelerator", "cpu", *map(str, arguments)])
    out, error = capsys.readouterr()
    assert not out
    return code, error


class Command:
    """The real thing, in a process of its own."""

    def __init__(self, told: Path, *arguments: object) -> None:
        words = ["rave", "train", "--accelerator", "cpu", *map(str, arguments)]
        self._told = told
        with told.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-X", "importtime", "-m", "nnbridge.cli", *words],
                env={**os.environ, "PYTHONPATH": str(ROOT / "python"), "OMP_NUM_THREADS": "1"},
                stderr=file,
            )

    def finish(self, limit: float) -> tuple[str, str]:
        """What it said, and which modules it imported."""
        self.process.wait(limit)
        lines = self._told.read_text().splitlines()
        imports = [line for line in lines if line.startswith("import time:")]
        return "\n".join(line for line in lines if line not in imports), "\n".join(imports)


def test_recordings_are_not_prepared_into_another_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(capsys, recordings(tmp_path / "plucks"), "--out", tmp_path / "run", *SET)[0] == 0
    before = Dataset(tmp_path / "run" / "dataset").hash
    others = recordings(tmp_path / "others")
    (others / "pluck0.wav").unlink()
    code, error = call(capsys, others, "--out", tmp_path / "run", *SET)
    assert code == 1
    assert "holds a run already" in error
    assert Dataset(tmp_path / "run" / "dataset").hash == before


def test_one_command_on_one_folder_prepares_tells_the_cost_and_trains(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recordings(tmp_path / "plucks")
    (folder / "notes.wav").write_text("no sound")
    code, error = call(capsys, folder, "--out", tmp_path / "run", *SET)
    assert code == 0, error
    assert "is a folder of recordings: preparing it in" in error
    assert "notes.wav" in error  # skipped, and named
    assert re.search(r"parameters: encoder 0\.\d+ M, decoder 0\.\d+ M, discriminator", error)
    assert re.search(r"stage one: 8 steps at \d+\.\d+ steps/s, \d+ s", error)
    assert re.search(r"stage two: 8 steps at", error)
    assert re.search(r"about \d+ s in all, and \d+ MB of disk", error)
    assert "step 0: validation distance" in error
    assert error.rstrip().endswith("run, 16 steps")
    assert "Warning" not in error
    recipe, network = run.load(tmp_path / "run")
    assert recipe.training.stage_one_steps == 8
    assert network.ratio == 16


def test_ctrl_c_saves_and_says_how_to_go_on_and_training_needs_no_engine(
    dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a run"
    command = Command(
        tmp_path / "told", dataset.path, "-o", folder, *SET,
        "--set", "training.stage_two_steps=1000000",
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (folder / "checkpoints/stage-one.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    command.process.send_signal(signal.SIGINT)
    error, imports = command.finish(60)
    assert command.process.returncode == 130, error
    assert "nnbridge.rave.loop" in imports
    assert "nnbridge._engine" not in imports
    told = re.search(r"saved at step (\d+)\. Go on with: nnbridge rave train (.*)", error)
    assert told, error
    assert told[2] == f"--out '{folder}' --resume --accelerator cpu"
    assert run.Run(folder).find()[1]["nnbridge"]["step"] == int(told[1])
    more = int(told[1]) - 8 + 4
    code, error = call(
        capsys, "-o", folder, "--resume", "--set", f"training.stage_two_steps={more}"
    )
    assert code == 0, error
    assert run.Run(folder).find()[1]["nnbridge"]["step"] == 8 + more
    assert [start["step"] for start in run.Run(folder).facts["starts"]] == [0, int(told[1])]
    code, error = call(capsys, "-o", folder, "--resume")
    assert code == 1
    assert "is at its end" in error


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "say what to train on: a folder of recordings, or a dataset"),
        (["--resume"], "say what to train on: the run, with --out RUN"),
        (["{empty}"], "no audio"),
        (["{missing}"], "is no dataset"),
        (["{data}", "-r", "enormous"], 'there is no recipe "enormous"'),
        (["{data}", "--set", "training.bach=4"], "training.bach, which is unknown"),
        (["{data}", "--set", "training.batch=four"], "training.batch must be a whole number"),
        (["{data}", "--precision", "64"], "--precision is one of 32, bf16-mixed, 16-mixed"),
        (["{data}"], "wants a sample rate of 44100 Hz"),
        (["-o", "{empty}", "--resume"], "is no run folder"),
        (["{data}", *SET, "--accelerator", "bogus"], "--accelerator is one of auto, cpu"),
        (["{data}", *SET, "--accelerator", "mps"], "no Apple GPU"),
        (["{data}", *SET, "--nodes", "2"], "set MASTER_ADDR, MASTER_PORT, NODE_RANK"),
        (["-o", "{empty}", "--resume", "-r", "small"], "a run keeps its recipe"),
        (["{data}", *SET, "--checkpoint", "best"], "is where to go on from: add --resume"),
        (["{short}", *SET], "s to train on, and this network needs 0.00 s at the very least"),
    ],
)
def test_what_can_not_work_is_one_sentence(
    arguments: list[str],
    told: str,
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "GROUP_RANK"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "empty").mkdir()
    (tmp_path / "short").mkdir()
    soundfile.write(tmp_path / "short/click.wav", [0.5] * 20, 8000)
    places = {name: tmp_path / name for name in ("empty", "missing", "short")}
    places["data"] = dataset.path
    words = [word.format(**places) for word in arguments]
    if "-o" not in words:
        words += ["-o", str(tmp_path / "run")] if words and "--resume" not in words else []
    code, error = call(capsys, *words)
    assert code in (1, 2)
    assert told in error
    assert error.strip().splitlines()[-1].startswith("nnbridge: ")
    assert not (tmp_path / "run/run.json").exists()


def test_waiting_for_another_machine_is_told_and_ends_with_ctrl_c(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ADDR", "127.0.0.1"), ("PORT", "29517")):
        monkeypatch.setenv(f"MASTER_{name}", value)
    monkeypatch.setenv("NODE_RANK", "0")
    told = tmp_path / "told"
    command = Command(told, dataset.path, "-o", tmp_path / "run", "--nodes", 2, *SET)
    until = time.monotonic() + 120
    while "waiting for all of 2 machines" not in told.read_text() and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(2.0)
    assert command.process.poll() is None
    command.process.send_signal(signal.SIGINT)
    assert command.process.wait(20) != 0


@pytest.mark.extended
def test_two_processes_reach_the_loss_of_one_with_twice_their_batch(
    dataset: Dataset, tmp_path: Path
) -> None:
    ends = {}
    for devices in (1, 2):
        folder = tmp_path / str(devices)
        command = Command(
            tmp_path / f"told{devices}", dataset.path, "-o", folder, *SET, "--devices", devices,
            "--set", "training.stage_one_steps=200", "--set", "training.stage_two_steps=20",
            "--set", "training.validate_every=200", "--set", "training.checkpoint_every=100",
            "--set", "training.log_every=20",
        )  # fmt: skip
        error, _ = command.finish(400)
        assert command.process.returncode == 0, error
        assert error.count("finished") == 1  # one process speaks
        _, ends[devices] = metrics.history(folder / "metrics.csv", "train/loss")
    one, two = ends[1][8], ends[2][8]  # means of steps 160 to 180
    assert two == pytest.approx(one, rel=0.05)
