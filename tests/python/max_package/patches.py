# SPDX-License-Identifier: MIT
"""Reads patchers as Max saves them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OURS = ("nn~", "mc.nn~", "mcs.nn~", "nn.info")


@dataclass
class Patch:
    """One patcher, or a tab of one."""

    place: str  # for messages of tests
    saved: dict[str, Any]

    @property
    def boxes(self) -> dict[str, dict[str, Any]]:
        return {one["box"]["id"]: one["box"] for one in self.saved["boxes"]}

    @property
    def cords(self) -> list[tuple[str, int, str, int]]:
        lines = [one["patchline"] for one in self.saved["lines"]]
        return [(*line["source"], *line["destination"]) for line in lines]

    def ours(self) -> Iterator[tuple[str, str]]:
        """Id and text of boxes with one of our objects."""
        for name, box in self.boxes.items():
            if kind(box) in OURS:
                yield name, box["text"]

    def messages_to(self, target: str) -> list[str]:
        """What message boxes on a cord to this box say."""
        boxes = self.boxes
        sources = [boxes[source] for source, _, to, _ in self.cords if to == target]
        return [box["text"] for box in sources if box["maxclass"] == "message"]


def kind(box: dict[str, Any]) -> str:
    """What a box is: the class of its object."""
    name: str = box["maxclass"]
    return str(box["text"]).split()[0] if name == "newobj" else name


def read(file: Path) -> list[Patch]:
    """The patcher of a file, and all inside it."""
    found: list[Patch] = []

    def look(place: str, saved: dict[str, Any]) -> None:
        patch = Patch(place, saved)
        found.append(patch)
        for box in patch.boxes.values():
            if "patcher" in box:
                look(f"{place}, {box['text']}", box["patcher"])

    look(file.name, json.loads(file.read_text(encoding="utf-8"))["patcher"])
    return found


def all_of(package: Path) -> list[Patch]:
    files = [*sorted(package.glob("help/*.maxhelp")), *sorted(package.glob("extras/*.maxpat"))]
    return [patch for file in files for patch in read(file)]
