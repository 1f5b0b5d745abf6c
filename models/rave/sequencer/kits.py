# SPDX-License-Identifier: MIT
"""Drum sounds by kit and role, from the names of the recordings."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .sounds import Sound, read

LEVELS = {
    "kick": 0.9,
    "snare": 0.75,
    "ghost": 0.6,
    "rim": 0.45,
    "clap": 0.55,
    "closed": 0.32,
    "open": 0.36,
    "ride": 0.34,
    "crash": 0.45,
    "high": 0.6,
    "middle": 0.65,
    "low": 0.7,
    "bell": 0.32,
    "conga": 0.5,
    "shaker": 0.25,
    "body": 0.4,
}
"""Roles, and the peak of each one's hardest hit."""

_ACOUSTIC = {
    "ks": "kick",
    "sc": "snare",
    "se": "ghost",
    "ss": "rim",
    "hc": "closed",
    "ht": "closed",
    "hf": "closed",
    "hh": "open",
    "hl": "open",
    "ho": "ride",
    "th": "high",
    "tm": "middle",
    "tl": "low",
}
_MACHINES = [  # the first that fits
    (r"kick", "kick"),
    (r"clap", "clap"),
    (r"rim|stick|clave", "rim"),
    (r"cowbell", "bell"),
    (r"conga", "conga"),
    (r"cabasa|tamb|maraca|shaker|brush", "shaker"),
    (r"open|ohihat|-oh", "open"),
    (r"clos|hihat|hithat|-ch|shorthi", "closed"),
    (r"ride", "ride"),
    (r"crash|cymbal", "crash"),
    (r"snare|shortsn|-sd", "snare"),
    (r"hitom|tom.?hi|tom.?hh?$|tom.?0?1", "high"),
    (r"lowtom|tom.?lo|tom.?ll?$|tom.?0?3", "low"),
    (r"tom", "middle"),
]


@dataclass(frozen=True)
class Voice:
    """One drum: its hits from soft to hard, several recordings of each."""

    role: str
    name: str
    layers: tuple[tuple[Path, ...], ...]

    def hit(self, velocity: float, random: np.random.Generator) -> Sound:
        """A recording for a velocity from 0 to 1; its level fits the role."""
        layer = min(int(velocity * len(self.layers)), len(self.layers) - 1)
        chosen = self.layers[layer][random.integers(len(self.layers[layer]))]
        sound = read(chosen)
        loudest = max(float(np.abs(read(path)).max()) for path in self.layers[-1])
        # Between layers the recordings differ by themselves; within one, the velocity goes on.
        within = velocity / ((layer + 1) / len(self.layers))
        return sound * np.float32(LEVELS[self.role] / loudest * (0.25 + 0.75 * within))


Kit = dict[str, list[Voice]]
"""The voices of each role."""


def hits(data: Path) -> list[Path]:
    """All drum sounds, relative to the folder of the recordings."""
    folders = ("drum-kit", "drum-machines", "body-percussion")
    return sorted(
        path.relative_to(data) for name in folders for path in (data / name).rglob("*.flac")
    )


def held_out(hits: list[Path]) -> list[Path]:
    """Sounds that only the validation loops may use.

    The fourth of the recordings of each acoustic hit and each body sound, a fifth of the TR-808's
    settings of a sound, and a whole drum machine.
    """
    chosen = [hit for hit in hits if "Casio-RZ1" in hit.parts or hit.stem.endswith("rr4")]
    series: dict[Path, list[Path]] = defaultdict(list)
    for hit in hits:
        if "TR-808" in hit.parts:
            series[hit.parent].append(hit)
    for settings in series.values():
        chosen += settings[2::5]
    return sorted(chosen)


def kits(data: Path, hits: list[Path]) -> dict[str, Kit]:
    """The kits that some recordings make up."""
    found: dict[str, dict[str, dict[str, dict[str, list[Path]]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    )
    for hit in hits:
        kit, role, voice, layer = _place(hit)
        found[kit][role][voice][layer].append(data / hit)
    return {
        kit: {
            role: [
                Voice(role, voice, tuple(tuple(layers[layer]) for layer in sorted(layers)))
                for voice, layers in sorted(voices.items())
            ]
            for role, voices in sorted(roles.items())
        }
        for kit, roles in sorted(found.items())
    }


def _place(hit: Path) -> tuple[str, str, str, str]:
    """Kit, role, voice and layer."""
    if hit.parts[0] == "drum-machines":
        sound = hit.parent.name if hit.parts[1] == "TR-808" else hit.stem
        role = next((role for what, role in _MACHINES if re.search(what, sound.lower())), None)
        if role is None:
            raise ValueError(f"no role for {hit}")
        return hit.parts[1], role, hit.stem, ""
    words = hit.stem.split("_")
    layer = next((word for word in words if word.startswith("vl")), "")
    if hit.parts[0] == "drum-kit":
        return "drum-kit", _ACOUSTIC[words[0]], words[0], layer
    voice = "_".join(word for word in words if not word.startswith(("vl", "rr")))
    return "body-percussion", "body", voice, layer
