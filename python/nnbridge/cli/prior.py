# SPDX-License-Identifier: MIT
"""``nnbridge prior``: models that play on by themselves, from a RAVE to a model file."""

from __future__ import annotations

import typer

from . import prior_encode, prior_evaluate, prior_export, prior_generate, prior_train

app = typer.Typer(
    help="Train models that play a RAVE by themselves, and play them.", no_args_is_help=True
)
app.command("encode")(prior_encode.command)
app.command("train")(prior_train.command)
app.command("evaluate")(prior_evaluate.command)
app.command("export")(prior_export.command)
app.command("generate")(prior_generate.command)


@app.callback()
def _group() -> None:
    pass
