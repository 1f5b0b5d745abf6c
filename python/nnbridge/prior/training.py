# SPDX-License-Identifier: MIT
"""How a prior learns, as a Lightning module (thesis, section 4.5).

As with a RAVE, nothing remembers a random state: a step draws from a generator seeded with (seed,
step, process), and a batch is a function of (seed, step), so a run that goes on from a checkpoint
is the run that was never interrupted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Adam
from torch.utils.data import DataLoader, IterableDataset

from nnbridge.training.chance import seeded

from . import metrics
from .build import build, facts
from .crops import Batch, Crops, windows
from .errors import PriorError
from .evaluation import PIECES as VALIDATION_PIECES
from .evaluation import Sums
from .output import Decoupled
from .recipe import Recipe
from .sequences import Sequences


class Training(pl.LightningModule):
    """A prior, and how it learns.

    Args:
        recipe: what to make.
        sequences: to learn from.

    Attributes:
        prior: the network.
        step: how many steps are done.
        best: smallest validation cross-entropy so far.
        waited: validations since then.
        figures: losses of the last step, by name.
        validation: figures of the last validation, by name.
    """

    def __init__(self, recipe: Recipe, sequences: Sequences) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.recipe = recipe
        self.sequences = sequences
        settings = recipe.training
        with seeded(settings.seed):
            self.prior = build(recipe, facts(sequences), _codebooks(recipe, sequences))
        if settings.segment <= self.prior.crop:
            raise PriorError(
                f"the first {self.prior.crop} steps of an example teach this network nothing (its "
                f"receptive field): make training.segment longer than that, not {settings.segment}."
            )
        for split in ("train", "validation"):
            longest = max((file.steps for file in sequences.split(split)), default=0)
            if longest <= self.prior.crop:
                raise PriorError(
                    f"no recording of the {split} split is longer than the {self.prior.crop} steps "
                    "that this network needs before it predicts: give longer ones, or a network "
                    "with a shorter receptive field."
                )
        if isinstance(self.prior.output, Decoupled):
            counts = torch.from_numpy(sequences.counts(self.prior.quantisers))
            self.prior.output.set_prior(counts)
        self._names = recipe.material.descriptors
        self._crops = Crops(
            sequences,
            self.prior.quantisers,
            self._names,
            settings.segment,
            settings.batch,
            settings.seed,
        )
        self.step = 0
        self.best = float("inf")
        self.waited = 0
        self.figures: dict[str, Tensor] = {}
        self.validation: dict[str, float] = {}
        self._sums = Sums(self.prior.quantisers)

    @property
    def done(self) -> bool:
        """Whether there is nothing more to do."""
        settings = self.recipe.training
        patient = settings.patience == 0 or self.waited < settings.patience
        return self.step >= settings.steps or not patient

    def validates_now(self) -> bool:
        """Whether validation comes before the next step."""
        settings = self.recipe.training
        return self.step % settings.validate_every == 0 or self.step == settings.steps

    def train_dataloader(self) -> DataLoader[Batch]:
        """The batches up to the next validation."""
        settings = self.recipe.training
        end = (self.step // settings.validate_every + 1) * settings.validate_every
        part = _Stretch(
            self._crops,
            self.step,
            min(end, settings.steps),
            self.global_rank,
            self.trainer.world_size,
        )
        return DataLoader(part, batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        """All of the validation split, in each process."""
        return DataLoader(_Windows(self), batch_size=None)

    def configure_optimizers(self) -> Adam:
        """Adam."""
        return Adam(self.prior.parameters(), self.recipe.training.learning_rate)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Minimise equation 4.6, over what the receptive field has covered."""
        optimizer = self.optimizers()
        assert not isinstance(optimizer, list)
        for group in optimizer.param_groups:
            group["lr"] = self.recipe.training.rate(self.step)
        with seeded(self.recipe.training.seed, self.step, self.global_rank):
            logits = self.prior(batch.tokens, batch.curves)
        counts = batch.counts.clone()
        counts[:, : self.prior.crop] = False
        logits, tokens = logits[counts], batch.tokens[counts]
        # A batch may hold nothing but recordings shorter than the receptive field.
        loss = metrics.cross_entropy(logits, tokens).sum() / max(1, tokens.numel())
        optimizer.zero_grad()
        self.manual_backward(loss)
        # Not in the thesis, where several combinations diverged.
        torch.nn.utils.clip_grad_norm_(self.prior.parameters(), 1.0)
        optimizer.step()
        right = metrics.accuracy(logits.detach(), tokens).sum() / max(1, tokens.numel())
        self.figures = {"train/loss": loss.detach(), "train/accuracy": right}
        self.step += 1

    def on_validation_start(self) -> None:
        """Begins with nothing."""
        self._sums = Sums(self.prior.quantisers)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Adds up one batch of the validation split."""
        self._sums.add(self.prior(batch.tokens, batch.curves), batch)

    def on_validation_epoch_end(self) -> None:
        """The figures, and whether they are still getting better."""
        found = self._sums.figures()
        self.validation = {
            "validation/cross_entropy": found.cross_entropy,
            "validation/accuracy": found.accuracy,
            "validation/perplexity": found.perplexity,
        }

    def better(self) -> bool:
        """Whether the last validation was the best so far; remembers it."""
        found = self.validation["validation/cross_entropy"] < self.best
        self.best = min(self.best, self.validation["validation/cross_entropy"])
        self.waited = 0 if found else self.waited + 1
        return found

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what is ours."""
        checkpoint["nnbridge"] = {
            "step": self.step,
            "best": self.best,
            "waited": self.waited,
            "validation": self.validation,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes it back."""
        ours = checkpoint["nnbridge"]
        self.step = int(ours["step"])
        self.best = float(ours["best"])
        self.waited = int(ours["waited"])
        self.validation = dict(ours["validation"])


def _codebooks(recipe: Recipe, sequences: Sequences) -> Tensor | None:
    if not recipe.material.rave_codebooks:
        return None
    held = sequences.codebooks()
    if held is None:
        raise PriorError(
            "these sequences come without the RAVE's codebooks: set material.rave_codebooks=false."
        )
    return held


class _Stretch(IterableDataset[Batch]):
    """The batches from one step to another, of one process."""

    def __init__(self, crops: Crops, begin: int, end: int, rank: int, world: int) -> None:
        self._crops, self._steps = crops, range(begin, end)
        self._rank, self._world = rank, world

    def __iter__(self) -> Iterator[Batch]:
        return (self._crops.at(step, self._rank, self._world) for step in self._steps)


class _Windows(IterableDataset[Batch]):
    """The validation split; the first steps of each recording don't count, as in training."""

    def __init__(self, training: Training) -> None:
        self._training = training

    def __iter__(self) -> Iterator[Batch]:
        owner = self._training
        steps = owner.recipe.training.segment
        names = owner.recipe.material.descriptors
        return windows(
            owner.sequences,
            "validation",
            owner.prior.quantisers,
            names,
            steps,
            VALIDATION_PIECES,
            owner.prior.crop,
        )
