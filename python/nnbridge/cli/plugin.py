# SPDX-License-Identifier: MIT
"""``nnbridge plugin install``: the DAW plugins, where hosts look for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import terminal

app = typer.Typer(help="The DAW plugin.", no_args_is_help=True)
_BUILT = Path("build") / "plugin" / "bin"


@app.callback()
def _root() -> None:
    pass


@app.command()
def install(
    built: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where `make plugin` has built them.")
    ] = _BUILT,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Default: your own folders of VST3, CLAP and LV2 plugins."),
    ] = None,
) -> None:
    """Put the plugins where hosts look for plugins."""
    from nnbridge.plugin import install as put

    with terminal.plainly():
        for path in put(built, folder):
            typer.echo(f"{path}")
