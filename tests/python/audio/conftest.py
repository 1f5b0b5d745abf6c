# SPDX-License-Identifier: MIT
"""Small recordings to prepare."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

Record = Callable[..., np.ndarray]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Writes noise of a seed into a file, and returns what a 16-bit file holds of it."""

    def write(name: str, seconds: float = 0.5, seed: int = 0, rate: int = 8000, **options: object):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * rate))
        samples = np.round(noise * 32768).astype(np.int16)
        soundfile.write(path, samples, rate, **options)
        return samples

    return write
