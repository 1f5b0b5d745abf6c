# SPDX-License-Identifier: MIT
"""``nnbridge rave``: RAVE networks, from recordings to a model file."""

from __future__ import annotations

import typer

from . import rave_export, rave_train

app = typer.Typer(help="Train RAVE networks, and export them.", no_args_is_help=True)
app.command("train")(rave_train.command)
app.command("export")(rave_export.command)


@app.callback()
def _group() -> None:
    pass
