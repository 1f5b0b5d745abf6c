# SPDX-License-Identifier: MIT
"""Batches that depend on nothing but the seed and the step.

So a training that is resumed at a step sees what it would have seen, and two processes see the
halves of the batch that one would see.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from .augment import Augmentation
from .dataset import Split
from .errors import AudioError


class Batches:
    """Random crops of a split, augmented.

    Args:
        split: where they come from.
        frames: length of a crop.
        batch: items of a batch, over all processes.
        seed: not negative. Each item of each batch has a random generator of its own, made of seed,
            step, and its index in the whole batch.
        augment: changes each crop, for example `augment.chain`.

    Raises:
        AudioError: the split is empty, or a number makes no sense.
    """

    def __init__(
        self,
        split: Split,
        frames: int,
        batch: int,
        seed: int = 0,
        augment: Augmentation | None = None,
    ) -> None:
        if not split.files:
            raise AudioError(f"'{split.dataset.path}' has no {split.name} files.")
        for name, value, least in [("crop", frames, 1), ("batch", batch, 1), ("seed", seed, 0)]:
            if value < least:
                raise AudioError(f"A {name} is at least {least}, not {value}.")
        self.split, self.frames, self.batch, self.seed = split, frames, batch, seed
        self._augment = augment

    def at(self, step: int, rank: int = 0, world: int = 1) -> torch.Tensor:
        """The items of batch number `step` that process `rank` of `world` takes.

        Returns:
            float32 [batch / world, channels, frames].

        Raises:
            AudioError: the batch can't be shared evenly.
        """
        if self.batch % world:
            raise AudioError(
                f"A batch of {self.batch} can't be shared evenly by {world} processes."
            )
        share = self.batch // world
        items = range(rank * share, (rank + 1) * share)
        return torch.from_numpy(np.stack([self._item(step, item) for item in items]))

    def _item(self, step: int, item: int) -> np.ndarray:
        random = np.random.default_rng([self.seed, step, item])
        crop = self.split.crop(self.frames, random)
        return self._augment(crop, random) if self._augment else crop


class Stream(IterableDataset[torch.Tensor]):
    """Batch after batch without end, for a `torch.utils.data.DataLoader(..., batch_size=None)`.

    Its workers take turns, so the order is the same with any number of them.

    Args:
        batches: where they come from.
        start: number of the first.
        rank: of this process.
        world: how many processes share each batch.
    """

    def __init__(self, batches: Batches, start: int = 0, rank: int = 0, world: int = 1) -> None:
        self._batches, self._start, self._rank, self._world = batches, start, rank, world

    def __iter__(self) -> Iterator[torch.Tensor]:
        worker = get_worker_info()
        step = self._start + (worker.id if worker else 0)
        while True:
            yield self._batches.at(step, self._rank, self._world)
            step += worker.num_workers if worker else 1
