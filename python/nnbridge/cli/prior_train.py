# SPDX-License-Identifier: MIT
"""``nnbridge prior train``: token sequences become a prior."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import terminal
from .terminal import Quiet, StopError, complain

if TYPE_CHECKING:
    from nnbridge.prior.recipe import Recipe
    from nnbridge.prior.run import Run
    from nnbridge.prior.training import Training


def command(
    sequences: Annotated[
        Path | None,
        typer.Argument(
            metavar="SEQUENCES",
            help="A folder that nnbridge prior encode made. Not needed with --resume.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="RUN", help="The run folder. Default: runs/SEQUENCES."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            "-r",
            metavar="NAME",
            help="A shipped one (thesis, small), or a .toml file. Default: thesis with a GPU, else "
            "small.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change the recipe: network.temporal=gru. May be repeated. With --resume: "
            "training only.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint in RUN.")
    ] = False,
    devices: Annotated[
        int, typer.Option(min=1, help="Processes on this machine: one per GPU, or on the CPU.")
    ] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines; the same command runs on each.")] = 1,
    precision: Annotated[
        str, typer.Option(metavar="NAME", help="32, bf16-mixed or 16-mixed.")
    ] = "32",
    accelerator: Annotated[
        str, typer.Option(metavar="NAME", help="auto, cpu, gpu or mps.")
    ] = "auto",
    quiet: Quiet = False,
) -> None:
    """Train a prior, until its validation cross-entropy has stopped falling.

    Ctrl-C saves; killed at any moment, it goes on from the newest checkpoint with --resume, as if
    it had not been interrupted. Figures are in RUN/metrics.csv, and for TensorBoard in RUN/logs.

    \b
    Examples:
      nnbridge prior train sequences --out runs/prior
      nnbridge prior train sequences -o runs/prior --set network.temporal=gru \\
        --set network.parametrisation=decoupled --set 'material.descriptors=["centroid"]'
      nnbridge prior train -o runs/prior --resume --set training.steps=40000
    """  # noqa: D301 -- \b keeps the lines of the examples
    if sequences is None and not (resume and out):
        what = "the run, with --out RUN" if resume else "the sequences"
        raise StopError(f"say what to train on: {what}.", 2)
    if resume and recipe:
        raise StopError("a run keeps its recipe: change it with --set, not --recipe.", 2)
    if precision not in _PRECISIONS:
        raise StopError(f"--precision is one of {', '.join(_PRECISIONS)}, not '{precision}'.", 2)
    try:
        import pytorch_lightning  # noqa: F401
    except ImportError:
        raise StopError(
            "training needs Lightning and TensorBoard: pip install 'nnbridge[train]'."
        ) from None
    from nnbridge.prior import loop
    from nnbridge.prior.sequences import Sequences
    from nnbridge.training.loop import rank
    from nnbridge.training.machine import check

    folder = out or Path("runs") / (sequences or Path()).resolve().name
    checkpoint = None
    with terminal.plainly():
        check(accelerator, devices, nodes)
        if resume:
            run, training, checkpoint = loop.resume(folder, sequences, settings or [])
        else:
            held = Sequences(sequences or Path())
            made = _recipe(recipe, settings or [], accelerator)
            run, training = loop.begin(folder, made, held, writes=rank() == 0)
        if training.done:
            raise StopError(
                f"'{folder}' is at its end ({training.step} steps): export it, or train further "
                "with --set training.steps=MORE, or --set training.patience=MORE."
            )
        words = ["nnbridge", "prior", "train", "--out", str(folder), "--resume"]
        for name, value, default in (
            ("--devices", devices, 1),
            ("--nodes", nodes, 1),
            ("--precision", precision, "32"),
            ("--accelerator", accelerator, "auto"),
        ):
            if value != default:
                words += [name, str(value)]
        machine = (devices, nodes, precision, accelerator)
        _train(run, training, checkpoint, machine, shlex.join(words), quiet or rank() != 0)


_PRECISIONS = ("32", "bf16-mixed", "16-mixed")


def _recipe(name: str | None, settings: list[str], accelerator: str) -> Recipe:
    import torch

    from nnbridge.prior.recipe import Recipe

    has_gpu = accelerator != "cpu" and torch.cuda.is_available()
    return Recipe.load(name or ("thesis" if has_gpu else "small")).override(settings)


def _train(
    run: Run,
    training: Training,
    checkpoint: Path | None,
    machine: tuple[int, int, str, str],
    again: str,
    quiet: bool,
) -> None:
    from nnbridge.prior.loop import train
    from nnbridge.training.loop import Stopped

    def say(words: str) -> None:
        if not quiet:
            print(words, flush=True)  # noqa: T201

    parameters = sum(p.numel() for p in training.prior.parameters()) / 1e6
    network = training.recipe.network
    say(f"{run.path}: {network.parametrisation} {network.temporal}, {parameters:.2f} M parameters")
    begun = time.monotonic()
    with terminal.Bar("training", quiet=quiet) as bar:
        try:
            train(training, run, say, bar, checkpoint, *machine)
        except Stopped:
            raise StopError(
                f"stopped, saved at step {training.step}. Go on with: {again}", 130
            ) from None
        except KeyboardInterrupt:
            raise StopError(
                f"stopped at once. Go on from the last save with: {again}", 130
            ) from None
        except OSError as error:
            complain(f"what was saved before is whole. When there is room again: {again}")
            raise error
    say(f"finished: {run.path}, {training.step} steps, {time.monotonic() - begun:.0f} s")
