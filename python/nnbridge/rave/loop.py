# SPDX-License-Identifier: MIT
"""Runs the training of a RAVE: see `nnbridge.training.loop`; here is what it logs and shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy, Strategy
from torch import Tensor

from nnbridge.training.loop import AGREE_EVERY, Keeper, Stopped, fit
from nnbridge.training.metrics import Log, Means

from .progress import Display, duration
from .run import Run
from .training import Training

_SOUND_GROWTH = 1.25  # a sound is logged when the step has grown by this factor
_SOUNDS = 3
_GAP_SECONDS = 0.25


def train(
    training: Training,
    run: Run,
    display: Display,
    costs: Mapping[int, float],
    resume_from: Path | None = None,
    devices: int = 1,
    nodes: int = 1,
    precision: str = "32",
    accelerator: str = "auto",
) -> None:
    """Trains to the end of stage two.

    Args:
        training: with its data attached.
        run: where everything goes.
        display: shows how far it is.
        costs: seconds that a step of each stage was measured to take.
        resume_from: a checkpoint to go on from.
        devices: processes on this machine, one per GPU, or so many on the CPU.
        nodes: machines; the same command is started on each (see Lightning's cluster
            environments: MASTER_ADDR, MASTER_PORT, NODE_RANK, or torchrun, or SLURM).
        precision: 32, bf16-mixed or 16-mixed.
        accelerator: auto, cpu, gpu or mps.

    Raises:
        Stopped: by a signal; the state is saved.
        OSError: the system refused to write; the checkpoints before are whole.
    """
    processes = devices * nodes
    fit(
        training,
        _Keeper(run, display, costs),
        resume_from,
        accelerator=accelerator,
        devices=devices,
        num_nodes=nodes,
        strategy=_strategy(processes),
        sync_batchnorm=processes > 1 and accelerator != "cpu" and torch.cuda.is_available(),
        precision=precision,
        num_sanity_val_steps=0 if resume_from else -1,
        default_root_dir=run.path,
    )


class _Keeper(Keeper):
    """Logs and shows as well."""

    def __init__(self, run: Run, display: Display, costs: Mapping[int, float]) -> None:
        super().__init__(run.checkpoints)
        self._run = run
        self._display = display
        self._costs = costs
        self._means = Means()
        self._log: Log | None = None
        self._loss: float | None = None

    # Lightning calls these ---------------------------------------------------------------------

    def on_sanity_check_start(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        """The untrained network is about to be validated."""
        self._open(trainer, training)

    def on_train_start(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        """Training begins, or goes on."""
        assert isinstance(training, Training)
        self.listen()
        self._open(trainer, training)
        if training.step == 0:  # a run killed before the first checkpoint can be used as well
            self.save(trainer, training.step)
        if trainer.is_global_zero:
            self._display.start(self._costs)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        training: pl.LightningModule,
        outputs: Any,
        batch: Tensor,
        batch_idx: int,
    ) -> None:
        """A step is done."""
        assert isinstance(training, Training)
        settings = training.recipe.training
        step, stage = training.step, training.stage_of(training.step - 1)
        self._means.add(training.figures)
        if step % settings.log_every == 0:
            self._write(trainer, step, stage)
        if trainer.is_global_zero:
            self._display.step(step, stage, self._loss)
        if step % settings.log_every == 0 or step % settings.checkpoint_every == 0:
            training.check_finite()
        if training.validates_now():
            return  # what validation adds belongs to the state of this step
        if self.stops(trainer, step % AGREE_EVERY == 0):
            self.save(trainer, training.step)
            raise Stopped
        if step % settings.checkpoint_every == 0:
            self.save(trainer, training.step)

    def on_validation_start(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        """A validation begins."""
        self._display.pause()

    def on_validation_end(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        """The figures of a validation are there."""
        assert isinstance(training, Training)
        step, stage = training.step, training.stage_of(max(0, training.step - 1))
        ends = training.stage_ended()
        better = training.better()
        if self._log:
            self._log.figures(step, stage, training.validation)
            self._sounds(training, step, last=ends is not None)
            self._log.flush()
            distance = training.validation["validation/distance"]
            self._display.say(
                f"step {step}: validation distance {distance:.2f}"
                + (f", loss {self._loss:.3f}" if self._loss is not None else "")
                + (f"; {self._time_left(step)}" if step else " (untrained)")
            )
        if step:
            names = (["best"] if better else []) + ([ends] if ends else [])
            self.save(trainer, training.step, *names)
            if not training.done and self.stops(trainer):
                raise Stopped
        trainer.should_stop = training.done
        self._display.pause()

    def close(self) -> None:
        """Ends log and display."""
        self._display.stop()
        if self._log:
            self._log.close()
            self._log = None

    # What they do ------------------------------------------------------------------------------

    def _open(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        assert isinstance(training, Training)
        if trainer.is_global_zero and self._log is None:
            self._log = Log(self._run.metrics, self._run.logs, training.step)
            if training.step == 0:
                self._log.text("recipe", training.recipe.to_toml())

    def _write(self, trainer: pl.Trainer, step: int, stage: int) -> None:
        means = self._means.take(lambda value: trainer.strategy.reduce(value, reduce_op="mean"))
        self._loss = means.get("train/loss", self._loss)
        if self._log:
            self._log.figures(step, stage, means)

    def _sounds(self, training: Training, step: int, last: bool) -> None:
        assert self._log is not None
        if step and not last and step < _SOUND_GROWTH * training.sounded:
            return
        training.sounded = step
        rate = training.recipe.network.sample_rate
        for index, (original, made) in enumerate(training.examples[:_SOUNDS]):
            gap = original.new_zeros(original.shape[0], int(_GAP_SECONDS * rate))
            both = torch.cat([original, gap, made], -1)
            self._log.sound(step, f"original and reconstruction {index + 1}", both, rate)

    def _time_left(self, step: int) -> str:
        return f"{duration(self._display.left(step))} left"


def _strategy(processes: int) -> Strategy | str:
    if processes == 1:
        return "auto"
    # Each stage and each of the two players uses a part of the parameters.
    return DDPStrategy(find_unused_parameters=True)
