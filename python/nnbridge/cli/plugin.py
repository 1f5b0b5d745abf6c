# SPDX-License-Identifier: MIT
"""``nnbridge plugin install``: the DAW plugin, where hosts look for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import terminal

app = typer.Typer(help="The DAW plugin.", no_args_is_help=True)
_BUILT = Path("build") / "plugin" / "bin" / "nnbridge.vst3"


@app.callback()
def _root() -> None:
    pass


@app.command()
def install(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="What `make plugin` has built.")
    ] = _BUILT,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Default: your folder of VST3 plugins.")
    ] = None,
) -> None:
    """Put the plugin where hosts look for plugins."""
    from nnbridge.plugin import install as put

    with terminal.plainly():
        typer.echo(f"{put(bundle, folder)}")
