# SPDX-License-Identifier: MIT
"""Crops and batches: drawn fairly, and the same whenever they are asked for."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from nnbridge.audio import AudioError
from nnbridge.audio.augment import chain
from nnbridge.audio.batches import Batches, Stream
from nnbridge.audio.dataset import Dataset, Split
from nnbridge.audio.prepare import prepare


@pytest.fixture
def train(record, tmp_path: Path) -> Split:
    """One file of 3 s, one of 1 s; sample values count their positions."""
    import soundfile

    (tmp_path / "in").mkdir()
    for name, first, count in [("a", 1, 24000), ("b", -8000, 8000)]:
        ramp = np.arange(first, first + count, dtype=np.int16)
        soundfile.write(tmp_path / f"in/{name}.wav", ramp, 8000)
    record("out/v.wav")
    prepare([tmp_path / "in"], tmp_path / "data", 8000, validation_folders=[tmp_path / "out"])
    return Dataset(tmp_path / "data").split("train")


def test_a_crop_is_a_piece_of_one_file_with_silence_only_outside_it(train):
    random = np.random.default_rng(0)
    firsts, lasts = [], []
    for _ in range(2000):
        crop = np.round(train.crop(2000, random)[0] * 32768).astype(int)
        inside = crop[crop != 0]
        assert len(inside) >= 1750
        assert (np.diff(inside) == 1).all()
        outside = np.flatnonzero(crop == 0)
        if len(outside):
            whole = inside[0] in (1, -8000) or inside[-1] in (24000, -1)
            assert whole
            assert (np.diff(outside) == 1).all()
        firsts.append(int(inside[0]))
        lasts.append(int(inside[-1]) if len(inside) < 2000 else 0)
    longer = np.array([first for first in firsts if first > 0])
    assert len(longer) / 2000 == pytest.approx(0.75, abs=0.04)  # in proportion to length
    deciles = np.histogram(longer, 8, (1, 22001))[0] / len(longer)
    assert deciles == pytest.approx(np.full(8, 1 / 8), abs=0.04)  # anywhere, alike
    assert sum(first in (1, -8000) for first in firsts) > 10  # attacks are seen
    assert sum(last in (24000, -1) for last in lasts) > 10


def test_a_file_shorter_than_a_crop_lies_whole_anywhere_in_it(train):
    random = np.random.default_rng(0)
    begins = []
    for _ in range(300):
        crop = train.crop(40000, random)[0] * 32768
        there = crop[crop != 0]
        assert len(there) in (24000, 8000)
        begins.append((int((crop != 0).argmax()), len(there)))
    places = [begin / (40000 - length) for begin, length in begins]
    assert np.histogram(places, 4, (0, 1))[0] / 300 == pytest.approx(np.full(4, 0.25), abs=0.09)


def test_a_batch_depends_on_seed_and_step_alone(train):
    def batches(seed: int) -> Batches:
        return Batches(train, 512, 4, seed, chain(8000, gain_probability=0.5))

    first = batches(1)
    later = [first.at(step) for step in range(6)]
    again = batches(1)
    for step in (5, 2, 0):
        assert torch.equal(again.at(step), later[step])
    assert later[0].shape == (4, 1, 512)
    assert later[0].dtype == torch.float32
    every = torch.cat([*later, *(batches(2).at(step) for step in range(6))])
    assert len(torch.unique(every, dim=0)) == len(every)


def test_several_processes_share_one_batch(train):
    batches = Batches(train, 512, 6, 3, chain(8000))
    for world in (2, 3, 6):
        parts = [batches.at(7, rank, world) for rank in range(world)]
        assert torch.equal(torch.cat(parts), batches.at(7))
    with pytest.raises(AudioError, match="evenly by 4"):
        batches.at(0, 0, 4)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_goes_on_in_order_from_any_step(train, workers):
    batches = Batches(train, 512, 2, 0, chain(8000))
    options = {"multiprocessing_context": "fork"} if workers else {}
    loader = DataLoader(Stream(batches, start=11), batch_size=None, num_workers=workers, **options)
    for step, batch in zip(range(11, 16), loader, strict=False):
        assert torch.equal(batch, batches.at(step))


def test_other_processes_map_the_samples_instead_of_getting_copies(train):
    batches = Batches(train, 512, 2, 0, chain(8000))
    packed = pickle.dumps(batches)
    assert len(packed) < 3000
    assert torch.equal(pickle.loads(packed).at(3), batches.at(3))


def test_a_dataset_says_what_it_holds(train):
    dataset = train.dataset
    assert (dataset.sample_rate, dataset.channels) == (8000, 1)
    assert (train.frames, train.seconds, dataset.seconds) == (32000, 4.0, 4.5)
    np.testing.assert_array_equal(train.file(0)[0] * 32768, np.arange(1, 24001))
    assert dataset.hash == Dataset(dataset.path).hash


def test_what_is_no_dataset_is_refused(train, tmp_path):
    data = tmp_path / "data"
    with pytest.raises(AudioError, match="is no dataset"):
        Dataset(tmp_path)
    file = tmp_path / "model.ts"
    file.write_bytes(b"no folder at all")
    with pytest.raises(AudioError, match="is no dataset"):
        Dataset(file)
    with pytest.raises(AudioError, match="no train files"):
        Batches(Split(train.dataset, "train", ()), 512, 2)
    with pytest.raises(AudioError, match="batch is at least 1"):
        Batches(train, 512, 0)
    with (data / "audio.i16").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(AudioError, match="shorter than its list"):
        Dataset(data)
    for text, words in [("{", "damaged"), ('{"format": 9}', "newer"), ('{"format": 1}', "damaged")]:
        (data / "dataset.json").write_text(text)
        with pytest.raises(AudioError, match=words):
            Dataset(data)
