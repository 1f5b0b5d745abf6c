# SPDX-License-Identifier: MIT
"""A dataset, toy RAVEs, sequences and a trained prior, made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_priors import TINY
from toy_rave import RATE, RATIO, ToyRave

from nnbridge.audio.dataset import Dataset
from nnbridge.audio.prepare import prepare
from nnbridge.contract import export
from nnbridge.prior import loop
from nnbridge.prior.rave_file import RaveFile
from nnbridge.prior.recipe import Recipe
from nnbridge.prior.sequences import Sequences, encode


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("priors")


@pytest.fixture(scope="session")
def dataset(place: Path) -> Dataset:
    """Six recordings of about a second: tones that take turns, in noise."""
    folder = place / "recordings"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        frames = RATIO * 90 + 17 * number
        pitch = np.repeat(np.resize([200.0, 420.0, 310.0], 40), RATIO * 6)[:frames]
        tone = 0.4 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE + number)
        noise = 0.02 * rng.standard_normal(frames)
        soundfile.write(folder / f"{number}.wav", tone + noise, RATE, "FLOAT")
    return prepare([folder], place / "dataset", RATE, 1, 0.2).dataset


@pytest.fixture(scope="session")
def continuous(place: Path) -> Path:
    return export(ToyRave(), place / "continuous.ts")


@pytest.fixture(scope="session")
def discrete(place: Path) -> Path:
    return export(ToyRave(vocabulary=9), place / "discrete.ts")


@pytest.fixture(scope="session")
def sequences(dataset: Dataset, discrete: Path, place: Path) -> Sequences:
    return encode(dataset, RaveFile(discrete), place / "sequences")


@pytest.fixture(scope="session")
def run(sequences: Sequences, place: Path) -> Path:
    """The run of a tiny prior."""
    folder = place / "run"
    held, training = loop.begin(folder, Recipe().override(TINY), sequences)
    loop.train(training, held, lambda _: None, lambda *_: None, accelerator="cpu")
    return folder
