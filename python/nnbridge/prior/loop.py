# SPDX-License-Identifier: MIT
"""Begins, resumes and runs the training of a prior: see `nnbridge.training.loop`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from nnbridge.training import checkpoints
from nnbridge.training.loop import AGREE_EVERY, Keeper, Stopped, fit, rank
from nnbridge.training.metrics import Log, Means

from .errors import PriorError
from .recipe import Recipe
from .run import Run
from .sequences import Sequences
from .training import Training

Say = Callable[[str], None]
Progress = Callable[[int, int], None]


def begin(
    folder: Path, recipe: Recipe, sequences: Sequences, writes: bool = True
) -> tuple[Run, Training]:
    """Begin a run in a new folder; of several processes only one writes.

    Raises:
        PriorError: recipe and sequences don't fit together, or there is a run already.
    """
    training = Training(recipe, sequences)
    return Run.create(folder, recipe, sequences, writes), training


def resume(folder: Path, sequences: Path | None, settings: list[str]) -> tuple[Run, Training, Path]:
    """Go on with a run: its folder, the training, and the checkpoint to go on from.

    Args:
        folder: of the run.
        sequences: where the sequences are now; None: where they were.
        settings: changes to the recipe's training section, as ``training.name=value``.

    Raises:
        PriorError: the run or its sequences can't be used.
        TrainingError: no checkpoint can be read.
    """
    run = Run(folder)
    for setting in settings:
        if not setting.strip().startswith("training."):
            raise PriorError(
                f"'{setting}' can't change on the way (only training can): begin a new run for it."
            )
    recipe = run.recipe().override(settings)
    about = run.facts["sequences"]
    held = Sequences(sequences or about["path"])
    if held.hash != about["hash"]:
        raise PriorError(f"'{held.path}' holds other sequences than those the run began with.")
    path, checkpoint, _ = checkpoints.find(run.checkpoints)
    training = Training(recipe, held)
    training.on_load_checkpoint(checkpoint)
    if rank() == 0:
        path = checkpoints.forget_after(path, training.step)
        run.change_recipe(recipe)
    return run, training, path


def train(
    training: Training,
    run: Run,
    say: Say,
    progress: Progress,
    resume_from: Path | None = None,
    devices: int = 1,
    nodes: int = 1,
    precision: str = "32",
    accelerator: str = "auto",
) -> None:
    """Train until the last step, or until validation has not got better for long enough.

    Args:
        training: what to train.
        run: where everything goes.
        say: shows a line.
        progress: is told steps done and steps in all.
        resume_from: a checkpoint to go on from.
        devices: processes on this machine, one per GPU, or so many on the CPU.
        nodes: machines; the same command is started on each.
        precision: 32, bf16-mixed or 16-mixed.
        accelerator: auto, cpu, gpu or mps.

    Raises:
        PriorError: the batch can't be shared by so many processes.
        Stopped: by a signal; the state is saved.
    """
    if training.recipe.training.batch % (devices * nodes):
        raise PriorError(
            f"a batch of {training.recipe.training.batch} can't be shared evenly by "
            f"{devices * nodes} processes: set training.batch to a multiple."
        )
    fit(
        training,
        _Keeper(run, say, progress),
        resume_from,
        accelerator=accelerator,
        devices=devices,
        num_nodes=nodes,
        strategy="ddp" if devices * nodes > 1 else "auto",
        precision=precision,
        num_sanity_val_steps=0,
        default_root_dir=run.path,
    )


class _Keeper(Keeper):
    """Logs and shows as well."""

    def __init__(self, run: Run, say: Say, progress: Progress) -> None:
        super().__init__(run.checkpoints)
        self._run, self._say, self._progress = run, say, progress
        self._means = Means()
        self._log: Log | None = None

    def on_train_start(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        assert isinstance(training, Training)
        self.listen()
        if trainer.is_global_zero:
            self._run.note_start(training.step)
            self._log = Log(self._run.metrics, self._run.logs, training.step)
        if training.step == 0:  # a run killed before the first checkpoint can be used as well
            self.save(trainer, training.step)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        training: pl.LightningModule,
        outputs: Any,
        batch: Tensor,
        batch_idx: int,
    ) -> None:
        assert isinstance(training, Training)
        settings = training.recipe.training
        self._means.add(training.figures)
        if training.step % settings.log_every == 0:
            rate = {"train/learning_rate": settings.rate(training.step - 1)}
            # all processes take part
            means = self._means.take(lambda x: trainer.strategy.reduce(x, reduce_op="mean"))
            if self._log:
                self._log.figures(training.step, 1, {**means, **rate})
        if trainer.is_global_zero:
            self._progress(training.step, settings.steps)
        if self.stops(trainer, training.step % AGREE_EVERY == 0):
            self.save(trainer, training.step)
            raise Stopped
        if training.step % settings.checkpoint_every == 0 and not training.validates_now():
            self.save(trainer, training.step)

    def on_validation_end(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        assert isinstance(training, Training)
        better = training.better()
        if self._log:
            self._log.figures(training.step, 1, training.validation)
            self._log.flush()
            found = training.validation
            self._say(
                f"step {training.step}: cross-entropy {found['validation/cross_entropy']:.4f}, "
                f"accuracy {100 * found['validation/accuracy']:.2f} %, "
                f"perplexity {found['validation/perplexity']:.2f}" + (" (best)" if better else "")
            )
        self.save(trainer, training.step, *(["best"] if better else []))
        if training.done:
            trainer.should_stop = True

    def close(self) -> None:
        """Ends the log."""
        if self._log:
            self._log.close()
