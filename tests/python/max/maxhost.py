# SPDX-License-Identifier: MIT
"""Drives the Max test host (tests/max/host): objects, messages, signals, console and outlets."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROOT = Path(__file__).resolve().parents[3]
BUILT = Path(os.environ.get("NNBRIDGE_MAX", ROOT / "build/dev/max"))
HOST = BUILT / "nnbridge-max-host"
EXTERNALS = sorted(BUILT.glob("*.so"))

Atom = int | float | str


def classes() -> dict[str, Any]:
    """What every external registered: messages with their types, attributes."""
    run = subprocess.run(
        [HOST, "--classes", *EXTERNALS], check=True, capture_output=True, text=True
    )
    return json.loads(run.stdout)


def atoms(text: str | Sequence[Atom]) -> list[Atom]:
    """A message as typed in Max: whole numbers, numbers, symbols."""
    if not isinstance(text, str):
        return list(text)
    found: list[Atom] = []
    for word in text.split():
        try:
            found.append(int(word))
        except ValueError:
            try:
                found.append(float(word))
            except ValueError:
                found.append(word)
    return found


class RefusedError(Exception):
    """The host ended: an object did what Max doesn't allow, or crashed."""


class Host:
    """One Max. Everything said is kept, in order, in `console` and `outlets`."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        externals: Sequence[Path] = (),
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nnbridge-max-"))
        self.errors = (self.folder / "stderr").open("w+")
        self.process = subprocess.Popen(
            [HOST, *(externals or EXTERNALS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.console: list[dict[str, str]] = []
        self.outlets: list[dict[str, Any]] = []
        self.count = 0
        self.objects: list[Object] = []

    def clear(self) -> None:
        """An empty patcher, and nothing said."""
        for one in list(self.objects):
            one.free()
        self.do("search", folders=[])
        self.do("clear")
        self.console.clear()
        self.outlets.clear()

    def do(self, what: str, **arguments: Any) -> dict[str, Any]:
        """One command of the host; see tests/max/host/main.cpp."""
        assert self.process.stdin
        assert self.process.stdout
        try:
            self.process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RefusedError(f"{what}: {self.ended()}")
        answer: dict[str, Any] = json.loads(line)
        self.console += answer.pop("console")
        self.outlets += answer.pop("outlets")
        return answer

    def ended(self) -> str:
        """Waits for the end, and says how it came."""
        code = self.process.wait(timeout=60)
        self.errors.seek(0)
        return f"status {code}: {self.errors.read()}"

    def close(self) -> None:
        """Max quits: what is left of objects is freed."""
        assert self.process.stdin
        if self.process.poll() is None:
            self.process.stdin.close()
        ended = self.ended()
        if self.process.returncode != 0:
            raise RefusedError(f"quitting: {ended}")

    def new(self, text: str, *, name: str | None = None) -> Object:
        """A box: `new("nn~ model forward 512 @enable 0")`."""
        kind, *words = text.split(" ")
        self.count += 1
        made = Object(self, name or f"object{self.count}", kind, atoms(" ".join(words)))
        if made.made:
            self.objects.append(made)
        return made

    def said(self, kind: str = "") -> list[str]:
        """Lines of the console; of one kind, "post" or "error"."""
        return [line["text"] for line in self.console if not kind or line["kind"] == kind]

    def wait(self, milliseconds: float) -> None:
        """Lets Max's clocks run on."""
        self.do("pass", milliseconds=milliseconds)

    def buffer(self, name: str, samples: NDArray[Any] | None, rate: float = 44100) -> None:
        """Makes, changes or (without samples, [channels, frames]) frees a buffer~."""
        if samples is None:
            self.do("buffer", name=name)
        else:
            interleaved = np.atleast_2d(samples).T.ravel().tolist()
            channels = len(np.atleast_2d(samples))
            self.do("buffer", name=name, channels=channels, rate=rate, samples=interleaved)


class Object:
    """One object of a patcher."""

    def __init__(self, host: Host, name: str, kind: str, words: Sequence[Atom]) -> None:
        self.host, self.name, self.kind = host, name, kind
        made = host.do("create", id=name, **{"class": kind}, atoms=list(words))
        self.made: bool = made["made"]
        self.inlets: int = made.get("inlets", 0)
        self.outlet_types: list[str] = made.get("outlet_types", [])
        self.channels: list[int] = []
        self.counts: list[int] = []

    def send(self, text: str | Sequence[Atom], *, thread: str = "main", busy: bool = False) -> None:
        """A message to the first inlet; with `busy`, Max's main thread has no time for it yet."""
        message, *rest = atoms(text)
        what = {"id": self.name, "message": str(message), "atoms": rest}
        self.host.do("send", thread=thread, busy=busy, **what)

    def settle(self) -> None:
        """Waits until the settings sent before are in force: reading again follows them, and says
        when it is done."""
        self.send("reload")
        answer = self.host.do("until", id=self.name, message="loaded", seconds=60)
        assert answer["said"], self.host.console

    def answer_with(self, outlet: int, text: str) -> None:
        """A cord back to this object: what comes out there next sends it a message."""
        message, *rest = atoms(text)
        cord = {"outlet": outlet, "to": self.name, "message": str(message), "atoms": rest}
        self.host.do("cord", id=self.name, **cord)

    def heard(self, message: str) -> list[list[Atom]]:
        """What outlets sent under this name, in order."""
        return [
            one["atoms"]
            for one in self.host.outlets
            if one["id"] == self.name and one["message"] == message
        ]

    def ask(self, text: str, message: str = "") -> list[Atom]:
        """Sends a message, and waits for the answer by an outlet."""
        before = len(self.heard(message or text))
        self.send(text)
        for _ in range(1000):
            found = self.heard(message or text)
            if len(found) > before:
                return found[-1]
            self.host.wait(20)
        raise AssertionError(f"no answer to {text}: {self.host.console}")

    def until(self, message: str, seconds: float = 20) -> list[Atom]:
        """Waits until an outlet says this; what it said already counts."""
        if not self.heard(message):
            self.host.do("until", id=self.name, message=message, seconds=seconds)
        return self.heard(message)[-1]

    def attribute(self, name: str, *values: Atom) -> Any:
        """Reads an attribute, or sets it."""
        more = {"atoms": list(values)} if values else {}
        return self.host.do("attribute", id=self.name, name=name, **more)["value"]

    def assist(self, inlet: bool, index: int) -> str:
        """What Max shows of an inlet or outlet."""
        return str(self.host.do("assist", id=self.name, inlet=inlet, index=index)["text"])

    def compile(
        self, vector: int, rate: float = 44100, counts: Sequence[int] | None = None
    ) -> list[int]:
        """Audio on, or compiled anew; the channels of each signal outlet."""
        self.vector = vector
        self.counts = list(counts) if counts is not None else [1] * self.inlets
        answer = self.host.do("compile", id=self.name, rate=rate, vector=vector, counts=self.counts)
        self.channels = answer["channels"]
        self.changed: list[int] = answer["changed"]
        return self.channels

    def run(self, sound: ArrayLike, *, block: int = 0) -> NDArray[np.float32]:
        """Plays [channels of all inlets, frames], in whole vectors, and gives what comes out.

        With `block`, waits after each vector for the model, which runs in blocks of that size.
        """
        folder = self.host.folder
        sound = np.asarray(sound)
        frames = sound.shape[1] - sound.shape[1] % self.vector
        np.ascontiguousarray(sound[:, :frames], np.float64).tofile(folder / "in")
        answer = self.host.do(
            "run",
            id=self.name,
            frames=frames,
            channels=len(sound),
            block=block,
            **{"in": str(folder / "in"), "out": str(folder / "out")},
        )
        raw = np.fromfile(folder / "out", np.float64)
        return raw.reshape(answer["channels"], frames).astype(np.float32)

    def broken(self) -> bool:
        """Whether it has asked to be compiled anew."""
        return bool(self.host.do("broken", id=self.name)["broken"])

    def free(self) -> None:
        """Takes it out of the patcher."""
        self.host.objects.remove(self)
        self.host.do("free", id=self.name)
