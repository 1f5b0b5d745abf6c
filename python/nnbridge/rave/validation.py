# SPDX-License-Identifier: MIT
"""How well a network reconstructs what it was not trained on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from nnbridge.audio.dataset import Split

_SECONDS = 6.0


class Crops(TorchDataset[Tensor]):
    """The same pieces of held-out recordings every time.

    Evenly chosen files, each from its begin, as float32 [1, channels, frames]; frames is a multiple
    of `multiple`, with silence behind a shorter file.

    Args:
        split: usually the validation split.
        multiple: samples per latent frame.
        items: at most so many.
        seconds: at most so long each.
    """

    def __init__(self, split: Split, multiple: int, items: int, seconds: float = _SECONDS) -> None:
        self._split = split
        self._multiple = multiple
        self._longest = max(1, int(seconds * split.dataset.sample_rate) // multiple) * multiple
        count = min(items, len(split.files))
        self._files = [int(i) for i in np.linspace(0, len(split.files) - 1, count)]

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Tensor:
        if not 0 <= index < len(self._files):
            raise IndexError(index)
        samples = torch.from_numpy(self._split.file(self._files[index]))[:, : self._longest]
        missing = -samples.shape[-1] % self._multiple
        return torch.nn.functional.pad(samples, (0, missing)).unsqueeze(0)
