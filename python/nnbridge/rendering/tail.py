# SPDX-License-Identifier: MIT
"""What a model still sounds after its input has ended."""

from __future__ import annotations

from typing import Literal

import numpy as np

from nnbridge.host import Error

from .latents import Signal

QUIET = 1e-4
"""-80 dB below full scale."""
PATIENCE = 1.0
"""Seconds of quiet after which nothing more is expected."""
LONGEST = 10.0
"""Seconds. What sounds on for longer has no end of its own."""


class Tail:
    """Collects frames after the end of the input until it is known how many of them count.

    Args:
        wish: seconds, exactly; or "auto": up to the last sample above -80 dB that is followed by a
            second below it. A model that has not gone quiet after 10 s, one that hums or makes up
            sound by itself, gets no tail.
        rate: of the frames, in Hz.
    """

    def __init__(self, wish: float | Literal["auto"], rate: int) -> None:
        if wish != "auto" and (not isinstance(wish, float | int) or not 0 <= wish <= 3600):
            raise Error(f"The tail is 'auto', or from 0 to 3600 seconds, not {wish!r}.")
        self._pieces: list[Signal] = []
        self._frames = 0
        self._loud = 0  # frames up to and with the last loud one
        self._auto = wish == "auto"
        self._patience = round(PATIENCE * rate)
        self._most = round((LONGEST if wish == "auto" else float(wish)) * rate)
        self.seconds = 0.0 if wish == "auto" else float(wish)
        self.length: int | None = None if self._most else 0
        """Frames of the tail, once it is known."""

    def add(self, piece: Signal) -> None:
        """The next frames, [channels, frames]."""
        piece = piece[:, : self._most - self._frames]
        self._pieces.append(piece.copy())
        if self._auto:
            loud = np.flatnonzero(np.abs(piece).max(axis=0) > QUIET) + self._frames
            loud = np.concatenate([[self._loud - 1], loud])
            pauses = np.flatnonzero(np.diff(loud) > self._patience)
            self._loud = int(loud[pauses[0] if len(pauses) else -1]) + 1
        self._frames += piece.shape[1]
        if self._auto and self._frames - self._loud >= self._patience:
            self.length = self._loud
        elif self._frames >= self._most:
            self.length = 0 if self._auto else self._most

    def pieces(self) -> Signal:
        """[channels, length]."""
        if not self.length:
            return np.zeros((self._pieces[0].shape[0] if self._pieces else 1, 0), dtype=np.float32)
        return np.concatenate(self._pieces, axis=1)[:, : self.length]
