# SPDX-License-Identifier: MIT
"""A run folder says what made it, and refuses in one sentence what does not fit."""

import json
from pathlib import Path

import pytest
import torch
from rave_runs import RATE, go, recipe, recordings
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from nnbridge.audio.dataset import Dataset
from nnbridge.audio.prepare import prepare
from nnbridge.rave import run, session
from nnbridge.rave.recipe import Recipe
from nnbridge.training import metrics
from nnbridge.training.errors import TrainingError


@pytest.fixture(scope="module")
def finished(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    started = session.begin(folder, recipe(), dataset)
    started.run.note_start(0, [])
    go(started)
    return folder


def test_a_run_says_what_made_it(finished: Path, dataset: Dataset) -> None:
    facts = json.loads((finished / "run.json").read_text())
    assert facts["dataset"] == {
        "path": str(dataset.path),
        "sample_rate": RATE,
        "channels": 1,
        "seconds": 4.0,
        "hash": dataset.hash,
    }
    start = facts["starts"][0]
    assert start["step"] == 0
    assert start["command"]
    assert start["versions"]["torch"] == torch.__version__
    assert start["machine"]["cores"]
    assert Recipe.from_toml((finished / "recipe.toml").read_text()) == recipe()


def test_loading_a_run_gives_its_recipe_and_its_network_ready_to_use(finished: Path) -> None:
    made, network = run.load(finished)
    assert made == recipe()
    assert not network.training
    x = torch.randn(1, 1, 64)
    assert torch.equal(network(x), network(x))
    _, earlier = run.load(finished, "stage-one")
    assert not torch.equal(network(x), earlier(x))


def test_figures_are_in_a_table_and_sounds_in_tensorboard(finished: Path) -> None:
    steps, losses = metrics.history(finished / "metrics.csv", "train/loss")
    assert steps == [2, 4, 6, 8, 10, 12, 14, 16]
    assert all(loss > 0 for loss in losses)
    steps, _ = metrics.history(finished / "metrics.csv", "validation/distance")
    assert steps == [0, 5, 8, 10, 15, 16]
    board = EventAccumulator(str(finished / "logs"), {"audio": 0, "scalars": 0}).Reload()
    assert [event.step for event in board.Scalars("validation/distance")] == steps
    sounds = board.Audio("original and reconstruction 1")
    assert sounds[0].step == 0
    assert sounds[-1].step == 16
    # Half a second, a gap of a quarter, half a second.
    assert sounds[0].length_frames == 2 * 4000 + RATE // 4
    assert sounds[0].sample_rate == RATE


def test_a_run_is_not_begun_over_another(finished: Path, dataset: Dataset) -> None:
    with pytest.raises(TrainingError, match="holds a run already: go on with it by adding --res"):
        session.begin(finished, recipe(), dataset)


def test_another_network_can_not_go_on_with_a_run(finished: Path) -> None:
    with pytest.raises(TrainingError, match="another network"):
        session.resume(finished, None, ["network.latents=8"])
    with pytest.raises(TrainingError, match="another network"):
        session.resume(finished, None, ["discriminator.capacity=4"])


def test_what_can_not_go_on_loses_nothing(dataset: Dataset, tmp_path: Path) -> None:
    go(session.begin(tmp_path / "run", recipe(), dataset))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(TrainingError, match="can't be shared evenly by 2 processes"):
        session.resume(tmp_path / "run", None, ["training.batch=3"], "stage-one", processes=2)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_changes_on_the_way_is_written_down(dataset: Dataset, tmp_path: Path) -> None:
    go(session.begin(tmp_path / "run", recipe(), dataset))
    again = session.resume(tmp_path / "run", None, ["training.stage_two_steps=10"])
    assert again.changes == ["training.stage_two_steps=10"]
    assert run.Run(tmp_path / "run").recipe().training.stage_two_steps == 10
    go(again)
    assert run.Run(tmp_path / "run").find()[1]["nnbridge"]["step"] == 18


def test_a_dataset_that_has_changed_is_used_and_told(finished: Path, tmp_path: Path) -> None:
    folder = recordings(tmp_path / "recordings")
    (folder / "pluck0.wav").unlink()
    prepare([folder], tmp_path / "dataset", RATE)
    again = session.resume(finished, tmp_path / "dataset")
    assert again.notes == [
        "the dataset has changed since the run began, and is what it learns from now."
    ]


def test_an_unknown_checkpoint_is_answered_with_those_there_are(finished: Path) -> None:
    with pytest.raises(TrainingError, match=r"no checkpoint 'last'; it has: newest, best, stage-o"):
        run.load(finished, "last")


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="is no run folder"):
        run.load(tmp_path)
    (tmp_path / "run.json").write_text('{"format": 99}')
    with pytest.raises(TrainingError, match="newer nnbridge"):
        run.load(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(TrainingError, match="can't be read"):
        run.load(tmp_path)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["network.sample_rate=44100"], "wants a sample rate of 44100 Hz, and .* has 8000"),
        (["network.channels=2"], "wants 2 channels, and .* has 1: prepare .* --channels 2"),
        (["training.batch=3"], "can't be shared evenly by 2 processes"),
    ],
)
def test_what_does_not_fit_together_is_said_before_a_step_is_taken(
    settings: list[str], told: str, dataset: Dataset
) -> None:
    with pytest.raises(TrainingError, match=told):
        session.check(recipe(*settings), dataset, 2)


def test_a_table_cut_short_by_a_kill_is_read_and_continued(tmp_path: Path) -> None:
    table = tmp_path / "metrics.csv"
    table.write_text("step,stage,name,value\n2,1,train/loss,3.5\n4,1,train/loss,3.25\n6,1,tr")
    log = metrics.Log(table, tmp_path / "logs", 2)
    log.figures(4, 1, {"train/loss": 3.0})
    log.close()
    assert metrics.history(table, "train/loss") == ([2, 4], [3.5, 3.0])
    (tmp_path / "run.json").write_text('{"format": 1, "sequences": {}}')
    with pytest.raises(TrainingError, match="something else than a RAVE"):
        run.load(tmp_path)
    with pytest.raises(TrainingError, match="is no run folder"):
        run.load(tmp_path / "run.json")
