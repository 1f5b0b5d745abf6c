# SPDX-License-Identifier: MIT
"""The multiscale discriminator of stage two (after MelGAN, Kumar et al. 2019)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from .layers import SLOPE
from .losses import Features
from .recipe import Adversary, Recipe

_KERNEL = 15
_STRIDE = 4


class Scale(nn.ModuleList):
    """One discriminator: strided convolutions, each to twice the channels, and a score."""

    def __init__(self, channels: int, settings: Adversary) -> None:
        width = settings.capacity
        pad = _KERNEL // 2
        layers = [nn.Conv1d(channels, width, _KERNEL, padding=pad)]
        for _ in range(settings.layers - 1):
            layers.append(nn.Conv1d(width, 2 * width, _KERNEL, _STRIDE, pad))
            width *= 2
        layers.append(nn.Conv1d(width, 1, 3, padding=1))
        super().__init__(weight_norm(layer) for layer in layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        """[batch, channels, time] -> all feature maps, the score last."""
        features = []
        for layer in self:
            x = layer(x)
            features.append(x)
            x = F.leaky_relu(x, SLOPE)
        return features


class Discriminator(nn.Module):
    """The same network at several rates of the audio, each half of the one before.

    Args:
        recipe: sizes in [discriminator], channels in [network].
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        settings = recipe.discriminator
        self.scales = nn.ModuleList(
            Scale(recipe.network.channels, settings) for _ in range(settings.scales)
        )
        self.pool = nn.AvgPool1d(4, 2, 1, count_include_pad=False)

    def forward(self, x: Tensor) -> Features:
        """Audio [batch, channels, time] -> per scale its feature maps, the score last."""
        found: Features = []
        for index, scale in enumerate(self.scales):
            if index:
                x = self.pool(x)
            found.append(scale(x))
        return found
