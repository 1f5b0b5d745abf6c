# SPDX-License-Identifier: MIT
"""Sequences: equations 4.2 to 4.4, in step with their descriptors, whole, and all or nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from toy_rave import LATENTS, RATIO, basis

from nnbridge.audio.dataset import Dataset
from nnbridge.audio.descriptors import describe
from nnbridge.prior.code import Bins, Codes
from nnbridge.prior.crops import Crops, windows
from nnbridge.prior.errors import PriorError
from nnbridge.prior.rave_file import RaveFile
from nnbridge.prior.sequences import Sequences, encode


def test_bins_are_those_of_the_normal_cumulative_distribution() -> None:
    values = np.array([-9.0, -3.1, -0.7, -1e-9, 0.0, 0.2, 1.99, 4.0, 8.5, 30.0])
    for vocabulary in (2, 7, 64, 1024):
        # Equation 4.3, integrated rather than looked up.
        shares = [
            integrate.quad(lambda y: np.exp(-(y**2) / 2) / np.sqrt(2 * np.pi), -np.inf, v)[0]
            if v < 9
            else 1.0
            for v in values
        ]
        expected = np.clip(np.floor(np.array(shares) * vocabulary + 1e-12), 0, vocabulary - 1)
        tokens = Bins(vocabulary).tokens(torch.from_numpy(values))
        np.testing.assert_array_equal(tokens.numpy()[values != -1e-9], expected[values != -1e-9])
        assert tokens.min() >= 0
        assert tokens.max() <= vocabulary - 1


@pytest.mark.parametrize("vocabulary", [2, 7, 64, 1024])
def test_a_token_comes_back_from_the_middle_of_its_bin(vocabulary: int) -> None:
    bins = Bins(vocabulary)
    tokens = torch.arange(vocabulary)
    assert torch.equal(bins.tokens(bins.values(tokens)), tokens)
    middles = stats.norm.ppf((np.arange(vocabulary) + 0.5) / vocabulary)
    np.testing.assert_allclose(bins.values(tokens).numpy(), middles, rtol=1e-5, atol=1e-6)


def test_bins_of_a_normal_latent_are_used_equally() -> None:
    tokens = Bins(16).tokens(torch.from_numpy(stats.norm.ppf((np.arange(16000) + 0.5) / 16000)))
    assert torch.bincount(tokens).tolist() == [1000] * 16


def test_codes_are_rounded_and_limited() -> None:
    values = torch.tensor([-3.0, 0.4, 0.6, 6.9, 7.6, 1e30, float("nan")])
    assert Codes(8).tokens(values).tolist() == [0, 0, 1, 7, 7, 7, 0]


def projected(audio: np.ndarray) -> np.ndarray:
    """The toy's latents, offline: [steps, latents]."""
    steps = -(-audio.shape[1] // RATIO)
    padded = np.pad(audio[0], (0, steps * RATIO - audio.shape[1]))
    return padded.reshape(steps, RATIO) @ basis().numpy().T


def test_tokens_and_descriptors_are_those_of_the_same_samples(
    dataset: Dataset, continuous: Path, tmp_path: Path
) -> None:
    made = encode(dataset, RaveFile(continuous), tmp_path / "s", quantisers=3, bins=32)
    split = dataset.split("train")
    assert len(made.split("train")) == len(split.files)
    for index, file in enumerate(made.split("train")):
        audio = split.file(index)
        latents = projected(audio)[:, :3]
        expected = np.clip(np.floor(stats.norm.cdf(latents) * 32), 0, 31)
        found = made.tokens(file)
        assert found.shape == expected.shape
        # A value on the edge of two bins may round to either.
        assert (found != expected).mean() < 0.002
        centroid = describe(audio, dataset.sample_rate, RATIO)["centroid"]
        np.testing.assert_array_equal(made.curves(file, ("centroid",))[:, 0], centroid)


def test_a_discrete_rave_gives_its_codes(sequences: Sequences, dataset: Dataset) -> None:
    assert (sequences.code, sequences.vocabulary, sequences.quantisers) == ("codes", 9, LATENTS)
    file = sequences.split("validation")[0]
    latents = projected(dataset.split("validation").file(0))
    expected = np.clip(np.round(latents * 2 + 4.5), 0, 8)
    assert (sequences.tokens(file) != expected).mean() < 0.002


def test_counts_are_those_of_the_training_split(sequences: Sequences) -> None:
    counts = sequences.counts(2)
    tokens = np.concatenate([sequences.tokens(file) for file in sequences.split("train")])
    for q in range(2):
        for value in range(sequences.vocabulary):
            assert counts[q, value] == (tokens[:, q] == value).sum()


def test_crops_are_functions_of_seed_and_step_and_shared_between_processes(
    sequences: Sequences,
) -> None:
    crops = Crops(sequences, 3, ("centroid",), 24, 4, seed=1)
    whole = crops.at(7)
    assert whole.tokens.shape == (4, 24, 3)
    assert whole.counts.all()
    halves = [crops.at(7, rank, 2) for rank in range(2)]
    for index in range(3):
        assert torch.equal(torch.cat([half[index] for half in halves]), whole[index])
    assert not torch.equal(crops.at(8).tokens, whole.tokens)


def test_crops_of_short_recordings_do_not_count_what_is_filled_up(sequences: Sequences) -> None:
    batch = Crops(sequences, 2, (), 1000, 2, seed=1).at(0)
    lengths = batch.counts.sum(1)
    assert ((lengths > 80) & (lengths < 100)).all()


@pytest.mark.parametrize("steps", [7, 24, 500])
def test_windows_count_every_step_of_a_split_once(sequences: Sequences, steps: int) -> None:
    counted: list[torch.Tensor] = []
    for batch in windows(sequences, "train", 2, (), steps, 5):
        counted += [batch.tokens[batch.counts]]
    found = torch.cat(counted)
    everything = [torch.from_numpy(sequences.tokens(file)[:, :2])
                  for file in sequences.split("train")]  # fmt: skip
    assert len(found) == sum(map(len, everything))
    assert torch.equal(found.sort(0)[0], torch.cat(everything).sort(0)[0])


def test_what_does_not_fit_is_refused_in_one_sentence(
    dataset: Dataset, discrete: Path, continuous: Path, sequences: Sequences, tmp_path: Path
) -> None:
    rave = RaveFile(discrete)
    with pytest.raises(PriorError, match="has 4 latents, not 5"):
        encode(dataset, rave, tmp_path / "a", quantisers=5)
    with pytest.raises(PriorError, match="needs no bins"):
        encode(dataset, rave, tmp_path / "a", bins=8)
    with pytest.raises(PriorError, match="says that it has 9 codes, not 5"):
        encode(dataset, rave, tmp_path / "a", codes=5)
    with pytest.raises(PriorError, match=r"no codes of 0 to 4: leave out --codes if it is cont"):
        encode(dataset, RaveFile(continuous), tmp_path / "a", codes=5)
    with pytest.raises(PriorError, match="holds sequences already"):
        encode(dataset, rave, sequences.path)
    with pytest.raises(PriorError, match=r"holds no sequences .* nnbridge prior encode"):
        Sequences(tmp_path)
    with pytest.raises(PriorError, match=r"holds no sequences .* --out OUT\."):
        Sequences(rave.path)
    with pytest.raises(PriorError, match="there is no file"):
        RaveFile(tmp_path / "none.ts")
    assert not (tmp_path / "a").exists()


def test_a_discrete_rave_that_does_not_say_its_codes_is_not_taken_for_a_continuous_one(
    dataset: Dataset, discrete: Path, tmp_path: Path
) -> None:
    rave = RaveFile(discrete)
    rave.vocabulary = 0
    rave.encode = lambda audio: RaveFile(discrete).encode(audio) + 20  # type: ignore[method-assign]
    with pytest.raises(PriorError, match="so add --codes N"):
        encode(dataset, rave, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert encode(dataset, rave, tmp_path / "a", codes=32).vocabulary == 32


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": 1}', '{"format": 1, "files": [3]}'])
def test_sequences_that_lost_their_facts_are_answered_with_one_sentence(
    content: str, tmp_path: Path
) -> None:
    (tmp_path / "sequences.json").write_text(content)
    with pytest.raises(PriorError, match=r"damaged|newer"):
        Sequences(tmp_path)
