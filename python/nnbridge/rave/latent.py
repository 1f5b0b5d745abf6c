# SPDX-License-Identifier: MIT
"""What becomes of the encoder's output: four kinds of latent behind one interface.

A latent turns `statistics` [batch, statistics_per_latent * latents, time] into z
[batch, latents, time]: drawn for training, or its best guess to play with.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .quantiser import Quantiser
from .recipe import Recipe

_SURE = 4.0
"""An untrained variational encoder draws with a deviation of softplus(-4) = 0.02: the decoder hears
what it says from the first step. The divergence then makes it as unsure as the task allows."""

Drawn = tuple[Tensor, Tensor, dict[str, Tensor]]
"""z, the regularisation (a scalar), and figures to log, by name."""


class LatentSpace(nn.Module):
    """The interface."""

    statistics_per_latent = 1
    """Channels that the encoder gives per latent dimension."""

    def sample(self, statistics: Tensor) -> Drawn:
        """For training."""
        raise NotImplementedError

    def mean(self, statistics: Tensor) -> Tensor:
        """To play with: z without chance (equation 3.5)."""
        raise NotImplementedError


class Variational(LatentSpace):
    """A normal distribution per dimension and frame, pulled towards N(0, 1) (equation 3.2)."""

    statistics_per_latent = 2

    def sample(self, statistics: Tensor) -> Drawn:
        """Draw mean + scale * noise; the divergence is summed over dimensions, in nats."""
        mean, scale = self.moments(statistics.float())  # also where the encoder is half precise
        z = mean + scale * torch.randn_like(mean)
        divergence = self.divergence(mean, scale)
        figures = {
            "divergence": divergence.sum().detach(),
            "active": (divergence.detach() > 0.1).sum().float(),
        }
        return z, divergence.sum(), figures

    def mean(self, statistics: Tensor) -> Tensor:
        """The distribution's mean."""
        return statistics.chunk(2, 1)[0]

    def moments(self, statistics: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each [batch, latents, time]."""
        mean, scale = statistics.chunk(2, 1)
        return mean, F.softplus(scale - _SURE) + 1e-4

    @staticmethod
    def divergence(mean: Tensor, scale: Tensor) -> Tensor:
        """KL of N(mean, scale) from N(0, 1) per dimension, averaged over batch and time: nats."""
        nats = 0.5 * (mean.square() + scale.square() - 1.0) - scale.log()
        return nats.mean((0, 2))


class Wasserstein(LatentSpace):
    """No noise; all frames together are pulled towards N(0, 1) (section 3.2.1)."""

    def sample(self, statistics: Tensor) -> Drawn:
        """What the encoder says; the regularisation is its discrepancy from N(0, 1)."""
        points = statistics.float().transpose(1, 2).flatten(0, 1)
        with torch.autocast(points.device.type, enabled=False):
            discrepancy = maximum_mean_discrepancy(points, torch.randn_like(points))
        return statistics, discrepancy, {"discrepancy": discrepancy.detach()}

    def mean(self, statistics: Tensor) -> Tensor:
        """What the encoder says."""
        return statistics


class Spherical(LatentSpace):
    """Unit vectors: only the direction of the encoder's output counts."""

    def sample(self, statistics: Tensor) -> Drawn:
        """The unit vector; nothing to regularise."""
        return self.mean(statistics), statistics.new_zeros(()), {}

    def mean(self, statistics: Tensor) -> Tensor:
        """The unit vector; zero stays zero."""
        return statistics / torch.sqrt((statistics * statistics).sum(1, keepdim=True) + 1e-12)


class Discrete(LatentSpace):
    """A residual vector quantiser (section 3.2.2, equation 3.9)."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.quantiser = Quantiser(recipe.network.latents, recipe.latent)

    def sample(self, statistics: Tensor) -> Drawn:
        """The quantised vector, straight through to the encoder; the commitment loss."""
        return self.quantiser.learn(statistics)

    def mean(self, statistics: Tensor) -> Tensor:
        """The quantised vector."""
        z: Tensor = self.quantiser(statistics)
        return z


def maximum_mean_discrepancy(x: Tensor, y: Tensor) -> Tensor:
    """MMD squared between two sets of points, [n, dimensions] each (Gretton et al. 2012).

    mean k(x, x') + mean k(y, y') - 2 mean k(x, y), with k(a, b) = exp(-|a - b|^2 / (2 dimensions)):
    two points of N(0, 1) are 2 x dimensions apart, squared, on average. The thesis's equation 3.8
    lacks a plus and the factor 2.
    """

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squared = (a.square().sum(1)[:, None] + b.square().sum(1)) - 2.0 * a @ b.T
        return torch.exp(-squared.clamp(min=0.0) / (2.0 * a.shape[1])).mean()

    return kernel(x, x) + kernel(y, y) - 2.0 * kernel(x, y)


def latent_space(recipe: Recipe) -> LatentSpace:
    """The latent that the recipe names."""
    if recipe.latent.kind == "discrete":
        return Discrete(recipe)
    return {"variational": Variational, "wasserstein": Wasserstein, "spherical": Spherical}[
        recipe.latent.kind
    ]()
