# SPDX-License-Identifier: MIT
"""A signal in pieces, so that its length does not matter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float32]
"""[channels, frames]"""

PIECE = 16384
"""Frames at a time."""


class Source(Protocol):
    """What is read piece by piece, as often as wanted."""

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
