# SPDX-License-Identifier: MIT
"""Recordings of single sounds, and placing them in time."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from nnbridge.audio.files import AudioFile, Rechanneled
from nnbridge.audio.resample import Converted
from nnbridge.audio.source import Source

RATE = 44100
Sound = NDArray[np.float32]
"""[frames] at `RATE`."""


@cache
def read(path: Path) -> Sound:
    """A recording, mono."""
    source: Source = Rechanneled(AudioFile(path), 1)
    if source.rate != RATE:
        source = Converted(source, RATE)
    return np.concatenate(list(source.pieces()), axis=1)[0]


def faded(sound: Sound, frames: int, fade: float) -> Sound:
    """The first so many frames, the last of them faded out over so many seconds."""
    cut = sound[:frames].copy()
    if frames < len(sound):
        length = min(round(fade * RATE), frames)
        cut[frames - length :] *= np.linspace(1.0, 0.0, length, dtype=np.float32) ** 2
    return cut


def add(mix: Sound, sound: Sound, begin: int) -> None:
    """Adds a sound; what goes beyond the end comes in again at the begin, as in a loop."""
    while len(sound):
        begin %= len(mix)
        count = min(len(sound), len(mix) - begin)
        mix[begin : begin + count] += sound[:count]
        sound, begin = sound[count:], 0


def write(path: Path, mix: Sound, peak: float) -> None:
    """Writes a 16-bit FLAC file with a peak of so many dB."""
    scaled = mix * (10.0 ** (peak / 20.0) / max(1e-6, float(np.abs(mix).max())))
    part = path.with_name(path.name + ".part")
    soundfile.write(part, scaled, RATE, format="FLAC", subtype="PCM_16")
    part.replace(path)
