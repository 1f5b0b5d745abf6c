# SPDX-License-Identifier: MIT
"""``nnbridge prior encode``: a dataset becomes token sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import terminal
from .terminal import Json, Quiet


def command(
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="A folder that nnbridge data prepare made.")
    ],
    rave: Annotated[Path, typer.Argument(metavar="RAVE.ts", help="The model file of a RAVE.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The sequences.")],
    quantisers: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Only the first N latents or codes. Default: all."),
    ] = None,
    bins: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=2, help="Of a continuous RAVE: values per latent. Default: 64."
        ),
    ] = None,
    codes: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=2, help="Size of the codebooks, where the RAVE does not tell it."
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Encode a dataset with a RAVE, and measure its descriptors: what a prior learns from.

    A discrete RAVE gives its codes; the latents of a continuous one are cut into bins of equal
    probability under the normal distribution, the most important latents first.

    \b
    Examples:
      nnbridge prior encode dataset drums.ts --out sequences
      nnbridge prior encode dataset drums.ts -o sequences --quantisers 8 --bins 32
    """  # noqa: D301 -- \b keeps the lines of the examples
    from nnbridge.audio.dataset import Dataset
    from nnbridge.prior.rave_file import RaveFile
    from nnbridge.prior.sequences import encode

    with terminal.plainly(), terminal.Bar("encoding", quiet=quiet or json) as bar:
        made = encode(Dataset(dataset), RaveFile(rave), out, quantisers, bins, codes, progress=bar)
    steps = {name: sum(f.steps for f in made.split(name)) for name in ("train", "validation")}
    if json:
        about = {"path": made.path, "hash": made.hash, "code": made.code, "steps": steps}
        sizes = {"quantisers": made.quantisers, "vocabulary": made.vocabulary}
        terminal.print_json({**about, **sizes})
    elif not quiet:
        minutes = {name: n * made.ratio / made.sample_rate / 60 for name, n in steps.items()}
        print(  # noqa: T201
            f"{out}: {steps['train']} steps to train ({minutes['train']:.1f} min), "
            f"{steps['validation']} to validate ({minutes['validation']:.1f} min), each of "
            f"{made.quantisers} {made.code} with {made.vocabulary} values"
        )
