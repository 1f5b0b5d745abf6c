# SPDX-License-Identifier: MIT
"""The command line, ``nnbridge COMMAND``: one file here for each.

Exit codes: 0 all is well; 1 it did not work, or a check found errors; 2 the command line could not
be understood; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated

import typer

from . import bench, check, data, export, info, plugin, prior, rave, render
from .terminal import StopError, complain

UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""Click's, wherever this version of Typer has it from."""

app = typer.Typer(
    name="nnbridge",
    help="Play PyTorch audio models: look at them, check them, render files, measure, export.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (info, check, render, bench, export):
    app.command(module.__name__.rsplit(".", 1)[-1])(module.command)
app.add_typer(data.app, name="data")
app.add_typer(rave.app, name="rave")
app.add_typer(prior.app, name="prior")
app.add_typer(plugin.app, name="plugin")


def _show_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(f"nnbridge {metadata.version('nnbridge')}")
        except metadata.PackageNotFoundError:
            typer.echo("nnbridge (not installed)")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Say the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: default: those of the process.

    Returns:
        The exit code.
    """
    try:
        code = app(args=arguments, prog_name="nnbridge", standalone_mode=False)
        sys.stdout.flush()
        if code == 130:  # Typer's own answer to Ctrl-C
            complain("stopped.")
        return code if isinstance(code, int) else 0
    except UsageError as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "nnbridge"
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        if context and text == context.get_help():  # a command, or a group of them, with nothing
            print(text, file=sys.stderr)  # noqa: T201
        elif text:
            end = "" if text.endswith("?") else "."
            complain(f"{text.rstrip('.')}{end} See: {command} --help")
        return 2
    except StopError as stop:
        complain(str(stop))
        return stop.code
    except (KeyboardInterrupt, typer.Abort):
        complain("stopped.")
        return 130
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has left (Typer exits by itself then, and only then). Python would
        # complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
