# SPDX-License-Identifier: MIT
"""The encoder (thesis, figure 3.3): bands to the statistics of the latent."""

from __future__ import annotations

from torch import Tensor, nn

from .layers import SLOPE, Conv
from .recipe import Network


class Encoder(nn.Module):
    """A convolution, then per stride: batch norm, leaky ReLU, convolution to twice the width.

    Args:
        network: sizes.
        statistics: channels that come out, per latent dimension (2 for a mean and a scale).
    """

    def __init__(self, network: Network, statistics: int) -> None:
        super().__init__()
        width = network.capacity
        causal = network.causal
        layers: list[nn.Module] = [
            Conv(network.bands * network.channels, width, 7, causal=causal, bias=False)
        ]
        for stride in network.strides:
            layers += [
                nn.BatchNorm1d(width),
                nn.LeakyReLU(SLOPE),
                Conv(width, 2 * width, 2 * stride + 1, stride=stride, causal=causal, bias=False),
            ]
            width *= 2
        layers += [
            nn.BatchNorm1d(width),
            nn.LeakyReLU(SLOPE),
            Conv(width, statistics * network.latents, 5, groups=statistics, causal=causal),
        ]
        self.net = nn.Sequential(*layers)

    def forward(self, bands: Tensor) -> Tensor:
        """[batch, channels * bands, time] -> [batch, statistics * latents, time / strides]."""
        y: Tensor = self.net(bands)
        return y
