# SPDX-License-Identifier: MIT
"""Training: it learns, stops in time, and goes on as if it had not been interrupted."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_priors import COMBINATIONS, TINY

from nnbridge.audio.dataset import Dataset
from nnbridge.prior import evaluation, loop
from nnbridge.prior.errors import PriorError
from nnbridge.prior.rave_file import RaveFile
from nnbridge.prior.recipe import Recipe
from nnbridge.prior.run import Run, load
from nnbridge.prior.sequences import Sequences, encode
from nnbridge.prior.training import Training
from nnbridge.recipe import RecipeError
from nnbridge.training import metrics


def trained(folder: Path, sequences: Sequences, *settings: str) -> Training:
    run, training = loop.begin(folder, Recipe().override([*TINY, *settings]), sequences)
    loop.train(training, run, lambda _: None, lambda *_: None, accelerator="cpu")
    return training


def test_training_lowers_the_cross_entropy_of_held_out_recordings(run: Path) -> None:
    with (run / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["name"] == "validation/cross_entropy"]
    values = [float(row["value"]) for row in rows]
    assert [int(row["step"]) for row in rows] == [10, 20, 30, 40]
    assert values[-1] < values[0] < np.log(9) + 0.5
    held = load(run)
    sequences = Sequences(Run(run).facts["sequences"]["path"])
    found = evaluation.evaluate(held.prior, sequences, segment=24)
    assert found.cross_entropy == pytest.approx(min(values), rel=1e-4)
    assert found.steps == sum(file.steps for file in sequences.split("validation"))


def test_an_interrupted_training_becomes_what_it_would_have_become(
    sequences: Sequences, tmp_path: Path
) -> None:
    whole = trained(tmp_path / "whole", sequences, "training.steps=12")
    trained(tmp_path / "halves", sequences, "training.steps=7")
    run, training, checkpoint = loop.resume(tmp_path / "halves", None, ["training.steps=12"])
    assert training.step == 7
    loop.train(
        training, run, lambda _: None, lambda *_: None, resume_from=checkpoint, accelerator="cpu"
    )
    one, other = whole.prior.state_dict(), training.prior.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_training_stops_when_validation_no_longer_gets_better(
    sequences: Sequences, tmp_path: Path
) -> None:
    # A rate of nearly nothing: the first validation stays the best, or differs by rounding.
    training = trained(
        tmp_path / "run",
        sequences,
        "training.learning_rate=1e-12",
        "training.learning_rate_begin=1e-12",
        "training.patience=2",
        "training.validate_every=2",
        "training.steps=400",
        "network.dropout=0.0",
    )
    assert training.step < 100


@pytest.mark.parametrize(("temporal", "parametrisation"), COMBINATIONS)
def test_every_combination_learns(
    temporal: str, parametrisation: str, sequences: Sequences
) -> None:
    recipe = Recipe().override(
        [*TINY, f"network.temporal={temporal}", f"network.parametrisation={parametrisation}",
         "network.cycle=2", "training.segment=48"]
    )  # fmt: skip
    training = Training(recipe, sequences)
    optimizer = torch.optim.Adam(training.prior.parameters(), 5e-3)
    batch = training._crops.at(0)
    losses = []
    for _ in range(25):
        logits = training.prior(batch.tokens, batch.curves)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 2), batch.tokens.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    untouched = [name for name, p in training.prior.named_parameters() if p.grad is None]
    assert not untouched  # which distributed training could not bear
    assert losses[-1] < 0.85 * losses[0]


def test_the_prior_of_the_decoupled_model_is_counted_on_the_training_set(
    sequences: Sequences,
) -> None:
    recipe = Recipe().override([*TINY, "network.parametrisation=decoupled"])
    counts = sequences.counts(4) + 1
    expected = np.log(counts / counts.sum(1, keepdims=True))
    found = Training(recipe, sequences).prior.output.log_prior
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_the_learning_rate_ramps_and_then_falls_exponentially() -> None:
    training = Recipe().training
    assert training.rate(0) == pytest.approx(1e-6)
    assert training.rate(15_000) == pytest.approx((1e-6 + 5e-4) / 2)
    assert training.rate(30_000) == pytest.approx(5e-4)
    assert training.rate(130_000) == pytest.approx(2.5e-4)


def test_baselines_are_what_counting_by_hand_gives(sequences: Sequences) -> None:
    found = evaluation.baselines(sequences, 1, segment=24)
    train = [sequences.tokens(file)[:, 0] for file in sequences.split("train")]
    test = [sequences.tokens(file)[:, 0] for file in sequences.split("validation")]
    before = np.concatenate([tokens[:-1] for tokens in test])
    after = np.concatenate([tokens[1:] for tokens in test])
    assert found["repeat the last token"].accuracy == pytest.approx((before == after).mean())
    one = np.bincount(np.concatenate(train), minlength=9) + 1.0
    one /= one.sum()
    assert found["unigram"].cross_entropy == pytest.approx(-np.log(one[after]).mean(), rel=1e-5)
    assert found["unigram"].perplexity == pytest.approx(np.exp(-(one * np.log(one)).sum()))
    two = np.ones((9, 9))
    for tokens in train:
        np.add.at(two, (tokens[:-1], tokens[1:]), 1)
    two /= two.sum(1, keepdims=True)
    assert found["bigram"].accuracy == pytest.approx((two[before].argmax(1) == after).mean())
    expected = -np.log(two[before, after]).mean()
    assert found["bigram"].cross_entropy == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("segment", [8, 24, 256])
def test_the_steps_left_out_are_the_same_for_all_that_is_compared(
    run: Path, sequences: Sequences, segment: int
) -> None:
    held = load(run)
    left = sum(file.steps - 30 for file in sequences.split("validation"))
    found = evaluation.evaluate(held.prior, sequences, segment=segment, skip=30)
    assert found.steps == left
    rest = evaluation.baselines(sequences, 4, segment=segment, skip=30)
    assert {figures.steps for figures in rest.values()} == {left}
    with pytest.raises(PriorError, match="nothing to predict"):
        evaluation.evaluate(held.prior, sequences, segment=segment, skip=1000)


def test_sequences_of_another_kind_are_not_predicted(
    run: Path, dataset: Dataset, continuous: Path, tmp_path: Path
) -> None:
    other = encode(dataset, RaveFile(continuous), tmp_path / "other", bins=16)
    with pytest.raises(PriorError, match=r"4 tokens of 9 values, but .* has 4 of 16"):
        evaluation.evaluate(load(run).prior, other)
    alike = encode(dataset, RaveFile(continuous), tmp_path / "alike", bins=9)
    assert not load(run).knows(alike)
    assert load(run).knows(Sequences(Run(run).facts["sequences"]["path"]))


def test_recipes_come_back_from_what_they_write_and_refuse_what_they_do_not_know(
    tmp_path: Path,
) -> None:
    for name in Recipe.names():
        recipe = Recipe.load(name)
        (tmp_path / "r.toml").write_text(recipe.to_toml())
        assert Recipe.load(tmp_path / "r.toml") == recipe
    with pytest.raises(RecipeError, match=r"network\.depth, which is unknown"):
        Recipe().override(["network.depth=3"])
    with pytest.raises(RecipeError, match=r"training\.batch must be a whole number"):
        Recipe().override(["training.batch=many"])


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("network.temporal=rnn", "no temporal model 'rnn'"),
        ("network.parametrisation=joint", "no parametrisation 'joint'"),
        ("network.aggregation=mean", "aggregation is sum, weighted or concatenate"),
        ("network.heads=3", "can't be split between 3 heads"),
        ("network.heads=0", "network.heads must be above 0, not 0"),
        ("network.window=0", "network.window must be above 0, not 0"),
        ("network.cycle=-1", "network.cycle must be above 0, not -1"),
        ("network.dropout=1.5", "from 0 to below 1, not 1.5"),
        ("training.learning_rate=nan", "training.learning_rate must be above 0, not nan"),
        ("training.seed=-1", "seed must not be negative"),
        ("training.patience=-1", "patience and seed must not be negative"),
        ("material.quantisers=-2", "material.quantisers must not be negative"),
        ("material.quantisers=9", "the sequences have 4"),
        ('material.descriptors=["pitch"]', "no descriptor 'pitch' to follow"),
        ("material.rave_codebooks=true", "come without the RAVE's codebooks"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    setting: str, sentence: str, sequences: Sequences
) -> None:
    with pytest.raises((PriorError, RecipeError), match=sentence):
        Training(Recipe().override([*TINY, setting]), sequences)


def test_recordings_too_short_for_the_network_to_predict_anything_are_refused(
    sequences: Sequences,
) -> None:
    # 127 steps of receptive field, and recordings of about 91: nothing would be learnt, and a
    # cross-entropy of nothing would be the best there is.
    settings = ["network.temporal=wavenet", "network.layers=6", "network.cycle=6",
                "training.segment=200"]  # fmt: skip
    with pytest.raises(PriorError, match="no recording of the train split is longer than the"):
        Training(Recipe().override([*TINY, *settings]), sequences)


def test_an_example_must_be_longer_than_the_receptive_field(sequences: Sequences) -> None:
    settings = [*TINY, "network.temporal=wavenet", "network.layers=12"]
    with pytest.raises(PriorError, match="longer than that"):
        Training(Recipe().override(settings), sequences)


def test_a_run_is_not_overwritten_and_other_sequences_are_refused(
    run: Path, sequences: Sequences, tmp_path: Path
) -> None:
    with pytest.raises(PriorError, match="holds a run already"):
        loop.begin(run, Recipe().override(TINY), sequences)
    with pytest.raises(PriorError, match="only training can"):
        loop.resume(run, None, ["network.width=32"])
    with pytest.raises(PriorError, match="no run folder"):
        Run(tmp_path)
    with pytest.raises(PriorError, match="no run folder"):
        Run(run / "run.json")  # a file, such as a model where a run is asked for


@pytest.mark.extended
def test_two_processes_learn_what_one_learns(sequences: Sequences, tmp_path: Path) -> None:
    settings = [*TINY, "network.temporal=wavenet", "training.steps=12"]  # a WaveNet has no dropout
    found = []
    for devices in (1, 2):
        words = ["prior", "train", sequences.path, "-o", tmp_path / str(devices), "-q",
                 "--accelerator", "cpu", "--devices", devices]  # fmt: skip
        given = [word for setting in settings for word in ("--set", setting)]
        command = [sys.executable, "-m", "nnbridge.cli", *(str(word) for word in words), *given]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        table = tmp_path / str(devices) / "metrics.csv"
        found.append(metrics.history(table, "validation/cross_entropy"))
    assert found[1][0] == found[0][0] == [10, 12]
    assert found[1][1] == pytest.approx(found[0][1], abs=1e-4)
