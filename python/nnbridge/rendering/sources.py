# SPDX-License-Identifier: MIT
"""What a rendering reads: pieces of [channels, frames] at the host's rate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nnbridge.audio import AudioError
from nnbridge.audio.files import AudioFile
from nnbridge.audio.resample import Converted
from nnbridge.audio.source import PIECE, Source
from nnbridge.host import Error

from .latents import Signal, Steps

__all__ = ["PIECE", "ArraySource", "Converted", "FileSource", "HeldSource", "Source"]


@contextmanager
def _engine_errors() -> Iterator[None]:
    try:
        yield
    except AudioError as error:
        raise Error(str(error)) from None


class ArraySource:
    """An array in memory, or mapped into it."""

    def __init__(self, array: Signal, rate: int, name: str) -> None:
        self.name, self.rate = name, rate
        self.channels, self.frames = array.shape
        self._array = array

    def pieces(self) -> Iterator[Signal]:
        """As `Source`."""
        for begin in range(0, self.frames, PIECE):
            yield np.asarray(self._array[:, begin : begin + PIECE], dtype=np.float32)


class FileSource(AudioFile):
    """An audio file, with the engine's kind of error."""

    def __init__(self, path: Path) -> None:
        with _engine_errors():
            super().__init__(path)

    def pieces(self) -> Iterator[Signal]:
        """As `Source`."""
        with _engine_errors():
            yield from super().pieces()


class HeldSource:
    """Latents [channels, steps], held at the host's rate."""

    def __init__(self, values: Signal, steps: Steps, name: str) -> None:
        self.name = name
        self.channels = values.shape[0]
        self.rate = steps.host_rate
        self.frames = steps.first_frame(values.shape[1])
        self._values, self._steps = values, steps

    def pieces(self) -> Iterator[Signal]:
        """As `Source`."""
        count = self._values.shape[1]
        at_once = max(1, PIECE // max(1, self._steps.first_frame(1)))
        for begin in range(0, count, at_once):
            end = min(begin + at_once, count)
            lengths = np.diff(self._steps.first_frames(begin, end + 1))
            piece = np.asarray(self._values[:, begin:end], dtype=np.float32)
            yield np.repeat(piece, lengths, axis=1)
