# SPDX-License-Identifier: MIT
"""Runs a prior's training: Lightning's Trainer, with the checkpoints and logs of a RAVE's run."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from nnbridge.rave import checkpoints
from nnbridge.rave.loop import Checkpoints, Stopped, quiet, rank
from nnbridge.rave.metrics import Log, Means

from .errors import PriorError
from .recipe import Recipe
from .run import Run
from .sequences import Sequences
from .training import Training

Say = Callable[[str], None]
Progress = Callable[[int, int], None]
_AGREE_EVERY = 10  # steps between asking the other processes whether somebody was told to stop
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


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
    keeper = _Keeper(run, say, progress)
    before = {number: signal.signal(number, keeper.stop) for number in _SIGNALS}
    with quiet():
        trainer = pl.Trainer(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            strategy="ddp" if devices * nodes > 1 else "auto",
            precision=precision,  # type: ignore[arg-type]
            max_epochs=-1,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            callbacks=[keeper],
            plugins=[Checkpoints()],
            default_root_dir=run.path,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        try:
            trainer.fit(training, ckpt_path=resume_from)
        finally:
            keeper.close()
            for number, handler in before.items():
                signal.signal(number, handler)


class _Keeper(pl.Callback):
    """Logs, saves, shows, and stops when told to."""

    def __init__(self, run: Run, say: Say, progress: Progress) -> None:
        self._run, self._say, self._progress = run, say, progress
        self._means = Means()
        self._log: Log | None = None
        self._told_to_stop = False

    def stop(self, number: int, frame: FrameType | None) -> None:
        """A signal handler: ends the training after the step that runs; a second call at once."""
        if self._told_to_stop:
            raise KeyboardInterrupt
        self._told_to_stop = True

    def on_train_start(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        assert isinstance(training, Training)
        for number in _SIGNALS:  # Lightning has put its own there
            signal.signal(number, self.stop)
        if trainer.is_global_zero:
            self._run.note_start(training.step)
            self._log = Log(self._run.metrics, self._run.logs, training.step)
        if training.step == 0:  # a run killed before the first checkpoint can be used as well
            self._save(trainer, training)

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
        if self._stops(trainer, training.step):
            self._save(trainer, training)
            raise Stopped
        if training.step % settings.checkpoint_every == 0 and not training.validates_now():
            self._save(trainer, training)

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
        self._save(trainer, training, *(["best"] if better else []))
        if training.done:
            trainer.should_stop = True

    def close(self) -> None:
        """Ends the log."""
        if self._log:
            self._log.close()

    def _save(self, trainer: pl.Trainer, training: Training, *names: str) -> None:
        path = checkpoints.path_of_step(self._run.checkpoints, training.step)
        trainer.save_checkpoint(path)  # all processes take part
        if trainer.is_global_zero:
            for name in names:
                checkpoints.duplicate(path, name)
            checkpoints.prune(self._run.checkpoints)

    def _stops(self, trainer: pl.Trainer, step: int) -> bool:
        if trainer.world_size == 1:
            return self._told_to_stop
        if step % _AGREE_EVERY:
            return False
        return trainer.strategy.reduce_boolean_decision(self._told_to_stop, all=False)
