# SPDX-License-Identifier: MIT
"""The two stages of training, as a Lightning module (thesis, section 3.1.1).

Stage one learns the representation: encoder and decoder minimise the spectral distance, before and
after the band split, plus the latent's regularisation (equation 3.2). Then the encoder is frozen,
its batch statistics as well, and stage two trains the decoder against a discriminator, together
with feature matching and the spectral distance (equations 3.3 and 3.4).

Nothing here remembers a random state: every step draws from a generator seeded with (seed, step,
process), and a batch is a function of (seed, step) too. So a run that goes on from a checkpoint is
the run that was never interrupted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Adam, Optimizer
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from nnbridge.audio.augment import chain
from nnbridge.audio.batches import Batches
from nnbridge.audio.dataset import Dataset
from nnbridge.training.chance import seeded
from nnbridge.training.errors import TrainingError

from .discriminator import Discriminator
from .fidelity import count, dimensions
from .losses import (
    Features,
    ReconstructionLoss,
    annealing,
    discriminator_loss,
    evaluation_distance,
    feature_matching,
    generator_loss,
)
from .network import RAVE
from .recipe import Recipe
from .validation import Crops

Figures = dict[str, Tensor]

_MEASURED = 32  # pieces of training recordings that the latent's dimensions are ordered by


class Training(pl.LightningModule):
    """A network, its discriminator, and how both learn.

    Args:
        recipe: what to make.
        dataset: to learn from; it has the recipe's sample rate and channels.

    Attributes:
        rave: the network.
        discriminator: used in stage two.
        ends: the steps at which stage one and stage two end.
        step: how many steps are done, counted over both stages.
        best: smallest validation distance of this stage so far.
        sounded: the step at which examples were logged last.
        figures: losses of the last step, by name.
        validation: figures of the last validation, by name.
        examples: pairs of a held-out piece and its reconstruction, of the last validation.
    """

    def __init__(self, recipe: Recipe, dataset: Dataset) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.recipe = recipe
        settings = recipe.training
        self.ends = (
            settings.stage_one_steps,
            settings.stage_one_steps + settings.stage_two_steps,
        )
        with seeded(settings.seed):
            self.rave = RAVE(recipe)
            self.discriminator = Discriminator(recipe)
        self.reconstruction = ReconstructionLoss(recipe.losses)
        self._batches = Batches(
            dataset.split("train"),
            recipe.segment,
            settings.batch,
            settings.seed,
            chain(recipe.network.sample_rate, **asdict(recipe.augment)),
        )
        self._measured = Crops(dataset.split("train"), recipe.network.ratio, _MEASURED)
        self._held_out = Crops(
            dataset.split("validation"),
            recipe.network.ratio,
            settings.validation_items,
            settings.validation_seconds,
        )
        self.step = 0
        self.best = float("inf")
        self.sounded = 0
        self.figures: Figures = {}
        self.validation: dict[str, float] = {}
        self.examples: list[tuple[Tensor, Tensor]] = []

    # Where it is -------------------------------------------------------------------------------

    def stage_of(self, step: int) -> int:
        """1 or 2: the stage of the step that is taken when so many are done."""
        return 1 if step < self.ends[0] else 2

    def next_validation(self) -> int:
        """The step after which validation comes next."""
        every = self.recipe.training.validate_every
        regular = (self.step // every + 1) * every
        return min([regular, *(end for end in self.ends if end > self.step)])

    def stage_ended(self) -> str | None:
        """The name of the stage whose last step was just taken."""
        if self.step == self.ends[1]:
            return "stage-two"
        return "stage-one" if self.step == self.ends[0] else None

    def validates_now(self) -> bool:
        """Whether validation comes before the next step."""
        return self.step % self.recipe.training.validate_every == 0 or self.step in self.ends

    @property
    def done(self) -> bool:
        """Whether both stages are at their end."""
        return self.step >= self.ends[1]

    def check_finite(self, figure: float = 0.0) -> None:
        """Stop rather than save a network of what are no numbers.

        Raises:
            TrainingError: the figure is not finite, or the network is not.
        """
        held = [value for value in self.state_dict().values() if value.is_floating_point()]
        figure += float(torch.stack([value.float().sum() for value in held]).sum())
        if not math.isfinite(figure):
            raise TrainingError(
                f"the training has diverged: at step {self.step} its figures are no numbers any "
                "more. What was saved before is whole: go on from there with a smaller rate "
                "(--resume --set training.learning_rate=LESS, and --checkpoint best to go further "
                "back)."
            )

    # The data ----------------------------------------------------------------------------------

    def train_dataloader(self) -> DataLoader[Tensor]:
        """The batches up to the next validation."""
        world = self.trainer.world_size
        part = _Stretch(self._batches, self.step, self.next_validation(), self.global_rank, world)
        # On the CPU a worker would only take a core from the network.
        workers = 0 if self.device.type == "cpu" else 4
        return DataLoader(part, batch_size=None, num_workers=workers)

    def val_dataloader(self) -> DataLoader[Tensor]:
        """The held-out pieces: all of them in each process, which is simpler than sharing."""
        return DataLoader(self._held_out, batch_size=None)

    # Learning ----------------------------------------------------------------------------------

    def configure_optimizers(self) -> list[Optimizer]:
        """Adam, one for the network and one for the discriminator."""
        settings = self.recipe.training
        betas = (settings.betas[0], settings.betas[1])
        return [
            Adam(self.rave.parameters(), settings.learning_rate, betas),
            Adam(self.discriminator.parameters(), settings.discriminator_rate, betas),
        ]

    def learning_rate(self) -> float:
        """Of the network at this step: falls geometrically over stage one, then stays."""
        settings = self.recipe.training
        share = min(1.0, self.step / max(1, self.ends[0]))
        rate: float = settings.learning_rate ** (1.0 - share) * settings.learning_rate_end**share
        return rate

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        """One step of the stage that it belongs to.

        Args:
            batch: [batch, channels, segment] at the recipe's sample rate.
            batch_idx: counted by Lightning; nothing depends on it.
        """
        with seeded(self.recipe.training.seed, self.step, self.global_rank):
            representation = self.stage_of(self.step) == 1
            # Frozen: its batch statistics, too. (Lightning restores what was before a validation.)
            for part in (self.rave.encoder, self.rave.latent):
                part.train(representation)
            self._let_noise_in()
            if representation:
                self.figures = self._learn_representation(batch)
            elif self.step % self.recipe.discriminator.every == 0:
                self.figures = self._learn_to_tell(batch)
            else:
                self.figures = self._learn_to_deceive(batch)
        self.step += 1

    def _let_noise_in(self) -> None:
        self.rave.decoder.noisy = self.step >= self.recipe.training.noise_after

    def _learn_representation(self, x: Tensor) -> Figures:
        """Equation 3.2."""
        with self._full_precision():  # the band split is exact, and cheap
            x_bands = self.rave.analysis(x)
        z, regularisation, figures = self.rave.latent.sample(self.rave.encoder(x_bands))
        y_bands = self.rave.decoder(z)
        with self._full_precision():
            y_bands = y_bands.float()
            distance = self.reconstruction(x, self.rave.synthesis(y_bands), x_bands, y_bands)
            weight = annealing(self.recipe.latent, self.step)
            loss = distance + weight * regularisation.float()
        self._descend(0, loss)
        return {
            "train/loss": loss,
            "train/spectral": distance,
            "train/regularisation": regularisation,
            "train/regularisation_weight": loss.new_tensor(weight),
            **{f"latent/{name}": value for name, value in figures.items()},
        }

    def _learn_to_tell(self, x: Tensor) -> Figures:
        """The discriminator's part of equation 3.3."""
        with torch.no_grad():
            y = self.rave.synthesis(self.rave.decoder(self._encoded(x)).float())
        real, made = self._judge(x), self._judge(y)
        loss = discriminator_loss(real, made)
        self._descend(1, loss)
        return {
            "train/discriminator": loss,
            "discriminator/real": torch.stack([scale[-1].mean() for scale in real]).mean(),
            "discriminator/made": torch.stack([scale[-1].mean() for scale in made]).mean(),
        }

    def _learn_to_deceive(self, x: Tensor) -> Figures:
        """The decoder's part of equation 3.3, in equation 3.4."""
        y_bands = self.rave.decoder(self._encoded(x))
        with self._full_precision():
            y_bands = y_bands.float()
            y = self.rave.synthesis(y_bands)
            distance = self.reconstruction(x, y, self.rave.analysis(x), y_bands)
        self.discriminator.requires_grad_(False)
        with torch.no_grad():
            real = self._judge(x)
        made = self._judge(y)
        weights = self.recipe.losses
        deceived, matched = generator_loss(made), feature_matching(real, made)
        loss = distance + weights.adversarial * deceived + weights.feature_matching * matched
        self._descend(0, loss)
        self.discriminator.requires_grad_(True)
        return {
            "train/loss": loss,
            "train/spectral": distance,
            "train/adversarial": deceived,
            "train/feature_matching": matched,
        }

    @torch.no_grad()
    def _encoded(self, x: Tensor) -> Tensor:
        """The latent of the frozen encoder, drawn as in stage one."""
        z, _, _ = self.rave.latent.sample(self.rave.encode_statistics(x))
        return z

    def _judge(self, x: Tensor) -> Features:
        """The discriminator's feature maps, for losses in full precision."""
        return [[feature.float() for feature in scale] for scale in self.discriminator(x)]

    def _descend(self, index: int, loss: Tensor) -> None:
        optimizers = self.optimizers()
        assert isinstance(optimizers, list)
        optimizer = optimizers[index]
        if index == 0:
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate()
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    @contextmanager
    def _full_precision(self) -> Iterator[None]:
        """Spectra of a whole segment need more than half precision."""
        with torch.autocast(self.device.type, enabled=False):
            yield

    # Validation --------------------------------------------------------------------------------

    def on_validation_start(self) -> None:
        """Begins with nothing."""
        self._let_noise_in()
        self._distances: list[Tensor] = []
        self.examples = []

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Reconstructs a held-out piece, [1, channels, frames], as the played network does."""
        with seeded(self.recipe.training.seed, batch_idx):
            y_bands = self.rave.decoder(self.rave.encode(batch)).float()
        y = self.rave.synthesis(y_bands)
        spectral = self.reconstruction(batch, y, self.rave.analysis(batch), y_bands)
        self._distances.append(torch.stack([evaluation_distance(batch[0], y[0]), spectral]))
        self.examples.append((batch[0].cpu(), y[0].cpu()))

    def on_validation_epoch_end(self) -> None:
        """The figures, and in stage one the order of the latent's dimensions."""
        distance, spectral = torch.stack(self._distances).mean(0).tolist()
        self.check_finite(distance)
        self.validation = {"validation/distance": distance, "validation/spectral": spectral}
        if self.stage_of(self.step - 1) == 1:
            self.measure_fidelity()
            for share in (0.95, 0.99):
                number = float(count(self.rave.fidelity, share))
                self.validation[f"latent/dimensions_{share:g}"] = number

    def better(self) -> bool:
        """Whether the last validation was the best of its stage so far; remembers it."""
        distance = self.validation["validation/distance"]
        found = distance < self.best
        self.best = min(distance, self.best)
        if self.stage_ended() == "stage-one":
            self.best = float("inf")  # the next stage has other aims, and larger distances
        return found

    @torch.no_grad()
    def measure_fidelity(self) -> None:
        """Equations 3.5 to 3.7 on a part of the training recordings."""
        pieces = (self._measured[i].to(self.device) for i in range(len(self._measured)))
        found = [self.rave.encode(x)[0].T for x in pieces]
        self.rave.set_dimensions(dimensions(torch.cat(found).cpu()))

    # Checkpoints -------------------------------------------------------------------------------

    def begin_at(self, step: int) -> None:
        """Puts the step number where a checkpoint, or a measurement, is."""
        self.step = step

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what is ours."""
        checkpoint["nnbridge"] = {
            "step": self.step,
            "stage": self.stage_of(max(0, self.step - 1)),
            "best": self.best,
            "sounded": self.sounded,
            "validation": self.validation,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes it back."""
        ours = checkpoint["nnbridge"]
        self.begin_at(int(ours["step"]))
        self.best = float(ours["best"])
        self.sounded = int(ours["sounded"])
        self.validation = dict(ours["validation"])


class _Stretch(TorchDataset[Tensor]):
    """The batches from one step to another, of one process."""

    def __init__(self, batches: Batches, begin: int, end: int, rank: int, world: int) -> None:
        self._batches, self._begin, self._end = batches, begin, end
        self._rank, self._world = rank, world

    def __len__(self) -> int:
        return self._end - self._begin

    def __getitem__(self, index: int) -> Tensor:
        return self._batches.at(self._begin + index, self._rank, self._world)
