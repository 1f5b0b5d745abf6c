# SPDX-License-Identifier: MIT
"""What a rendering reads: pieces of [channels, frames] at the host's rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
from scipy.signal import firwin, upfirdn

from nnbridge.host import Error

from .latents import Signal, Steps

PIECE = 16384
"""Frames read, run and written at a time."""


class Source(Protocol):
    """A signal in pieces."""

    name: str
    """For error messages."""
    channels: int
    rate: int
    """Of its frames, in Hz."""
    frames: int
    """How many there are."""

    def pieces(self) -> Iterator[Signal]:
        """[channels, frames], one after the other."""
        ...


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


class FileSource:
    """An audio file."""

    def __init__(self, path: Path) -> None:
        self.name = f"'{path}'"
        self._path = path
        with self._open() as file:
            self.channels, self.rate, self.frames = file.channels, file.samplerate, file.frames
        if self.frames < 1:
            raise Error(f"{self.name} holds no audio.")

    def _open(self) -> soundfile.SoundFile:
        try:
            return soundfile.SoundFile(self._path)
        except (soundfile.SoundFileError, OSError) as error:
            reason = getattr(error, "error_string", None) or error
            raise Error(
                f"{self.name} can't be read as audio ({str(reason).rstrip('.')})."
            ) from None

    def pieces(self) -> Iterator[Signal]:
        """As `Source`."""
        left = self.frames
        with self._open() as file:
            while left > 0:
                try:
                    piece = file.read(min(PIECE, left), dtype="float32", always_2d=True)
                except soundfile.SoundFileError as error:
                    raise Error(f"{self.name} can't be read to its end ({error}).") from None
                if len(piece) == 0:
                    raise Error(
                        f"{self.name} is cut off: {self.frames - left} of the {self.frames} frames "
                        "that it announces are there."
                    )
                left -= len(piece)
                yield np.ascontiguousarray(piece.T)


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


class Converted:
    """Another source at another rate.

    A Kaiser-windowed sinc over 64 samples of the lower rate to either side: flat within 0.1 dB to
    0.9 of the lower Nyquist frequency, and below -100 dB from 1 on. Without delay, and independent
    of how the source is cut.
    """

    _HALF = 64

    def __init__(self, source: Source, rate: int) -> None:
        self.name, self.channels, self.rate = source.name, source.channels, rate
        common = math.gcd(rate, source.rate)
        self._source = source
        self._up, self._down = rate // common, source.rate // common
        self.frames = -(-source.frames * self._up // self._down)

    def pieces(self) -> Iterator[Signal]:
        """As `Source`."""
        up, down = self._up, self._down
        # The kernel's centre is a whole number of output steps from its begin, and its reach in
        # inputs a whole number of periods, so that all pieces see the same phases.
        slower = max(up, down)
        half = -(-self._HALF * slower // down) * down
        taps = up * firwin(2 * half + 1, 0.941, window=("kaiser", 11.0), fs=2.0 * slower)
        reach = -(-half // (up * down)) * down
        step = max(1, PIECE // down) * down
        begin = reach * up // down + half // down
        made = 0
        for window in self._windows(step, reach):
            filtered = upfirdn(taps, window, up, down, axis=1)
            piece = filtered[:, begin : begin + min(step * up // down, self.frames - made)]
            made += piece.shape[1]
            yield piece.astype(np.float32)

    def _windows(self, step: int, reach: int) -> Iterator[Signal]:
        """The source in steps, with `reach` frames of its past and of its future around each."""
        held = np.zeros((self.channels, reach), dtype=np.float32)
        length = step + 2 * reach
        for piece in self._source.pieces():
            held = np.concatenate([held, piece], axis=1)
            while held.shape[1] >= length:
                yield held[:, :length]
                held = held[:, step:]
        while held.shape[1] > reach:
            yield np.pad(held[:, :length], [(0, 0), (0, max(0, length - held.shape[1]))])
            held = held[:, step:]
