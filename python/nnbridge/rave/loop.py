# SPDX-License-Identifier: MIT
"""Runs a training: Lightning's Trainer, and what a run folder wants of it.

Lightning's epoch is here the stretch up to the next validation. A checkpoint does not hold the
state of Lightning's loops: the step number says all, and the next stretch begins there.
"""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.strategies import DDPStrategy, Strategy
from torch import Tensor

from . import checkpoints
from .metrics import Log, Means
from .progress import Display, duration
from .run import Run
from .training import Training

_AGREE_EVERY = 10  # steps between asking the other processes whether somebody was told to stop
_SOUND_GROWTH = 1.25  # a sound is logged when the step has grown by this factor
_SOUNDS = 3
_GAP_SECONDS = 0.25
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):  # noqa: N818 (no error: somebody wished it)
    """The training was told to stop, and its state is saved."""


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
    keeper = Keeper(run, display, costs)
    with quiet(), _signals(keeper):
        trainer = pl.Trainer(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            strategy=_strategy(devices * nodes),
            sync_batchnorm=devices * nodes > 1
            and accelerator != "cpu"
            and torch.cuda.is_available(),
            precision=precision,  # type: ignore[arg-type]
            max_epochs=-1,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0 if resume_from else -1,
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


def rank() -> int:
    """The number of this process, before Lightning has started; 0 is the one that writes."""
    for name in ("RANK", "SLURM_PROCID"):
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    node, local = os.environ.get("NODE_RANK", "0"), os.environ.get("LOCAL_RANK", "0")
    return 0 if (node, local) == ("0", "0") else 1


class Checkpoints(TorchCheckpointIO):
    """Lightning's checkpoints, written whole or not at all, without the state of its loops."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """See `checkpoints.write`."""
        checkpoints.write(Path(path), {k: v for k, v in checkpoint.items() if k != "loops"})

    def load_checkpoint(self, path: Any, *_: Any, **__: Any) -> dict[str, Any]:
        """See `checkpoints.read`."""
        return checkpoints.read(Path(path))


class Keeper(pl.Callback):
    """Logs, saves, shows, and stops when told to."""

    def __init__(self, run: Run, display: Display, costs: Mapping[int, float]) -> None:
        self._run = run
        self._display = display
        self._costs = costs
        self._means = Means()
        self._log: Log | None = None
        self._loss: float | None = None
        self._told_to_stop = False

    def stop(self, number: int, frame: FrameType | None) -> None:
        """A signal handler: ends the training after the step that runs; a second call at once."""
        if self._told_to_stop:
            raise KeyboardInterrupt
        self._told_to_stop = True

    # Lightning calls these ---------------------------------------------------------------------

    def on_sanity_check_start(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        """The untrained network is about to be validated."""
        self._open(trainer, training)

    def on_train_start(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        """Training begins, or goes on."""
        assert isinstance(training, Training)
        for number in _SIGNALS:  # Lightning's own would talk to the other processes from there
            signal.signal(number, self.stop)
        self._open(trainer, training)
        if training.step == 0:  # a run killed before the first checkpoint can be used as well
            self._save(trainer, training)
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
        if training.validates_now():
            return  # what validation adds belongs to the state of this step
        if self._stop(trainer, step % _AGREE_EVERY == 0):
            self._save(trainer, training)
            raise Stopped
        if step % settings.checkpoint_every == 0:
            self._save(trainer, training)

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
            self._save(trainer, training, *names)
            if not training.done and self._stop(trainer):
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

    def _save(self, trainer: pl.Trainer, training: Training, *names: str) -> None:
        path = checkpoints.path_of_step(self._run.checkpoints, training.step)
        trainer.save_checkpoint(path)  # all processes take part
        if trainer.is_global_zero:
            for name in names:
                checkpoints.duplicate(path, name)
            checkpoints.prune(self._run.checkpoints)

    def _stop(self, trainer: pl.Trainer, agree: bool = True) -> bool:
        """Whether to stop; several processes do after the same step, where they agree."""
        if trainer.world_size == 1:
            return self._told_to_stop
        return agree and trainer.strategy.reduce_boolean_decision(self._told_to_stop, all=False)

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


@contextmanager
def _signals(keeper: Keeper) -> Iterator[None]:
    """Ctrl-C and a polite kill go to the keeper."""
    previous = {number: signal.signal(number, keeper.stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def quiet() -> Iterator[None]:
    """Lightning's advice and announcements are for people who write training loops."""
    names = ("pytorch_lightning", "lightning.pytorch", "lightning_fabric")
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning_fabric")
        warnings.filterwarnings("ignore", module=r"torch\.")
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
