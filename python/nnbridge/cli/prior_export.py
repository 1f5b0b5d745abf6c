# SPDX-License-Identifier: MIT
"""``nnbridge prior export``: a prior becomes a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import terminal
from .check import show
from .terminal import Json, Quiet, StopError, complain


def command(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The run of a prior, or a .safetensors file.")
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUT.ts",
            help="The file to write. OUT.safetensors: only weights and recipe, to give away.",
        ),
    ],
    rave: Annotated[
        Path | None,
        typer.Option(
            metavar="RAVE.ts",
            help="Combine with this RAVE: one file with encode, decode, forward, prior and play.",
        ),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME", help="best, newest, or a step that is kept.")
    ] = "best",
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of the model.")] = None,
    license: Annotated[str | None, typer.Option(metavar="NAME", help="Of the model.")] = None,
    authors: Annotated[
        list[str] | None, typer.Option("--author", metavar="NAME", help="May be repeated.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Check the file as well.")
    ] = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Export a prior.

    Alone, its method forward takes and gives latents. Combined with its RAVE, the file sounds:
    play listens to audio, or plays it when the attribute listen is off.

    \b
    Examples:
      nnbridge prior export runs/prior prior.ts
      nnbridge prior export runs/prior drums-playing.ts --rave drums.ts
      nnbridge prior export runs/prior drums.safetensors
    """  # noqa: D301 -- \b keeps the lines of the examples
    from nnbridge.contract import export
    from nnbridge.prior import weights
    from nnbridge.prior.module import LonePrior, PriorModule, PriorWithRave
    from nnbridge.prior.rave_file import RaveFile
    from nnbridge.prior.run import load

    if rave is not None and output.suffix == weights.SUFFIX:
        raise StopError(
            f"a {weights.SUFFIX} file holds the prior alone: leave out --rave, or write OUT.ts.", 2
        )
    with terminal.plainly():
        trained = load(run, checkpoint)
        if output.suffix == weights.SUFFIX:
            _say(weights.save(trained, output), json, quiet)
            return
        module: PriorModule
        if rave is None:
            module = LonePrior(trained.prior, trained.code, trained.ratio, trained.sample_rate)
        else:
            decoder = RaveFile(rave)
            trained.check_steps(decoder)
            module = PriorWithRave(trained.prior, trained.code, decoder)
            if not trained.knows(decoder):
                complain(f"'{rave}' is not the RAVE that the sequences were made with.")
        module.metadata(name=name or run.resolve().name, license=license, authors=authors)
        written = export(module, output)
    if not check:
        _say(written, json, quiet)
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


def _say(written: Path, json: bool, quiet: bool) -> None:
    if json:
        terminal.print_json({"path": written})
    elif not quiet:
        print(f"{written}: written")  # noqa: T201
