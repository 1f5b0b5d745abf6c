# SPDX-License-Identifier: MIT
"""What each stage of a training changes, and what it leaves alone."""

from pathlib import Path

import pytest
import torch
from rave_runs import differing, go, recipe, weights

from nnbridge.audio.dataset import Dataset
from nnbridge.rave import run, session
from nnbridge.rave.fidelity import dimensions
from nnbridge.rave.training import Training
from nnbridge.rave.validation import Crops
from nnbridge.training import metrics
from nnbridge.training.errors import TrainingError


def test_stage_two_leaves_the_encoder_and_its_batch_statistics_as_they_were(
    dataset: Dataset, tmp_path: Path
) -> None:
    go(session.begin(tmp_path / "run", recipe(), dataset))
    before, after = weights(tmp_path / "run", "stage-one"), weights(tmp_path / "run", "stage-two")
    changed = differing(before, after)  # type: ignore[arg-type]
    assert not [name for name in changed if name.startswith(("rave.encoder", "rave.latent"))]
    assert [name for name in changed if name.startswith("rave.decoder")]
    assert [name for name in changed if name.startswith("discriminator")]
    assert any("running_mean" in name for name in before if name.startswith("rave.encoder"))


def test_stage_one_trains_encoder_and_decoder_and_no_discriminator(
    dataset: Dataset, tmp_path: Path
) -> None:
    small = recipe()
    go(session.begin(tmp_path / "run", small, dataset))
    untrained = dict(Training(small, dataset).state_dict())
    after = weights(tmp_path / "run", "stage-one")
    changed = differing(untrained, after)  # type: ignore[arg-type]
    assert [name for name in changed if name.startswith("rave.encoder")]
    assert [name for name in changed if name.startswith("rave.decoder")]
    assert not [name for name in changed if name.startswith("discriminator")]


def test_training_brings_the_reconstruction_nearer(dataset: Dataset, tmp_path: Path) -> None:
    small = recipe(
        "training.stage_one_steps=120",
        "training.noise_after=0",
        "losses.floor=1e-3",
        "training.stage_two_steps=0",
        "training.validate_every=120",
        "training.learning_rate=3e-3",
    )
    go(session.begin(tmp_path / "run", small, dataset))
    steps, distances = metrics.history(tmp_path / "run/metrics.csv", "validation/spectral")
    assert steps == [0, 120]
    assert distances[1] < 0.5 * distances[0]


def test_a_checkpoint_holds_the_order_of_the_latent(dataset: Dataset, tmp_path: Path) -> None:
    small = recipe()
    go(session.begin(tmp_path / "run", small, dataset))
    _, network = run.load(tmp_path / "run")
    crops = Crops(dataset.split("train"), network.ratio, 32)
    with torch.no_grad():
        latent = torch.cat([network.encode(crops[i])[0].T for i in range(len(crops))])
    found = dimensions(latent)
    torch.testing.assert_close(network.latent_mean, found.mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network.fidelity, found.fidelity, rtol=1e-4, atol=1e-5)
    assert network.fidelity[-1] == pytest.approx(1.0)
    ordered = (latent - network.latent_mean) @ network.latent_basis.T
    spread = ordered.std(0)
    assert (spread[:-1] >= spread[1:]).all()


def test_the_learning_rate_falls_geometrically_and_stays_in_stage_two(dataset: Dataset) -> None:
    training = Training(
        recipe("training.learning_rate=1e-3", "training.learning_rate_end=1e-5"), dataset
    )
    for step, rate in ((0, 1e-3), (4, 1e-4), (8, 1e-5), (15, 1e-5)):
        training.begin_at(step)
        assert training.learning_rate() == pytest.approx(rate)


def test_held_out_pieces_are_whole_latent_frames_with_silence_behind(dataset: Dataset) -> None:
    split = dataset.split("validation")
    crops = Crops(split, 16, 5, seconds=0.5)
    assert len(crops) == len(split.files)  # no more than there are
    assert crops[0].shape == (1, 1, 4000)
    long = Crops(split, 3000, 1)[0]
    frames = split.files[0].frames
    assert long.shape[-1] == -(-frames // 3000) * 3000
    assert torch.equal(long[0, :, :frames], torch.from_numpy(split.file(0)))
    assert not long[..., frames:].any()
    with pytest.raises(IndexError):
        crops[len(crops)]


def test_the_noise_head_waits_for_the_step_that_the_recipe_names(
    dataset: Dataset, tmp_path: Path
) -> None:
    waiting = recipe("training.noise_after=9")
    go(session.begin(tmp_path / "run", waiting, dataset))
    untrained = dict(Training(waiting, dataset).state_dict())
    head = "rave.decoder.noise"
    before, after = weights(tmp_path / "run", "stage-one"), weights(tmp_path / "run", "stage-two")
    assert not [name for name in differing(untrained, before) if name.startswith(head)]  # type: ignore[arg-type]
    assert [name for name in differing(before, after) if name.startswith(head)]  # type: ignore[arg-type]
    z = torch.randn(1, 4, 8)
    for name, joined in (("stage-one", False), ("stage-two", True)):
        decoder = run.load(tmp_path / "run", name)[1].decoder
        without = decoder.deterministic(decoder.net(z))
        assert torch.equal(decoder(z), without) is not joined


def test_a_training_that_diverges_stops_in_one_sentence_and_spares_what_was_saved(
    dataset: Dataset, tmp_path: Path
) -> None:
    started = session.begin(tmp_path / "run", recipe("training.learning_rate=1e12"), dataset)
    with pytest.raises(TrainingError, match=r"has diverged: at step \d+ .* smaller rate"):
        go(started)
    for name, value in weights(tmp_path / "run").items():
        assert bool(torch.isfinite(value).all()), name
