# SPDX-License-Identifier: MIT
"""``nnbridge export``: an author's script becomes a model file."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from . import terminal
from .check import show
from .terminal import Json, Quiet, StopError

if TYPE_CHECKING:
    from nnbridge.contract import Module

_NAME = "nnbridge_author"
T = TypeVar("T")


def command(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT.py", help="Defines the model.")],
    output: Annotated[Path, typer.Argument(metavar="OUT.ts", help="The file to write.")],
    name: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Which, where there are several.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Check the file as well.")
    ] = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Export the model that a script defines.

    What is exported is what its function build() returns; without one, an instance of the one
    subclass of nnbridge.contract.Module that it defines, made without arguments. (The script is
    imported: __name__ is not __main__.) Then the file is checked.

    \b
    Examples:
      nnbridge export models/effects/effects.py effects.ts
      nnbridge export many.py reverb.ts --class Reverb
    """  # noqa: D301 -- \b keeps the lines of the examples
    from nnbridge.contract import export

    with terminal.plainly():
        module = _build(script, name)
        written = export(module, output)
    if not check:
        if json:
            terminal.print_json({"path": written})
        elif not quiet:
            print(f"{written}: written")  # noqa: T201
        return
    from nnbridge.contract.check import check as check_file

    with terminal.plainly(), terminal.Bar("checking", quiet=quiet or json) as bar:
        report = check_file(written, progress=bar)
    if json:
        terminal.print_json(report.as_dict())
    else:
        if not quiet:
            print(f"{written}: written")  # noqa: T201
        show(report, brief=quiet)
    raise typer.Exit(0 if report.ok else 1)


def _build(script: Path, name: str | None) -> Module:
    from nnbridge.contract import Module

    loaded = _run(script)
    if name:
        found = getattr(loaded, name, None)
        if not (isinstance(found, type) and issubclass(found, Module)):
            raise StopError(
                f"'{script}' has no class '{name}' that extends nnbridge.contract.Module."
            )
        return _call(script, found)
    if callable(getattr(loaded, "build", None)):
        made = _call(script, loaded.build)
        if not isinstance(made, Module):
            raise StopError(
                f"build() in '{script}' returned {type(made).__name__}, not an "
                "nnbridge.contract.Module."
            )
        return made
    classes = [
        item
        for item in vars(loaded).values()
        if isinstance(item, type) and issubclass(item, Module) and item.__module__ == _NAME
    ]
    # A base class of another one here is no model by itself.
    classes = [item for item in classes if not any(item in other.__mro__[1:] for other in classes)]
    if not classes:
        raise StopError(
            f"'{script}' defines no model: a subclass of nnbridge.contract.Module, or a function "
            "build() that returns one."
        )
    if len(classes) > 1:
        names = ", ".join(item.__name__ for item in classes)
        raise StopError(f"'{script}' defines several models ({names}): choose one with --class.")
    return _call(script, classes[0])


def _run(script: Path) -> ModuleType:
    if not script.is_file():
        raise StopError(f"there is no file '{script}'.")
    spec = importlib.util.spec_from_file_location(_NAME, script)
    if spec is None or spec.loader is None:
        raise StopError(f"'{script}' is no Python script.")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = loaded  # TorchScript looks there
    sys.path.insert(0, str(script.resolve().parent))
    _call(script, lambda: spec.loader.exec_module(loaded) if spec.loader else None)
    return loaded


def _call(script: Path, make: Callable[[], T]) -> T:
    """Runs the author's code; what it raises is one line with its place."""
    from nnbridge.contract import ContractError

    try:
        return make()
    except ContractError:
        raise
    except SyntaxError as error:
        raise StopError(f"{error.filename}, line {error.lineno}: {error.msg}.") from None
    except SystemExit as error:
        raise StopError(
            f"'{script}' ended by itself ({error.code}) when it was imported: put what only a "
            'command line needs under if __name__ == "__main__".'
        ) from None
    except Exception as error:
        own = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).resolve() == script.resolve()
        ]
        where = f", line {own[-1].lineno}" if own else ""
        raise StopError(f"{script}{where}: {type(error).__name__}: {error}") from None
