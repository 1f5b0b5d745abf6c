# SPDX-License-Identifier: MIT
"""Drum patterns: a bar of sixteenths for each role, and how it varies.

A digit is the probability of a hit in tenths (x: always), drawn once for a loop; where it is
likely, it is also loud.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEPS = 16

STYLES: dict[str, dict[str, str]] = {
    "rock": {
        "kick": "x.1.3.28x.4.2.1.",
        "snare": "....x..1....x..2",
        "ghost": ".1.1..1..2.1..1.",
        "closed": "x.9.x.9.x.9.x.8.",
        "open": "......1.......3.",
    },
    "funk": {
        "kick": "x.35..4.2.6..3.1",
        "snare": "....x.......x..1",
        "ghost": ".3.3.2.5.5.4.3.3",
        "closed": "x7x7x7x6x7x7x6x5",
        "open": "..1...2...3...2.",
    },
    "house": {
        "kick": "x...x...x...x..1",
        "clap": "....9.......9...",
        "snare": "....4.......4..1",
        "closed": "6.3.6.3.6.3.6.35",
        "open": "..9...9...9...9.",
        "shaker": "3434343434343434",
        "conga": ".1.2..21.2.1.21.",
    },
    "hip-hop": {
        "kick": "x..3..52.4x...2.",
        "snare": "....x..1.1..x...",
        "closed": "x.8.x38.x.8.x382",
        "rim": ".......1..1....1",
        "shaker": "..2...2...2...2.",
    },
    "break": {
        "kick": "x.x..1..1.x7..1.",
        "snare": "....x..6.4..x..4",
        "ghost": ".1.2.3.2.3.2.2.2",
        "ride": "8.8.8.8.8.8.8.8.",
        "crash": "2...............",
    },
    "electro": {
        "kick": "x..5..6.x.4..6..",
        "snare": "....x.......x...",
        "clap": "....4.......4..3",
        "closed": "x8x8x8x8x8x8x8x8",
        "bell": "2..4..2.3..4..2.",
        "low": ".........1.1..21",
    },
    "bossa": {
        "kick": "x..8x..8x..8x..8",
        "rim": "x..9..9...9..9..",
        "closed": "x7x7x7x7x7x7x7x7",
        "conga": "..2..3..2..3..32",
        "shaker": "4.4.4.4.4.4.4.4.",
    },
    "half-time": {
        "kick": "x..2.13...42..2.",
        "snare": "........x....1..",
        "ghost": "..1..2.1..1.2..2",
        "closed": "x.6.x.63x.6.x.62",
        "open": "...............2",
        "crash": "3...............",
    },
    "toms": {
        "kick": "x.2.4.2.8.2.4.2.",
        "high": "..3..4..3.2.4...",
        "middle": "...4..3..4..3.3.",
        "low": "4..2..4.4.3..4.4",
        "closed": "5.5.5.5.5.5.5.5.",
        "snare": "....3.......6...",
    },
    "percussion": {
        "conga": "6.35.36.5.35.363",
        "bell": "x.5.x5.5.x.5x.5.",
        "shaker": "8585858585858585",
        "kick": "6.......4.....2.",
        "body": "..3.4..2..3.4..3",
        "clap": "....3.......3...",
    },
    "body": {
        "body": "5252625252526252",
        "kick": "7..2..4.7..2..3.",
        "clap": "....6.......6..1",
        "shaker": "3.3.3.3.3.3.3.3.",
    },
}


@dataclass(frozen=True)
class Hit:
    """Something to be struck."""

    role: str
    step: int
    """In sixteenths from the begin of the loop."""
    velocity: float
    """From 0 to 1."""


def draw(style: str, bars: int, random: np.random.Generator) -> list[Hit]:
    """A loop: one bar, varied from bar to bar, at times with a fill at its end."""
    bar = {role: _row(steps, random) for role, steps in STYLES[style].items()}
    thin = random.random(len(bar)) < 0.12
    played = {role: row for (role, row), out in zip(bar.items(), thin, strict=True) if not out}
    hits: list[Hit] = []
    for number in range(bars):
        fill = 16
        if number == bars - 1 and random.random() < 0.4:
            fill = int(random.choice([8, 12, 12, 14]))
        for role, row in (played or bar).items():
            mutated = row if number % 2 == 0 else _mutate(row, STYLES[style][role], random)
            last = STEPS if role == "kick" else fill
            hits += [
                Hit(role, number * STEPS + step, float(velocity))
                for step, velocity in enumerate(mutated[:last])
                if velocity > 0.0
            ]
        hits += _fill(number * STEPS, fill, random)
    return hits


def _probabilities(steps: str) -> np.ndarray:
    return np.array([{"x": 10, ".": 0}[c] if c in "x." else int(c) for c in steps]) / 10.0


def _row(steps: str, random: np.random.Generator) -> np.ndarray:
    """Velocities, 0 for none."""
    chance = _probabilities(steps)
    struck = random.random(STEPS) < chance
    velocity = 0.3 + 0.6 * chance + random.normal(0.0, 0.06, STEPS)
    return struck * velocity.clip(0.15, 1.0)


def _mutate(row: np.ndarray, steps: str, random: np.random.Generator) -> np.ndarray:
    """A few steps drawn anew."""
    anew = random.random(STEPS) < 0.25
    return np.where(anew, _row(steps, random), row)


def _fill(begin: int, first: int, random: np.random.Generator) -> list[Hit]:
    """A run over snare and toms, louder towards the end."""
    roles = ["snare", "high", "middle", "low"]
    hits, place = [], int(random.integers(0, 2))
    for step in range(first, STEPS):
        if random.random() < 0.75:
            velocity = 0.5 + 0.4 * (step - first) / max(1, STEPS - first)
            hits.append(Hit(roles[place], begin + step, velocity + random.uniform(-0.1, 0.1)))
        if random.random() < 0.4:
            place = min(place + 1, len(roles) - 1)
    return hits
