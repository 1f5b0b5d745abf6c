# SPDX-License-Identifier: MIT
"""What all commands share: their common options, output, errors and progress."""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from nnbridge.host import Model

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="The model file (.ts).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, and no summary.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1 … or mps.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Set an attribute; may be repeated. Several values: NAME=0.1,0.9. "
        "A buffer takes the path of an audio file, a tensor that of a .npy file.",
    ),
]


_NO_MEMORY = re.compile("out of memory|can't allocate memory|not enough memory")
"""What torch says of a GPU and of the CPU (on Linux and macOS; on Windows)."""


class StopError(Exception):
    """Ends a command with one line for the user."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def complain(message: str) -> None:
    """One line on stderr."""
    print(f"nnbridge: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201


@contextmanager
def plainly() -> Iterator[None]:
    """Turns what a user can cause into one line, never a traceback."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"'{error.filename}': " if error.filename else ""
        raise StopError(f"{where}{error.strerror or error}.") from None
    except MemoryError:
        raise StopError("there is not enough memory for this.") from None
    except Exception as error:
        if isinstance(error, _for_users()):
            raise StopError(str(error)) from None
        if isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)):
            raise StopError("there is not enough memory for this.") from None
        raise


def _for_users() -> tuple[type[Exception], ...]:
    """The errors whose message is one sentence for a user."""
    from nnbridge.audio.errors import AudioError
    from nnbridge.contract import ContractError
    from nnbridge.plugin import PluginError
    from nnbridge.prior.errors import PriorError
    from nnbridge.recipe import RecipeError
    from nnbridge.training.errors import TrainingError

    host = sys.modules.get("nnbridge.host")  # not imported for its error: training has no engine
    told = (AudioError, ContractError, PluginError, PriorError, RecipeError, TrainingError)
    return (*told, host.Error) if host else told


def open_model(path: Path, device: str = "cpu", settings: list[str] | None = None) -> Model:
    """Opens a model file and sets its attributes."""
    from nnbridge.host import load

    from .settings import apply

    model = load(path, device)
    for setting in settings or []:
        apply(model, setting)
    return model


def print_json(value: Any) -> None:
    """On stdout. Numbers that JSON has not are null."""
    print(json.dumps(_plain(value), indent=1))  # noqa: T201


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def console() -> Console:
    """Writes to stdout; into a pipe without colours, and as wide as needed."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160, soft_wrap=True)


def table(*columns: str) -> Table:
    """A table without frames; the columns that begin with > are for numbers."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        right = column.startswith(">")
        made.add_column(column.lstrip(">"), justify="right" if right else "left")
    return made


class Bar:
    """A progress bar with the real-time factor, on stderr, where somebody can see it."""

    def __init__(self, label: str, rate: int | None = None, quiet: bool = False) -> None:
        self._rate = rate
        self._start = time.perf_counter()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=quiet or not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task(label, total=None, speed="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, done: int, total: int) -> None:
        """So many of so many."""
        speed = ""
        if self._rate:
            factor = done / self._rate / max(1e-9, time.perf_counter() - self._start)
            speed = f"{factor:.1f} x real time"
        self._progress.update(self._task, completed=done, total=total, speed=speed)
