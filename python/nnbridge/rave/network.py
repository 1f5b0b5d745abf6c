# SPDX-License-Identifier: MIT
"""RAVE: a band split, an encoder, a latent, a decoder, and the bands joined (thesis, chapter 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnbridge.streaming import PQMF

from .decoder import Decoder
from .encoder import Encoder
from .fidelity import Dimensions
from .latent import latent_space
from .recipe import Recipe


class RAVE(nn.Module):
    """The network of the thesis's section 3.1.3, at the recipe's sizes.

    Plain layers only: `nnbridge.streaming.convert` makes it run on live audio.

    Attributes:
        ratio: audio samples per latent frame.
        latent_mean: [latents], what is subtracted before the basis; zeros until it is measured.
        latent_basis: [latents, latents], rows are dimensions in order of importance.
        fidelity: [latents], share of the latent that the first n + 1 of them hold (equation 3.7).
    """

    latent_mean: Tensor
    latent_basis: Tensor
    fidelity: Tensor

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        network = recipe.network
        self.recipe = recipe
        self.ratio = network.ratio
        bank = PQMF(network.bands, channels=network.channels)
        self.analysis = bank.analysis
        self.synthesis = bank.synthesis
        self.latent = latent_space(recipe)
        self.encoder = Encoder(network, self.latent.statistics_per_latent)
        self.decoder = Decoder(network)
        size = network.latents
        self.register_buffer("latent_mean", torch.zeros(size))
        self.register_buffer("latent_basis", torch.eye(size))
        self.register_buffer("fidelity", torch.linspace(1 / size, 1.0, size))

    def encode_statistics(self, x: Tensor) -> Tensor:
        """Audio [batch, channels, time] -> [batch, statistics, time / ratio]."""
        y: Tensor = self.encoder(self.analysis(x))
        return y

    def encode(self, x: Tensor) -> Tensor:
        """Audio [batch, channels, time] -> z [batch, latents, time / ratio], without chance."""
        return self.latent.mean(self.encode_statistics(x))

    def decode(self, z: Tensor) -> Tensor:
        """Latent z [batch, latents, time] -> audio [batch, channels, time * ratio]."""
        y: Tensor = self.synthesis(self.decoder(z))
        return y

    def forward(self, x: Tensor) -> Tensor:
        """Audio [batch, channels, time] -> its reconstruction; time a multiple of the ratio."""
        return self.decode(self.encode(x))

    def set_dimensions(self, found: Dimensions) -> None:
        """Keep what was measured of the latent."""
        self.latent_mean.copy_(found.mean)
        self.latent_basis.copy_(found.basis)
        self.fidelity.copy_(found.fidelity)

    def compact(self, z: Tensor, count: int) -> Tensor:
        """The first `count` dimensions of z: [batch, latents, time] -> [batch, count, time]."""
        return torch.einsum("dl,blt->bdt", self.latent_basis[:count], z - self.latent_mean[:, None])

    def restore(self, compact: Tensor, dropped: Tensor) -> Tensor:
        """All of z, from its first dimensions and whatever stands for those that were dropped.

        Args:
            compact: [batch, count, time].
            dropped: [batch, latents - count, time]; noise of N(0, 1), as in the thesis, or zeros.
        """
        both = torch.cat([compact, dropped], 1)
        return torch.einsum("dl,bdt->blt", self.latent_basis, both) + self.latent_mean[:, None]
