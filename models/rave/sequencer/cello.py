# SPDX-License-Identifier: MIT
"""Short melodies, sequenced from real cello notes."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from .sounds import RATE, Sound, add, faded, read, write

_NAMES = {"C": 0, "Eb": 3, "Gb": 6, "A": 9}
_SCALES = {
    "minor": [0, 2, 3, 5, 7, 8, 10],
    "dorian": [0, 2, 3, 5, 7, 9, 10],
    "major": [0, 2, 4, 5, 7, 9, 11],
    "pentatonic": [0, 3, 5, 7, 10],
    "thirds": [0, 3, 6, 9],
}
_DYNAMICS = ["p", "mp", "mf", "f"]
_SEMITONE = (84, 89)
"""So much shorter is a semitone up, to 0.1 cent."""

Notes = dict[str, dict[int, dict[str, list[Path]]]]
"""Recordings by articulation, pitch (semitones) and dynamics."""


def notes(data: Path) -> list[Path]:
    """All recordings, relative to the folder of the recordings."""
    return sorted(path.relative_to(data) for path in (data / "cello").rglob("*.flac"))


def sorted_notes(data: Path, recordings: list[Path]) -> Notes:
    """By what a melody asks for."""
    found: Notes = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for path in recordings:
        words = path.stem.split("_")
        pitch = 12 * int(words[0][-1]) + _NAMES[words[0][:-1]]
        dynamics = words[1] if words[1] in _DYNAMICS else ""
        found[path.parent.name][pitch][dynamics].append(data / path)
    return found


def phrases(notes: Notes, seconds: float, seed: list[int], out: Path) -> list[dict[str, Any]]:
    """Writes phrases until there are so many seconds of them.

    Returns:
        What each is made of.
    """
    out.mkdir(parents=True, exist_ok=True)
    made: list[dict[str, Any]] = []
    total = 0.0
    while total < seconds:
        random = np.random.default_rng([*seed, len(made)])
        mix, facts = _phrase(notes, random)
        name = f"phrase-{len(made):03d}-{facts['articulation']}.flac"
        write(out / name, mix, float(random.uniform(-9.0, -1.0)))
        made.append({"file": f"{out.name}/{name}", **facts})
        total += len(mix) / RATE
    return made


def _phrase(notes: Notes, random: np.random.Generator) -> tuple[Sound, dict[str, Any]]:
    articulation = str(random.choice(["sus", "sus", "sus", "staccato", "pizzicato"]))
    scale = str(random.choice(list(_SCALES)))
    beat = 60.0 / float(random.uniform(60.0, 120.0))
    lengths = [0.5, 1.0, 1.0, 2.0] if articulation == "sus" else [0.5, 0.5, 1.0]
    pitches = sorted(notes[articulation])
    allowed = [
        pitch
        for pitch in range(pitches[0], pitches[-1] + 1)
        if (pitch - int(pitches[0])) % 12 in _SCALES[scale]
    ]
    place = int(random.integers(len(allowed)))
    dynamics = float(random.uniform(0.0, 3.0))
    mix = np.zeros(round(14.0 * RATE), dtype=np.float32)
    time, count = 0.02, 0
    while time < 10.0:
        length = float(random.choice(lengths)) * beat
        if count and random.random() < 0.08:  # a rest
            time += length
            continue
        word = _DYNAMICS[round(dynamics)]
        sound = _note(notes[articulation], allowed[place], word, random)
        # The bow goes on for a moment while the next note begins; plucked notes ring on.
        held = length + (0.12 if articulation == "sus" else 0.6)
        end = min(len(sound), round(held * RATE), len(mix) - round(time * RATE))
        add(mix, faded(sound, end, 0.15), round((time + random.normal(0.0, 0.006)) * RATE))
        time += length
        count += 1
        place = int(np.clip(place + random.integers(-3, 4), 0, len(allowed) - 1))
        dynamics = float(np.clip(dynamics + random.normal(0.0, 0.5), 0.0, 3.0))
    last = int(np.flatnonzero(np.abs(mix) > 1e-4)[-1]) + 1
    return mix[:last], {
        "articulation": articulation,
        "scale": scale,
        "notes": count,
        "beat": round(beat, 3),
    }


def _note(
    notes: dict[int, dict[str, list[Path]]], pitch: int, dynamics: str, random: np.random.Generator
) -> Sound:
    """The nearest recording; up to a few semitones away it is played faster or slower."""
    away = min(abs(pitch - there) for there in notes)
    there = min(other for other in notes if abs(pitch - other) == away)
    choices = notes[there]
    fitting = choices.get(dynamics) or choices[sorted(choices)[int(random.integers(len(choices)))]]
    return _transposed(fitting[int(random.integers(len(fitting)))], pitch - there)


@cache
def _transposed(path: Path, semitones: int) -> Sound:
    sound = read(path)
    shorter, longer = _SEMITONE if semitones > 0 else _SEMITONE[::-1]
    for _ in range(abs(semitones)):
        sound = resample_poly(sound, shorter, longer).astype(np.float32)
    return sound
