# SPDX-License-Identifier: MIT
"""What a training will cost, measured on a few steps before it starts."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from nnbridge.audio.dataset import Dataset
from nnbridge.training.loop import quiet

from .recipe import Recipe
from .training import Training

_STEPS = 6  # of each stage; the first is not counted
_BUDGET = 15.0  # seconds for a stage, where steps are slow
_CHECKPOINTS = 5  # at most: two newest, best, two stage ends
_LOGS = 200e6  # bytes, mostly sounds; they grow with the logarithm of the steps


@dataclass(frozen=True)
class Cost:
    """Of one whole training.

    Attributes:
        parameters: of encoder, decoder and discriminator.
        step: seconds that a step takes, by stage, in one process.
        disk: bytes that the run folder grows to, about.
    """

    parameters: dict[str, int]
    step: dict[int, float]
    disk: int


def measure(
    recipe: Recipe, dataset: Dataset, processes: int, precision: str, accelerator: str
) -> Cost:
    """Takes a few steps of each stage with networks that are thrown away.

    Args:
        recipe: what is to be trained.
        dataset: on what.
        processes: that will share each batch; one of them is measured, with its share.
        precision: as of `loop.train`.
        accelerator: as of `loop.train`.
    """
    settings = recipe.training
    share = replace(settings, batch=max(1, settings.batch // processes))
    steps: dict[int, float] = {}
    for stage, length in ((1, settings.stage_one_steps), (2, settings.stage_two_steps)):
        if not length:
            continue
        training = Training(replace(recipe, training=share), dataset)
        training.begin_at(0 if stage == 1 else settings.stage_one_steps)
        watch = _Stopwatch()
        with quiet(), _interruptible():
            pl.Trainer(
                accelerator=accelerator,
                devices=1,
                precision=precision,  # type: ignore[arg-type]
                max_epochs=1,
                limit_val_batches=0,
                num_sanity_val_steps=0,
                callbacks=[watch],
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            ).fit(training)
        steps[stage] = watch.seconds()
    parts = {
        "encoder": training.rave.encoder,
        "decoder": training.rave.decoder,
        "discriminator": training.discriminator,
    }
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
    held = sum(tensor.nbytes for tensor in training.state_dict().values())
    checkpoint = held + 2 * 4 * sum(counts.values())  # Adam's two moments
    return Cost(counts, steps, int(_CHECKPOINTS * checkpoint + _LOGS))


def free_space(path: Path) -> int:
    """Bytes that are left where the folder is, or will be."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


@contextmanager
def _interruptible() -> Iterator[None]:
    """Lightning makes an exit of Ctrl-C."""
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None


class _Stopwatch(pl.Callback):
    def __init__(self) -> None:
        self._times: list[float] = []

    def on_train_start(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        self._times = [time.perf_counter()]

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        training: pl.LightningModule,
        outputs: Any,
        batch: Tensor,
        batch_idx: int,
    ) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._times.append(time.perf_counter())
        steps = len(self._times) - 1
        if steps >= _STEPS or (steps > 1 and self._times[-1] - self._times[0] > _BUDGET):
            trainer.should_stop = True

    def seconds(self) -> float:
        """Of a step: the median, without the first where there are more."""
        took = [b - a for a, b in zip(self._times, self._times[1:], strict=False)]
        return statistics.median(took[1:] or took)
