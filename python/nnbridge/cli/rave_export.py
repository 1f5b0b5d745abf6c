# SPDX-License-Identifier: MIT
"""``nnbridge rave export``: a trained network becomes a model file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from . import terminal
from .check import show
from .terminal import Json, Quiet, StopError, complain

if TYPE_CHECKING:
    from nnbridge.rave.network import RAVE


def command(
    source: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="A run folder, or a .safetensors file of weights."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="MODEL.ts", help="The file to write.")
    ],
    fidelity: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Export the fewest latents that hold this share of the latent. Default: 0.95.",
        ),
    ] = None,
    latents: Annotated[
        int | None,
        typer.Option(metavar="N", help="Export so many latents (or codebooks) instead."),
    ] = None,
    checkpoint: Annotated[
        str,
        typer.Option(metavar="NAME", help="newest, best, stage-one, stage-two, or a step."),
    ] = "newest",
    channels: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of audio. A mono network then runs once for each channel."),
    ] = None,
    sample_rate: Annotated[
        int | None,
        typer.Option(
            "--sample-rate",
            metavar="HZ",
            help="The file's own rate, for hosts that don't convert: half or twice that of the "
            "network, for instance.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the model. Default: the file's.")
    ] = None,
    author: Annotated[str | None, typer.Option(metavar="NAME", help="Who made it.")] = None,
    licence: Annotated[
        str | None, typer.Option("--license", metavar="NAME", help="Of the model: CC-BY-4.0 …")
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Write it again whenever training has a newer checkpoint."),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Check the file as well (not in --watch).")
    ] = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Export a trained RAVE as a model file.

    The file has encode, decode and forward, and plays in every host. It is replaced at once, so
    that a patch which reloads it finds the old one or the new one.

    \b
    Examples:
      nnbridge rave export runs/cello --out cello.ts
      nnbridge rave export runs/cello --out cello.ts --latents 8 --watch
      nnbridge rave export models/rave/drums/weights.safetensors --out drums.ts
    """  # noqa: D301 -- \b keeps the lines of the examples
    from nnbridge.rave.export import Choices, export

    choices = Choices(fidelity, latents, channels, sample_rate)

    def write(network: RAVE) -> Path:
        return export(network, out, choices, name=name, author=author, license=licence)

    if watch:
        _watch(source, checkpoint, write, quiet)
    with terminal.plainly():
        written = write(_load(source, checkpoint))
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


def _load(source: Path, checkpoint: str) -> RAVE:
    if source.is_dir():
        from nnbridge.rave import run

        return run.load(source, checkpoint)[1]
    from nnbridge.rave import weights

    if source.suffix != weights.SUFFIX:
        raise StopError(f"'{source}' is neither a run folder nor a {weights.SUFFIX} file.")
    return weights.load(source)


def _watch(source: Path, checkpoint: str, write: Callable[[RAVE], Path], quiet: bool) -> NoReturn:
    from nnbridge.rave import run
    from nnbridge.rave.follow import FOLLOWED, follow
    from nnbridge.training import checkpoints

    if not source.is_dir():
        raise StopError(f"--watch follows a run folder, and '{source}' is none.")
    with terminal.plainly():
        there = checkpoints.available(run.Run(source).checkpoints)
        comes = checkpoint in FOLLOWED and checkpoint not in (there and ["newest", *there])
        if comes and not quiet:
            complain(f"'{source}' has no checkpoint '{checkpoint}' yet: waiting for it.")
        for step, network in follow(source, checkpoint):
            written = write(network)
            if not quiet:
                print(f"{written}: written from {step}", flush=True)  # noqa: T201
    raise AssertionError
