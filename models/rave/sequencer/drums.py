# SPDX-License-Identifier: MIT
"""Drum loops of two or four bars, sequenced from real hits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .kits import Kit, Voice
from .patterns import STEPS, STYLES, draw
from .sounds import RATE, Sound, add, faded, write

_CHOKED = {"closed": "open"}
"""A hit of the one ends the other."""


def loops(kits: dict[str, Kit], seconds: float, seed: list[int], out: Path) -> list[dict[str, Any]]:
    """Writes loops until there are so many seconds of them.

    Returns:
        What each is made of.
    """
    out.mkdir(parents=True, exist_ok=True)
    made: list[dict[str, Any]] = []
    total = 0.0
    while total < seconds:
        random = np.random.default_rng([*seed, len(made)])
        mix, facts = _loop(kits, random)
        name = f"{len(made):03d}-{facts['style']}-{facts['tempo']:.0f}.flac"
        write(out / name, mix, float(random.uniform(-6.0, -0.5)))
        made.append({"file": f"{out.name}/{name}", **facts})
        total += len(mix) / RATE
    return made


def _loop(kits: dict[str, Kit], random: np.random.Generator) -> tuple[Sound, dict[str, Any]]:
    style = str(random.choice(list(STYLES)))
    tempo = float(random.uniform(80.0, 160.0))
    bars = int(random.choice([2, 2, 4]))
    swing = float(random.uniform(0.1, 0.33)) if random.random() < 0.4 else 0.0
    sloppiness = float(random.uniform(0.0, 0.008))
    voices, names = _kit(kits, [*STYLES[style], "snare", "high", "middle", "low"], random)

    step = 60.0 / tempo / 4.0
    mix = np.zeros(round(bars * STEPS * step * RATE), dtype=np.float32)
    times: dict[str, list[float]] = {}
    struck = []
    for hit in draw(style, bars, random):
        if hit.role not in voices:
            continue
        late = swing * step if hit.step % 2 else 0.0
        time = max(0.0, hit.step * step + late + random.normal(0.0, sloppiness))
        struck.append((time, hit))
        times.setdefault(hit.role, []).append(time)
    for time, hit in struck:
        sound = voices[hit.role].hit(min(max(hit.velocity, 0.05), 1.0), random)
        choking = [role for role, choked in _CHOKED.items() if choked == hit.role]
        later = (other for role in choking for other in times.get(role, []) if other > time)
        end = min(later, default=np.inf)
        frames = int(min(len(sound), len(mix), (end - time) * RATE))
        add(mix, faded(sound, frames, 0.02), round(time * RATE))
    return mix, {
        "style": style,
        "tempo": round(tempo, 2),
        "bars": bars,
        "swing": round(swing, 3),
        "kit": names,
    }


def _kit(
    kits: dict[str, Kit], roles: list[str], random: np.random.Generator
) -> tuple[dict[str, Voice], dict[str, str]]:
    """A voice for each role: of one kit where it has one, else, mostly, of another."""
    base = "drum-kit" if random.random() < 0.45 else str(random.choice(list(kits)))
    mixed = random.random() < 0.25
    voices: dict[str, Voice] = {}
    names: dict[str, str] = {}
    for role in dict.fromkeys(roles):
        others = [kit for kit in kits if role in kits[kit]]
        if not others:
            continue
        if role in kits[base] and not mixed:
            kit = base
        elif random.random() < 0.8:
            kit = str(random.choice(others))
        else:
            continue
        choice = kits[kit][role]
        voices[role] = choice[int(random.integers(len(choice)))]
        names[role] = f"{kit}/{voices[role].name}"
    return voices, names
