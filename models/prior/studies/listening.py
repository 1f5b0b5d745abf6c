# SPDX-License-Identifier: MIT
"""What can be measured of how the shipped prior plays on, as ``make demo`` lets it.

    python models/prior/studies/listening.py DATASET OUT [--recordings 8]

It hears four seconds of each of the longest held-out recordings, and plays on. One table row for
what was heard of them and one for what was played, medians over the recordings.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import find_peaks

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import demo

import nnbridge
from nnbridge.audio.dataset import Dataset
from nnbridge.audio.onsets import onset_strength

WINDOW = 0.1
"""Seconds, of a level."""
PAUSE = -50.0
"""dB, below which a window is a pause."""
PROMINENCE = 0.1
"""Of an onset, in units of `onset_strength`."""
PARTS = ("heard", "the half second after", "played")


def measure(sound: NDArray[np.float32], rate: int) -> dict[str, float]:
    """Level, pauses and onsets of a piece."""
    size = int(WINDOW * rate)
    windows = sound[: len(sound) // size * size].reshape(-1, size)
    levels = 10 * np.log10(np.mean(windows**2, 1) + 1e-12)
    longest = run = 0
    for quiet in levels < PAUSE:
        run = run + 1 if quiet else 0
        longest = max(longest, run)
    strength, _ = onset_strength(sound, rate)
    onsets, _ = find_peaks(strength, prominence=PROMINENCE)
    return {
        "level, dB": float(10 * np.log10(np.mean(sound**2) + 1e-12)),
        "peak": float(np.abs(sound).max()),
        "longest pause, s": longest * WINDOW,
        "onsets per second": len(onsets) / (len(sound) / rate),
    }


def main() -> None:
    """Does it all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recordings", type=int, default=8)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    split = Dataset(given.dataset).split("validation")
    chosen = sorted(split.files, key=lambda file: -file.frames)[: given.recordings]
    model = nnbridge.load(demo.exported(given.out))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in PARTS}
    for file in chosen:
        path, second, _ = demo.continued(model, Path(file.path), given.out)
        sound, rate = soundfile.read(path, dtype="float32")
        switch = round(second * rate)
        parts = (sound[:switch], sound[switch : switch + rate // 2], sound[switch:])
        for name, part in zip(PARTS, parts, strict=True):
            found[name].append(measure(part, rate))
    names = list(found["played"][0])
    print("| | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for what, rows in found.items():
        medians = (statistics.median(row[name] for row in rows) for name in names)
        print(f"| {what} | " + " | ".join(f"{value:.2f}" for value in medians) + " |")


if __name__ == "__main__":
    main()
