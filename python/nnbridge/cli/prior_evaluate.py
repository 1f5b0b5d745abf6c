# SPDX-License-Identifier: MIT
"""``nnbridge prior evaluate``: how well a prior predicts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from . import terminal
from .terminal import Json, StopError, complain


def command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Runs of priors, or .safetensors files.")
    ],
    sequences: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="To predict. Default: those that the run learnt from."),
    ] = None,
    split: Annotated[str, typer.Option(metavar="NAME", help="validation or train.")] = "validation",
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME", help="best, newest, or a step that is kept.")
    ] = "best",
    skip: Annotated[
        int,
        typer.Option(
            metavar="STEPS", min=0, help="Not to count at the begin of each recording, for all."
        ),
    ] = 0,
    baselines: Annotated[
        bool, typer.Option(help="Also predict by the last token, and by counting.")
    ] = True,
    json: Json = False,
) -> None:
    """Measure accuracy and perplexity, averaged over steps and quantisers.

    Accuracy is the share of tokens that were the most likely one; perplexity is the exponential of
    the entropy of a prediction. Several runs on the same sequences make one table.

    \b
    Examples:
      nnbridge prior evaluate runs/prior
      nnbridge prior evaluate runs/gru runs/wavenet runs/transformer --skip 91
    """  # noqa: D301 -- \b keeps the lines of the examples
    if split not in ("validation", "train"):
        raise StopError(f"--split is validation or train, not '{split}'.", 2)
    from nnbridge.prior import evaluation
    from nnbridge.prior.run import load
    from nnbridge.prior.sequences import Sequences

    found: dict[str, evaluation.Figures] = {}
    with terminal.plainly():
        widest, held = 0, None
        for run in runs:
            trained = load(run, checkpoint)
            path = sequences or trained.about.get("path")
            if path is None:
                raise StopError(f"say what '{run}' should predict: --sequences DIR.", 2)
            asked = Sequences(path)
            if held is not None and asked.hash != held.hash:
                raise StopError(
                    "the runs learnt from different sequences: measure them one by one, or on the "
                    "same ones with --sequences DIR.",
                    2,
                )
            held = asked
            segment = trained.recipe.training.segment
            found[str(run)] = evaluation.evaluate(
                trained.prior,
                held,
                "train" if split == "train" else "validation",
                segment,
                max(skip, trained.prior.crop),
            )
            if not trained.knows(held):
                complain(f"'{held.path}' comes from another RAVE than '{run}' has learnt from.")
            widest = max(widest, trained.prior.quantisers)
        if baselines and held:
            name = "train" if split == "train" else "validation"
            found |= evaluation.baselines(held, widest, name, skip=skip)  # type: ignore[arg-type]
    if json:
        terminal.print_json({name: asdict(figures) for name, figures in found.items()})
        return
    table = terminal.table("", ">accuracy %", ">perplexity", ">cross-entropy", ">steps")
    for name, figures in found.items():
        table.add_row(
            name,
            f"{100 * figures.accuracy:.2f}",
            f"{figures.perplexity:.2f}",
            f"{figures.cross_entropy:.4f}",
            str(figures.steps),
        )
    terminal.console().print(table)
