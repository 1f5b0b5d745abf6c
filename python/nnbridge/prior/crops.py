# SPDX-License-Identifier: MIT
"""Pieces of sequences: random ones to train on, and all of a split to measure on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .sequences import File, Sequences, SplitName


class Batch(NamedTuple):
    """Pieces of one length; shorter ones are filled up behind their end."""

    tokens: Tensor
    """[batch, steps, quantisers] long"""
    curves: Tensor
    """[batch, steps, descriptors] float32"""
    counts: Tensor
    """[batch, steps] bool: what is to be predicted; never what is filled up."""


class Crops:
    """Batches at random places of the training split.

    Every batch is a function of (seed, step) alone, and every process takes its part of it, so
    that training goes on exactly after an interruption.

    Args:
        sequences: to cut from.
        quantisers: only the first so many.
        names: of the descriptors that come along.
        steps: of a piece.
        batch: pieces per training step, over all processes.
        seed: of the places.
    """

    def __init__(
        self,
        sequences: Sequences,
        quantisers: int,
        names: tuple[str, ...],
        steps: int,
        batch: int,
        seed: int,
    ) -> None:
        self._sequences, self._quantisers, self._names = sequences, quantisers, names
        self._steps, self._batch, self._seed = steps, batch, seed
        self._files = sequences.split("train")
        # Places where a piece can begin; a recording shorter than a piece has one.
        places = [max(1, file.steps - steps + 1) for file in self._files]
        self._ends = np.cumsum(places)

    def at(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """The part of one process in the batch of one training step."""
        share = self._batch // world
        pieces = []
        for item in range(rank * share, (rank + 1) * share):
            random = np.random.default_rng((self._seed, step, item))
            place = int(random.integers(self._ends[-1]))
            index = int(np.searchsorted(self._ends, place, side="right"))
            begin = place - int(self._ends[index - 1] if index else 0)
            pieces.append((self._files[index], begin, begin))
        return _joined(self._sequences, self._quantisers, self._names, pieces, self._steps)


def windows(
    sequences: Sequences,
    split: SplitName,
    quantisers: int,
    names: tuple[str, ...],
    steps: int,
    batch: int,
    skip: int = 0,
) -> Iterator[Batch]:
    """All of a split: each step counts once, with up to `steps` before it to be known.

    Args:
        sequences: to cut from.
        split: which.
        quantisers: only the first so many.
        names: of the descriptors that come along.
        steps: that count in a piece.
        batch: pieces at a time.
        skip: steps at the begin of each recording that don't count.
    """
    pieces = [
        (file, max(0, begin - steps), begin)
        for file in sequences.split(split)
        for begin in range(0, file.steps, steps)
        if skip < min(begin + steps, file.steps)
    ]
    # Those at the begin of a recording are shorter: they go together.
    pieces.sort(key=lambda piece: piece[1] < piece[2])
    for i in range(0, len(pieces), batch):
        together = pieces[i : i + batch]
        longest = max(begin - first for _, first, begin in together) + steps
        yield _joined(sequences, quantisers, names, together, longest, steps, skip)


def _joined(
    sequences: Sequences,
    quantisers: int,
    names: tuple[str, ...],
    pieces: list[tuple[File, int, int]],
    length: int,
    counted: int | None = None,
    skip: int = 0,
) -> Batch:
    """Pieces (file, first step, first step that counts), each of `length` steps at most."""
    tokens = np.zeros((len(pieces), length, quantisers), dtype=np.int64)
    curves = np.zeros((len(pieces), length, len(names)), dtype=np.float32)
    counts = np.zeros((len(pieces), length), dtype=bool)
    for row, (file, first, begin) in enumerate(pieces):
        end = first + length if counted is None else begin + counted
        held = sequences.tokens(file, first, end)[:, :quantisers]
        tokens[row, : len(held)] = held
        curves[row, : len(held)] = sequences.curves(file, names, first, end)
        counts[row, max(begin, skip) - first : len(held)] = True
    return Batch(torch.from_numpy(tokens), torch.from_numpy(curves), torch.from_numpy(counts))
