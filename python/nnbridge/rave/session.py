# SPDX-License-Identifier: MIT
"""Begins a training run, or goes on with one: what has to fit together before a step is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnbridge.audio.dataset import Dataset
from nnbridge.training import checkpoints
from nnbridge.training.errors import TrainingError

from .recipe import Recipe
from .run import Run, exists
from .training import Training

_LEAST_FRAMES = 2
"""Of the latent, whose dimensions can't be measured on fewer."""


@dataclass
class Session:
    """A run that can start.

    Attributes:
        run: its folder.
        training: the network at the step where it starts.
        dataset: what it learns from.
        checkpoint: from which it goes on; None at the begin.
        changes: what is different in the recipe from here on.
        notes: what somebody should know, in sentences.
    """

    run: Run
    training: Training
    dataset: Dataset
    checkpoint: Path | None = None
    changes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check(recipe: Recipe, dataset: Dataset, processes: int) -> None:
    """Whether recipe, data and processes fit together.

    Raises:
        TrainingError: they don't.
    """
    network, settings = recipe.network, recipe.training
    for what, wanted, there in (
        ("a sample rate of {} Hz", network.sample_rate, dataset.sample_rate),
        ("{} channels", network.channels, dataset.channels),
    ):
        if wanted != there:
            name = "sample_rate" if "rate" in what else "channels"
            raise TrainingError(
                f"the recipe wants {what.format(wanted)}, and '{dataset.path}' has {there}: "
                f"prepare the recordings with --{name.replace('_', '-')} {wanted}, or set "
                f"network.{name}={there}."
            )
    if settings.batch % processes:
        raise TrainingError(
            f"a batch of {settings.batch} can't be shared evenly by {processes} processes: set "
            f"training.batch to a multiple of {processes}."
        )
    least = _LEAST_FRAMES * network.ratio / network.sample_rate
    seconds = dataset.split("train").seconds
    if seconds < least:
        raise TrainingError(
            f"'{dataset.path}' has {seconds:.2f} s to train on, and this network needs {least:.2f} "
            "s at the very least, many minutes to learn something: prepare more recordings."
        )


def refuse_run(folder: Path) -> None:
    """Nothing may be written into a folder that a new run is wanted in, if there is one already.

    Raises:
        TrainingError: there is.
    """
    if exists(folder):
        raise TrainingError(
            f"'{folder}' holds a run already: go on with it by adding --resume, or give another "
            "folder."
        )


def begin(folder: Path, recipe: Recipe, dataset: Dataset, writes: bool = True) -> Session:
    """Begins a run in a new folder.

    Args:
        folder: of the run.
        recipe: what to make.
        dataset: from what.
        writes: whether this process is the one that writes.

    Raises:
        TrainingError: there is a run already.
    """
    if writes:
        refuse_run(folder)
    training = Training(recipe, dataset)
    run = Run.create(folder, recipe, dataset) if writes else Run(folder, {})
    return Session(run, training, dataset)


def resume(
    folder: Path,
    dataset: Path | None = None,
    settings: Sequence[str] = (),
    which: str = "newest",
    processes: int = 1,
    writes: bool = True,
) -> Session:
    """Goes on with a run. Nothing of it is changed before everything is known to fit.

    Args:
        folder: of the run.
        dataset: where the dataset is now; None: where it was.
        settings: changes to the recipe, as ``section.name=value``.
        which: the checkpoint to go on from; whatever came after it is removed.
        processes: that share the batch.
        writes: whether this process is the one that writes.

    Raises:
        TrainingError: the run, its checkpoints or its dataset can't be used.
    """
    run = Run(folder)
    before = run.recipe()
    recipe = before.override(settings)
    if _sizes(recipe) != _sizes(before):
        raise TrainingError(
            f"{', '.join(settings)} would make another network, and a run keeps the one it began "
            "with: begin a new run."
        )
    data = Dataset(dataset or run.facts["dataset"]["path"])
    check(recipe, data, processes)
    training = Training(recipe, data)
    path, notes = _go_back(run, training, which, writes)
    if data.hash != run.facts["dataset"]["hash"]:
        notes.append("the dataset has changed since the run began, and is what it learns from now.")
    if writes and recipe != before:
        run.change_recipe(recipe)
    return Session(run, training, data, path, list(settings), notes)


def _go_back(
    run: Run, training: Training, which: str, writes: bool
) -> tuple[Path | None, list[str]]:
    """To a checkpoint, or to the begin of a run that was killed before its first one."""
    if which == "newest" and not checkpoints.available(run.checkpoints):
        return None, []
    path, held, notes = run.find(which)
    training.begin_at(int(held["nnbridge"]["step"]))
    if writes:
        path = checkpoints.forget_after(path, training.step)
    return path, [f"{text} Going on from step {training.step}." for text in notes]


def _sizes(recipe: Recipe) -> tuple[object, ...]:
    """What weights have to fit to."""
    latent, adversary = recipe.latent, recipe.discriminator
    return (
        recipe.network,
        (latent.kind, latent.codes, latent.quantisers),
        (adversary.capacity, adversary.layers, adversary.scales),
    )
