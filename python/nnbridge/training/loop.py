# SPDX-License-Identifier: MIT
"""Lightning's Trainer as a run folder wants it.

Lightning's epoch is here the stretch up to the next validation. A checkpoint does not hold the
state of Lightning's loops: the step number says all, and the next stretch begins there.
"""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.plugins.io import TorchCheckpointIO

from . import checkpoints

AGREE_EVERY = 10
"""Steps between asking the other processes whether somebody was told to stop."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):  # noqa: N818 (no error: somebody wished it)
    """The training was told to stop, and its state is saved."""


def rank() -> int:
    """The number of this process, before Lightning has started; 0 is the one that writes."""
    for name in ("RANK", "SLURM_PROCID"):
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    node, local = os.environ.get("NODE_RANK", "0"), os.environ.get("LOCAL_RANK", "0")
    return 0 if (node, local) == ("0", "0") else 1


class Keeper(pl.Callback):
    """Saves, and stops when told to; a model family adds what it logs and shows.

    Args:
        folder: for the checkpoints.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told_to_stop = False

    def stop(self, number: int, frame: FrameType | None) -> None:
        """A signal handler: ends the training after the step that runs; a second call at once."""
        if self._told_to_stop:
            raise KeyboardInterrupt
        self._told_to_stop = True

    def setup(self, trainer: pl.Trainer, training: pl.LightningModule, stage: str) -> None:
        """All processes have found each other."""
        self.listen()

    def listen(self) -> None:
        """Takes the signals back from Lightning, whose handlers would talk to other processes."""
        for number in _SIGNALS:
            signal.signal(number, self.stop)

    def close(self) -> None:
        """Training has ended, in whatever way."""

    def stops(self, trainer: pl.Trainer, agree: bool = True) -> bool:
        """Whether to stop; several processes do after the same step, where they agree."""
        if trainer.world_size == 1:
            return self._told_to_stop
        return agree and trainer.strategy.reduce_boolean_decision(self._told_to_stop, all=False)

    def save(self, trainer: pl.Trainer, step: int, *names: str) -> None:
        """Saves the state after so many steps, under these names as well."""
        path = checkpoints.path_of_step(self._folder, step)
        trainer.save_checkpoint(path)  # all processes take part
        if trainer.is_global_zero:
            for name in names:
                checkpoints.duplicate(path, name)
            checkpoints.prune(self._folder)


def fit(
    training: pl.LightningModule, keeper: Keeper, resume_from: Path | None, **choices: Any
) -> None:
    """Trains until the keeper stops it.

    Args:
        training: what to train.
        keeper: what keeps it.
        resume_from: a checkpoint to go on from.
        choices: for Lightning's Trainer, beside those that are always so.

    Raises:
        Stopped: by a signal; the state is saved.
        OSError: the system refused to write; the checkpoints before are whole.
    """
    with quiet(), _signals():
        trainer = pl.Trainer(
            max_epochs=-1,
            reload_dataloaders_every_n_epochs=1,
            callbacks=[keeper],
            plugins=[_Checkpoints()],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            **choices,
        )
        try:
            trainer.fit(training, ckpt_path=resume_from)
        finally:
            keeper.close()


class _Checkpoints(TorchCheckpointIO):
    """Lightning's checkpoints, written whole or not at all, without the state of its loops."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """See `checkpoints.write`."""
        checkpoints.write(Path(path), {k: v for k, v in checkpoint.items() if k != "loops"})

    def load_checkpoint(self, path: Any, *_: Any, **__: Any) -> dict[str, Any]:
        """See `checkpoints.read`."""
        return checkpoints.read(Path(path))


@contextmanager
def _signals() -> Iterator[None]:
    """Ctrl-C and a polite kill go to the keeper, once it listens.

    Before that, processes wait for each other outside Python, where no handler of ours would run:
    until then a signal ends them, and there is nothing to save yet.
    """
    previous = {number: signal.signal(number, signal.SIG_DFL) for number in _SIGNALS}
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
