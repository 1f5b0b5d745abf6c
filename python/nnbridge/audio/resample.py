# SPDX-License-Identifier: MIT
"""Whole signals at another rate, piece by piece."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.signal import firwin, upfirdn

from .source import PIECE, Signal, Source


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
