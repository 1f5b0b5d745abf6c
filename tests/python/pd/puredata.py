# SPDX-License-Identifier: MIT
"""Drives a real Pd: writes patches, runs them under a timeout, reads what they wrote and said."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[3]


def external() -> Path:
    """The folder of the external that was built last, or the one that NNBRIDGE_PD names."""
    if named := os.environ.get("NNBRIDGE_PD"):
        return Path(named)
    built = [ROOT / "build/dev/nn~", ROOT / "build/pd/nn~"]
    ages = {path: max((f.stat().st_mtime for f in path.glob("nn~.*")), default=0) for path in built}
    return max(built, key=ages.__getitem__)


EXTERNAL = external()


def quoted(text: str) -> str:
    """Text as it stands in a patch file."""
    return re.sub(r"([,;$ \\])", r"\\\1", text) if "\\" not in text else text


class Canvas:
    """Objects and their connections, in the order in which they are made."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count = 0

    def _add(self, line: str) -> int:
        self.lines.append(line)
        self.count += 1
        return self.count - 1

    def obj(self, text: str) -> int:
        return self._add(f"#X obj 10 10 {text};")

    def msg(self, text: str) -> int:
        return self._add(f"#X msg 10 10 {text};")

    def connect(self, *ends: int) -> None:
        source, outlet, target, inlet = ends
        self.lines.append(f"#X connect {source} {outlet} {target} {inlet};")

    def sub(self, inner: Canvas, name: str = "inner") -> int:
        self.lines.append(f"#N canvas 0 0 450 300 {name} 0;")
        self.lines += inner.lines
        return self._add(f"#X restore 10 10 pd {name};")

    def text(self) -> str:
        return "#N canvas 0 0 900 600 12;\n" + "\n".join(self.lines) + "\n"


@dataclass
class Run:
    """How a run of Pd ended."""

    console: str
    code: int
    timed_out: bool = False
    outputs: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def said(self, tag: str) -> list[str]:
        """What a [print tag] printed, in order."""
        return [
            line[len(tag) + 2 :]
            for line in self.console.splitlines()
            if line.startswith(f"{tag}: ")
        ]

    @property
    def clean(self) -> bool:
        """It ended by itself, and nothing crashed in it."""
        return not self.timed_out and self.code == 0


def run_pd(
    patch: Path,
    *,
    rate: int = 48000,
    batch: bool = True,
    timeout: float = 60,
    extra: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    on_start: Callable[[int], None] | None = None,
) -> Run:
    """Opens one patch in Pd. It has to quit by itself."""
    mode = ["-batch", "-noaudio"] if batch else ["-nosound"]
    command = [
        *("pd", "-nogui", *mode, "-nomidi", "-noprefs", "-nrt", "-r", str(rate), "-stderr"),
        *("-path", str(EXTERNAL), *extra, "-open", str(patch)),
    ]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env={**os.environ, **(environment or {})},
    )
    if on_start:
        on_start(process.pid)
    try:
        console, _ = process.communicate(timeout=timeout)
        return Run(console, process.returncode)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        console, _ = process.communicate()
        return Run(console, -1, timed_out=True)


@dataclass
class Player:
    """One [nn~] of a patch: what it plays, and what is sent to it when."""

    arguments: str
    channels_in: int = 1
    channels_out: int = 1
    name: str = "a"
    sends: Sequence[tuple[float, str]] = ()  # milliseconds after DSP on, message


def play(
    folder: Path,
    players: Iterable[Player],
    sound: NDArray[np.float32],
    *,
    block: int = 64,
    rate: int = 48000,
    batch: bool = True,
    timeout: float = 60,
    block_arguments: str = "",
    before_dsp: Iterable[str] = (),
    also: Iterable[tuple[float, str]] = (),
    tables: Iterable[tuple[str, int]] = (),
    texts: Iterable[str] = (),
    switch: str = "",
    environment: dict[str, str] | None = None,
) -> Run:
    """Plays `sound` [channels, frames] into every player at once, and fetches what each gives.

    Everything lies in one subpatch with a block size of its own, so that no signal crosses a change
    of block size. `also` are messages to anybody ("; name word …"), at their time.
    """
    frames = sound.shape[-1]
    inner = Canvas()
    blocks = inner.obj(f"{'switch~' if switch else 'block~'} {block} {block_arguments}".strip())
    if switch:
        inner.connect(inner.obj(f"r {switch}"), 0, blocks, 0)
        inner.connect(inner.msg("1"), 0, blocks, 0)
        inner.connect(inner.obj("loadbang"), 0, inner.count - 2, 0)
    starts = []
    outer = Canvas()
    for name in texts:
        outer.obj(f"text define {name}")
        outer.connect(outer.obj(f"r {name}"), 0, outer.count - 2, 0)
    for name, length in tables:
        outer.obj(f"table {name} {length}")
    for channel, row in enumerate(sound):
        soundfile.write(folder / f"in{channel}.wav", row, rate, subtype="FLOAT")
        outer.obj(f"table in{channel} {frames}")
        starts.append(inner.obj(f"tabplay~ in{channel}"))
    outer_loads = [f"read -resize {folder}/in{c}.wav in{c}" for c in range(len(sound))]
    writes = []
    bang = inner.obj("r start")
    for source in starts:
        inner.connect(bang, 0, source, 0)
    players = list(players)
    for player in players:
        nn = inner.obj(f"nn~ {player.arguments}")
        hear = inner.obj(f"r {player.name}")
        inner.connect(hear, 0, nn, 0)
        info = inner.obj(f"print {player.name}")
        inner.connect(nn, player.channels_out, info, 0)
        for channel in range(player.channels_in):
            inner.connect(starts[channel % len(starts)], 0, nn, channel)
        for channel in range(player.channels_out):
            table = f"{player.name}-out{channel}"
            outer.obj(f"table {table} {frames}")
            tab = inner.obj(f"tabwrite~ {table}")
            inner.connect(bang, 0, tab, 0)
            inner.connect(nn, channel, tab, 0)
            writes.append(f"write -bytes 4 -wave {folder}/{table}.wav {table}")
    outer.sub(inner)

    soundfiler = outer.obj("soundfiler")
    loadbang = outer.obj("loadbang")
    fill = outer.msg(" \\, ".join(outer_loads))
    outer.connect(loadbang, 0, fill, 0)
    outer.connect(fill, 0, soundfiler, 0)
    first = outer.msg(" ".join(f"\\; {line}" for line in [*before_dsp, "pd dsp 1"]))
    outer.connect(loadbang, 0, first, 0)
    # In real time, Pd first makes up for the time that loading the models took.
    lead = 0 if batch else 400
    begin = outer.msg("\\; start bang")
    if lead:
        wait = outer.obj(f"delay {lead}")
        outer.connect(loadbang, 0, wait, 0)
        outer.connect(wait, 0, begin, 0)
    else:
        outer.connect(loadbang, 0, begin, 0)
    duration = lead + 1000.0 * (frames + 2 * block) / rate + 20
    timed = [(at, f"{player.name} {text}") for player in players for at, text in player.sends]
    for at, text in sorted([*timed, *also], key=lambda one: one[0]):
        delay = outer.obj(f"delay {lead + at}")
        message = outer.msg(f"\\; {text}")
        outer.connect(loadbang, 0, delay, 0)
        outer.connect(delay, 0, message, 0)
    done = outer.obj(f"delay {duration}")
    save = outer.msg(" \\, ".join(writes))
    leave = outer.obj(f"delay {duration + 20}")
    close = outer.msg("\\; pd quit")
    outer.connect(loadbang, 0, done, 0)
    outer.connect(done, 0, save, 0)
    outer.connect(save, 0, soundfiler, 0)
    outer.connect(loadbang, 0, leave, 0)
    outer.connect(leave, 0, close, 0)

    patch = folder / "test.pd"
    patch.write_text(outer.text())
    run = run_pd(patch, rate=rate, batch=batch, timeout=timeout, environment=environment)
    for player in players:
        rows = []
        for channel in range(player.channels_out):
            file = folder / f"{player.name}-out{channel}.wav"
            if file.exists():
                rows.append(soundfile.read(file, dtype="float32")[0])
        if len(rows) == player.channels_out:
            run.outputs[player.name] = np.stack(rows)
    return run
