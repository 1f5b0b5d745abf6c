# SPDX-License-Identifier: MIT
"""``nnbridge rave train``: a folder of recordings becomes a network."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import terminal
from .terminal import Quiet, StopError, complain

if TYPE_CHECKING:
    from nnbridge.audio.dataset import Dataset
    from nnbridge.rave.cost import Cost
    from nnbridge.rave.progress import Display
    from nnbridge.rave.recipe import Recipe
    from nnbridge.rave.session import Session


def command(
    dataset: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATASET",
            help="A folder that nnbridge data prepare made, or one of recordings, which is "
            "prepared first, into RUN/dataset. Not needed with --resume.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="RUN", help="The run folder. Default: runs/DATASET."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            "-r",
            metavar="NAME",
            help="A shipped one, or a .toml file. Default: thesis with a GPU, else small.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change the recipe: training.batch=4. May be repeated. With --resume: all but "
            "the sizes of the network.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint in RUN.")
    ] = False,
    checkpoint: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="With --resume, another than the newest: best, stage-one, or a step. What came "
            "after it is removed from RUN.",
        ),
    ] = "newest",
    devices: Annotated[
        int, typer.Option(min=1, help="Processes on this machine: one per GPU, or on the CPU.")
    ] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines; the same command runs on each.")] = 1,
    precision: Annotated[
        str, typer.Option(metavar="NAME", help="32, bf16-mixed or 16-mixed.")
    ] = "32",
    accelerator: Annotated[
        str, typer.Option(metavar="NAME", help="auto, cpu, gpu (cuda) or mps.")
    ] = "auto",
    quiet: Quiet = False,
) -> None:
    """Train a RAVE on recordings.

    First says what it will cost, by measuring a few steps. Ctrl-C saves; killed at any moment, it
    goes on from the newest checkpoint with --resume, as if it had not been interrupted. What it
    writes is described at the top of nnbridge/rave/run.py: figures and sounds are for TensorBoard
    (tensorboard --logdir RUN/logs).

    \b
    Examples:
      nnbridge rave train recordings/ --out runs/cello
      nnbridge rave train drums.dataset -o runs/drums -r small --set training.batch=8
      nnbridge rave train -o runs/drums --resume --set training.stage_two_steps=200000
    """  # noqa: D301 -- \b keeps the lines of the examples
    if dataset is None and not (resume and out):
        what = "the run, with --out RUN" if resume else "a folder of recordings, or a dataset"
        raise StopError(f"say what to train on: {what}.", 2)
    if resume and recipe:
        raise StopError("a run keeps its recipe: change it with --set, not --recipe.", 2)
    if checkpoint != "newest" and not resume:
        raise StopError("--checkpoint is where to go on from: add --resume.", 2)
    if precision not in _PRECISIONS:
        raise StopError(f"--precision is one of {', '.join(_PRECISIONS)}, not '{precision}'.", 2)
    try:
        import pytorch_lightning  # noqa: F401
    except ImportError:
        raise StopError(
            "training needs Lightning and TensorBoard: pip install 'nnbridge[train]'."
        ) from None
    folder = out or Path("runs") / (dataset or Path()).resolve().name
    machine = _Machine(devices, nodes, precision, accelerator)
    with terminal.plainly():
        from nnbridge.training.machine import check

        check(accelerator, devices, nodes)
        session = (
            _resume(folder, dataset, settings or [], checkpoint, machine)
            if resume
            else _begin(folder, dataset or Path(), recipe, settings or [], machine, quiet)
        )
        _train(session, machine, quiet)


_PRECISIONS = ("32", "bf16-mixed", "16-mixed")


@dataclass(frozen=True)
class _Machine:
    devices: int
    nodes: int
    precision: str
    accelerator: str

    @property
    def processes(self) -> int:
        return self.devices * self.nodes

    @property
    def writes(self) -> bool:
        """Whether this is the process that writes and speaks; Lightning starts the others."""
        from nnbridge.training.loop import rank

        return rank() == 0


def _begin(
    folder: Path,
    dataset: Path,
    name: str | None,
    settings: list[str],
    machine: _Machine,
    quiet: bool,
) -> Session:
    import torch

    from nnbridge.rave import session
    from nnbridge.rave.recipe import Recipe

    has_gpu = machine.accelerator != "cpu" and torch.cuda.is_available()
    recipe = Recipe.load(name or ("thesis" if has_gpu else "small")).override(settings)
    if machine.writes:
        session.refuse_run(folder)  # before anything is prepared into it
    data = _dataset(dataset, folder, recipe, machine, quiet)
    session.check(recipe, data, machine.processes)
    return session.begin(folder, recipe, data, machine.writes)


def _dataset(path: Path, folder: Path, recipe: Recipe, machine: _Machine, quiet: bool) -> Dataset:
    """The dataset in a folder, or one made of the recordings there."""
    from nnbridge.audio.dataset import INDEX, SAMPLES, Dataset
    from nnbridge.audio.prepare import prepare

    if not path.is_dir() or any((path / name).exists() for name in (INDEX, SAMPLES)):
        return Dataset(path)
    made = folder / "dataset"
    if not machine.writes:
        return Dataset(made)
    if not quiet:
        complain(f"'{path}' is a folder of recordings: preparing it in '{made}'.")
    with terminal.Bar("preparing", quiet=quiet) as bar:
        network = recipe.network
        done = prepare([path], made, network.sample_rate, network.channels, progress=bar)
    for reason in done.dataset.skipped.values():
        complain(f"skipped: {reason}")
    return done.dataset


def _resume(
    folder: Path, dataset: Path | None, settings: list[str], which: str, machine: _Machine
) -> Session:
    from nnbridge.rave import session

    made = session.resume(folder, dataset, settings, which, machine.processes, machine.writes)
    if machine.writes:
        for note in made.notes:
            complain(note)
    return made


def _train(session: Session, machine: _Machine, quiet: bool) -> None:
    from nnbridge.rave.cost import measure
    from nnbridge.rave.loop import train
    from nnbridge.rave.progress import Display
    from nnbridge.training.loop import Stopped

    training, run = session.training, session.run
    if training.done:
        raise StopError(
            f"'{run.path}' is at its end ({training.step} steps): export it, or train further with "
            "--set training.stage_two_steps=MORE."
        )
    display = Display(training.ends, quiet or not machine.writes)
    costs: dict[int, float] = {}
    if machine.writes:
        cost = measure(
            training.recipe,
            session.dataset,
            machine.processes,
            machine.precision,
            machine.accelerator,
        )
        costs = cost.step
        _say_cost(session, cost, machine, display)
        run.note_start(training.step, session.changes)
    if machine.nodes > 1:
        display.say(f"waiting for all of {machine.nodes} machines")
    again = _again(session, machine)
    try:
        train(
            training,
            run,
            display,
            costs,
            resume_from=session.checkpoint,
            devices=machine.devices,
            nodes=machine.nodes,
            precision=machine.precision,
            accelerator=machine.accelerator,
        )
    except Stopped:
        if not machine.writes:
            return
        raise StopError(
            f"stopped, saved at step {training.step}. Go on with: {again}", 130
        ) from None
    except KeyboardInterrupt:
        raise StopError(f"stopped at once. Go on from the last save with: {again}", 130) from None
    except OSError as error:
        raise StopError(
            f"step {training.step} could not be saved ({error.strerror or error}); what was saved "
            f"before is whole. Make room, then: {again}"
        ) from None
    display.say(f"finished: {run.path}, {training.step} steps")


def _say_cost(session: Session, cost: Cost, machine: _Machine, display: Display) -> None:
    from nnbridge.rave.cost import free_space
    from nnbridge.rave.progress import duration

    training, data = session.training, session.dataset
    millions = ", ".join(f"{name} {n / 1e6:.2f} M" for name, n in cost.parameters.items())
    recipe = training.recipe
    display.say(
        f"{session.run.path}: {data.path}, {data.seconds / 60:.1f} min at {data.sample_rate} Hz, "
        f"of which {data.split('validation').seconds / 60:.1f} min held out"
    )
    display.say(
        f"parameters: {millions}; batch {recipe.training.batch} x {recipe.training.segment} samples"
        + (f" over {machine.processes} processes" if machine.processes > 1 else "")
    )
    begins = (0, training.ends[0])
    total = 0.0
    for stage, (begin, end) in enumerate(zip(begins, training.ends, strict=True), 1):
        steps = end - max(begin, training.step)
        if steps <= 0 or stage not in cost.step:
            continue
        total += steps * cost.step[stage]
        display.say(
            f"stage {'one' if stage == 1 else 'two'}: {steps} steps at {1 / cost.step[stage]:.2f} "
            f"steps/s, {duration(steps * cost.step[stage])}"
        )
    display.say(f"about {duration(total)} in all, and {cost.disk / 1e6:.0f} MB of disk")
    if free_space(session.run.path) < cost.disk:
        complain(
            f"there is little room on this disk: {free_space(session.run.path) / 1e6:.0f} MB, and "
            f"{cost.disk / 1e6:.0f} MB will be needed."
        )


def _again(session: Session, machine: _Machine) -> str:
    """The command that goes on."""
    words = ["nnbridge", "rave", "train", "--out", str(session.run.path), "--resume"]
    for name, value, default in (
        ("--devices", machine.devices, 1),
        ("--nodes", machine.nodes, 1),
        ("--precision", machine.precision, "32"),
        ("--accelerator", machine.accelerator, "auto"),
    ):
        if value != default:
            words += [name, str(value)]
    return shlex.join(words)
