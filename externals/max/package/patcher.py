# SPDX-License-Identifier: MIT
"""Builds patchers as Max saves them: boxes, cords, tabs."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

FONT_SIZE = 12.0
LETTER = 6.4  # width of an average letter of Arial 12; measured widths lie below
LINE = 15.0
BOX_HEIGHT = 22.0

# Inlets, and the types of the outlets. Of objects, by the number of their arguments.
PORTS: dict[str, tuple[int, list[str]]] = {
    "attrui": (1, [""]),
    "button": (1, ["bang"]),
    "comment": (1, []),
    "dict.view": (1, []),
    "ezdac~": (2, []),
    "flonum": (1, ["", "bang"]),
    "jsui": (1, [""]),
    "live.gain~": (2, ["signal", "signal", "", "float", "list"]),
    "message": (2, [""]),
    "slider": (1, [""]),
    "toggle": (1, ["int"]),
    "+~": (2, ["signal"]),
    "buffer~": (1, ["float", "bang"]),
    "click~": (1, ["signal"]),
    "cycle~": (2, ["signal"]),
    "loadmess": (1, [""]),
    "pcontrol": (1, [""]),
    "print": (1, []),
    "sfplay~": (2, ["signal", "bang"]),
    "sig~": (1, ["signal"]),
}


def ports(words: Sequence[str]) -> tuple[int, list[str]]:
    """Inlets and outlets of an object as it is typed."""
    name, *rest = words
    if name == "route":
        return len(rest) + 1, [""] * (len(rest) + 1)
    if name == "unpack":
        kinds = {"f": "float", "i": "int", "s": ""}
        return 1, [kinds[word] for word in rest]
    if name == "mc.pack~":
        return int(rest[0]), ["multichannelsignal"]
    if name == "mc.unpack~":
        return 1, ["signal"] * int(rest[0])
    return PORTS[name]


@dataclass
class Box:
    """One box; where it lies, to put others beside it."""

    id: str
    x: float
    y: float
    width: float
    height: float

    @property
    def below(self) -> float:
        """Where the next one may begin."""
        return self.y + self.height + 12

    @property
    def right(self) -> float:
        """Where the next one may begin."""
        return self.x + self.width + 12


@dataclass
class Patcher:
    """A patcher, or a tab of one."""

    width: float = 760
    height: float = 600
    on_tab: bool = False
    boxes: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    parameters: dict[str, list[Any]] = field(default_factory=dict)

    def box(
        self,
        kind: str,
        x: float,
        y: float,
        extent: tuple[float, float],
        *,
        inlets: int | None = None,
        outlets: list[str] | None = None,
        **more: Any,
    ) -> Box:
        """Any box; ``more`` is what Max keeps of it besides."""
        if inlets is None or outlets is None:
            inlets, outlets = PORTS[kind]
        one: dict[str, Any] = {
            "id": f"obj-{len(self.boxes) + 1}",
            "maxclass": kind,
            "numinlets": inlets,
            "numoutlets": len(outlets),
            "patching_rect": [x, y, *extent],
            **more,
        }
        if outlets:
            one["outlettype"] = outlets
        self.boxes.append({"box": one})
        return Box(one["id"], x, y, *extent)

    def object(
        self,
        text: str,
        x: float,
        y: float,
        *,
        width: float = 0,
        inlets: int | None = None,
        outlets: list[str] | None = None,
    ) -> Box:
        """An object box. Ours says how many inlets and outlets its model makes."""
        if inlets is None or outlets is None:
            inlets, outlets = ports(text.split(" "))
        wide = max(width, len(text) * LETTER + 12, 18.0 * max(inlets, len(outlets)))
        return self.box(
            "newobj", x, y, (wide, BOX_HEIGHT), inlets=inlets, outlets=outlets, text=text
        )

    def message(self, text: str, x: float, y: float) -> Box:
        """A message box."""
        return self.box("message", x, y, (self.message_width(text), BOX_HEIGHT), text=text)

    @staticmethod
    def message_width(text: str) -> float:
        """How wide a message box is."""
        return len(text) * LETTER + 14

    def comment(self, text: str, x: float, y: float, width: float = 0, size: float = 12) -> Box:
        """A comment, broken into lines where it has a width."""
        letter = LETTER * size / FONT_SIZE
        wide = width or len(text) * letter + 10
        count = math.ceil(len(text) * letter / (width - 10)) if width else 1
        height = LINE * count * size / FONT_SIZE + 6
        return self.box(
            "comment", x, y, (wide, height), text=text, linecount=count, fontsize=float(size)
        )

    def volume(self, name: str, x: float, y: float) -> Box:
        """A fader in front of a loudspeaker; its name is its own in the whole window."""
        fader = self.box(
            "live.gain~",
            x,
            y,
            (136, 47),
            channels=2,
            lastchannelcount=0,
            orientation=1,
            parameter_enable=1,
            varname=name,
            saved_attribute_attributes={
                "valueof": {
                    "parameter_longname": name,
                    "parameter_shortname": "volume",
                    "parameter_type": 0,
                    "parameter_unitstyle": 4,
                    "parameter_mmin": -70.0,
                    "parameter_mmax": 6.0,
                    "parameter_initial_enable": 1,
                    "parameter_initial": [-12],
                }
            },
        )
        self.parameters[fader.id] = [name, "volume", 0]
        speaker = self.box("ezdac~", x, fader.below, (45, 45), local=1)
        self.comment("sound on and off", x + 52, fader.below + 12)
        self.cord(fader, 0, speaker, 0)
        self.cord(fader, 1, speaker, 1)
        return fader

    def cord(
        self, source: Box, outlet: int, target: Box, inlet: int = 0, *, hidden: bool = False
    ) -> None:
        """Joins an outlet with an inlet; ``hidden`` until the patcher is unlocked."""
        line: dict[str, Any] = {"source": [source.id, outlet], "destination": [target.id, inlet]}
        if hidden:
            line["hidden"] = 1
        self.lines.append({"patchline": line})

    def tab(self, name: str, inner: "Patcher", at: int) -> None:
        """Adds a subpatcher that shows as a tab."""
        box = self.box(
            "newobj",
            15 + 90.0 * at,
            90,
            (80, BOX_HEIGHT),
            inlets=0,
            outlets=[],
            text=f"p {name}",
            varname=f"{name}_tab" if name != "?" else "q_tab",
            patcher=inner.saved(),
        )
        for inside, what in inner.parameters.items():
            self.parameters[f"{box.id}::{inside}"] = what

    def saved(self) -> dict[str, Any]:
        """What Max keeps of it."""
        kept: dict[str, Any] = {
            "fileversion": 1,
            "appversion": {
                "major": 8,
                "minor": 5,
                "revision": 0,
                "architecture": "x64",
                "modernui": 1,
            },
            "classnamespace": "box",
            "rect": [0.0, 26.0, self.width, self.height]
            if self.on_tab
            else [100.0, 100.0, self.width, self.height + 26],
            "bglocked": 0,
            "openinpresentation": 0,
            "default_fontsize": FONT_SIZE,
            "default_fontface": 0,
            "default_fontname": "Arial",
            "gridonopen": 1,
            "gridsize": [15.0, 15.0],
            "gridsnaponopen": 1,
            "objectsnaponopen": 1,
            "statusbarvisible": 2,
            "toolbarvisible": 1,
            "enablehscroll": 1,
            "enablevscroll": 1,
            "boxes": self.boxes,
            "lines": self.lines,
        }
        if self.on_tab:
            kept["showontab"] = 1
        elif any("patcher" in box["box"] for box in self.boxes):
            kept["showrootpatcherontab"] = 0
        if self.parameters and not self.on_tab:
            kept["parameters"] = {**self.parameters, "parameterbanks": {}}
        return kept

    def text(self) -> str:
        """The file."""
        return json.dumps({"patcher": self.saved()}, indent=1) + "\n"
