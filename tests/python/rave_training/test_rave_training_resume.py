# SPDX-License-Identifier: MIT
"""An interrupted training goes on as if it had not been interrupted."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from rave_runs import differing, go, recipe, state

from nnbridge.audio.dataset import Dataset
from nnbridge.rave import run, session
from nnbridge.rave.training import Training
from nnbridge.training import checkpoints, loop
from nnbridge.training.errors import TrainingError
from nnbridge.training.loop import Keeper, Stopped


def go_until(step: int, started: session.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trains, and presses Ctrl-C while the step is taken that makes it so many."""
    take = Training.training_step

    def interrupted(self: Training, batch: torch.Tensor, index: int) -> None:
        take(self, batch, index)
        if self.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "training_step", interrupted)
        with pytest.raises(Stopped):
            go(started)


@pytest.mark.parametrize("kind", ["variational", "discrete"])
def test_a_training_stopped_and_resumed_is_bit_for_bit_the_one_that_was_not(
    kind: str, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = recipe(f"latent.kind={kind}", "latent.codes=8", "latent.quantisers=2")
    go(session.begin(tmp_path / "whole", small, dataset))
    go_until(4, session.begin(tmp_path / "parts", small, dataset), monkeypatch)
    for step in (8, 11):  # the end of stage one, and an odd place in stage two
        torch.manual_seed(step)  # what others draw in the meantime is of no account
        go_until(step, session.resume(tmp_path / "parts"), monkeypatch)
    go(session.resume(tmp_path / "parts"))
    for which in ("newest", "best", "stage-one", "stage-two"):
        whole, parts = state(tmp_path / "whole", which), state(tmp_path / "parts", which)
        assert differing(whole, parts) == []
    assert whole["nnbridge.step"] == 16
    assert (tmp_path / "whole/metrics.csv").read_text().count("validation/distance") == 6
    # The same figures, too, but for the means that were cut short by the stop.
    tables = [
        [row for row in (folder / "metrics.csv").read_text().splitlines() if "validation/" in row]
        for folder in (tmp_path / "whole", tmp_path / "parts")
    ]
    assert tables[0] == tables[1]


def test_a_training_killed_at_any_moment_leaves_a_run_that_can_be_used_and_resumed(
    dataset: Dataset, tmp_path: Path
) -> None:
    small = recipe("training.checkpoint_every=1", "training.stage_two_steps=100000")
    folder = tmp_path / "run"
    random = np.random.default_rng(1)
    context = multiprocessing.get_context("fork")
    session.begin(folder, small, dataset)
    reached = [0]
    for turn in range(6):
        child = context.Process(target=_train_on, args=(folder,))
        child.start()
        newest = folder / "checkpoints"
        least = 1 if turn == 5 else 0  # step; however slow the machine is, it gets on
        deadline = time.monotonic() + 60
        while (
            max(map(checkpoints.step_of, newest.glob("step-*.ckpt")), default=-1) < least
            and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        time.sleep(random.uniform(0.0, 1.0))
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        _, network = run.load(folder)
        assert torch.isfinite(network(torch.zeros(1, 1, 1024))).all()
        reached.append(int(run.Run(folder).find()[1]["nnbridge"]["step"]))
    assert reached == sorted(reached)
    assert reached[-1] > 0


def _train_on(folder: Path) -> None:
    go(session.resume(folder))


@pytest.fixture
def finished(dataset: Dataset, tmp_path: Path) -> Path:
    go(session.begin(tmp_path / "run", recipe(), dataset))
    return tmp_path / "run"


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    damage: str, finished: Path
) -> None:
    newest, before = sorted((finished / "checkpoints").glob("step-*"), reverse=True)
    content = bytearray(newest.read_bytes())
    if damage == "flipped":
        for place in range(len(content) // 2, len(content) // 2 + 256):  # more than a gap
            content[place] ^= 1
    newest.unlink()  # not in place: stage-two.ckpt may be the same file
    newest.write_bytes({"cut": content[:-100], "flipped": content, "empty": b""}[damage])
    path, held, complaints = run.Run(finished).find()
    assert path == before
    assert held["nnbridge"]["step"] == checkpoints.step_of(before)
    assert complaints == [f"the checkpoint '{newest}' is damaged."]
    again = session.resume(finished)
    assert str(newest) in again.notes[0]
    go(again)
    assert run.Run(finished).find()[1]["nnbridge"]["step"] == 16


def test_a_run_whose_checkpoints_are_all_damaged_says_so(finished: Path) -> None:
    for path in (finished / "checkpoints").iterdir():
        path.unlink()
        path.write_bytes(b"nothing")
    with pytest.raises(TrainingError, match=r"none of the checkpoints in .* can be read"):
        session.resume(finished)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is full")
def test_a_full_disk_stops_the_training_and_spares_what_was_saved(
    dataset: Dataset, tmp_path: Path
) -> None:
    started = session.begin(tmp_path / "run", recipe(), dataset)
    folder = tmp_path / "run/checkpoints"
    (folder / "step-000000006.ckpt.part").symlink_to("/dev/full")
    prune, checkpoints.prune = checkpoints.prune, lambda folder: None
    try:
        with pytest.raises(OSError, match="No space left"):
            go(started)
    finally:
        checkpoints.prune = prune
    assert run.Run(tmp_path / "run").find()[1]["nnbridge"]["step"] == 5
    assert not list(folder.glob("*.part"))
    go(session.resume(tmp_path / "run"))
    assert run.Run(tmp_path / "run").find()[1]["nnbridge"]["step"] == 16


def test_going_back_to_a_checkpoint_removes_what_came_after_it(finished: Path) -> None:
    started = session.resume(finished, None, ["training.stage_one_steps=12"], "stage-one")
    assert started.training.step == 8
    assert checkpoints.available(finished / "checkpoints") == ["stage-one", "8"]
    go(started)
    assert run.Run(finished).find()[1]["nnbridge"]["step"] == 20
    assert run.Run(finished).find("stage-one")[1]["nnbridge"]["step"] == 12


def test_a_second_ctrl_c_ends_at_once() -> None:
    keeper = Keeper(Path())
    keeper.stop(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        keeper.stop(signal.SIGINT, None)


def test_rank_is_known_before_lightning_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "SLURM_PROCID", "NODE_RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert loop.rank() == 0
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert loop.rank() != 0
    monkeypatch.setenv("RANK", "0")
    assert loop.rank() == 0
