# SPDX-License-Identifier: MIT
"""The decoder (thesis, figures 3.4 and 3.5): latent to bands."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .layers import SLOPE, Conv, Residual, Upsample, mod_sigmoid
from .noise import NoiseHead
from .recipe import Network


class Decoder(nn.Module):
    """Upsampling layers and residual stacks, then three heads.

    The waveform head makes all bands, the loudness head one envelope per audio channel for all its
    bands, the noise head filtered noise that is added.

    Args:
        network: sizes; the strides are taken in the encoder's order, the large ones first: so the
            residual units look ahead at a higher rate, and the stream is less late.

    Attributes:
        noisy: whether the noise head, if there is one, is heard.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        causal = network.causal
        self.channels = network.channels
        width = network.capacity * 2 ** len(network.strides)
        layers: list[nn.Module] = [Conv(network.latents, width, 7, causal=causal, normalised=True)]
        for stride in network.strides:
            layers += [nn.LeakyReLU(SLOPE), Upsample(width, width // 2, stride, causal=causal)]
            width //= 2
            layers += [Residual(width, dilation, causal) for dilation in network.dilations]
        layers.append(nn.LeakyReLU(SLOPE))
        self.net = nn.Sequential(*layers)
        bands = network.bands * network.channels
        self.wave = Conv(width, bands, 7, causal=causal, normalised=True)
        self.loudness = Conv(width, network.channels, 3, causal=causal, normalised=True)
        self.noisy = True
        self.noise = NoiseHead(network, width) if network.noise_bands else None

    def forward(self, z: Tensor) -> Tensor:
        """[batch, latents, time] -> [batch, channels * bands, time * strides]."""
        hidden = self.net(z)
        bands = self.deterministic(hidden)
        if self.noise is not None and self.noisy:
            bands = bands + self.noise(hidden)
        return bands

    def deterministic(self, hidden: Tensor) -> Tensor:
        """Waveform and loudness heads: [batch, width, time] -> [batch, channels * bands, time]."""
        wave = torch.tanh(self.wave(hidden))
        loudness = mod_sigmoid(self.loudness(hidden))
        if self.channels == 1:
            return wave * loudness
        parts = zip(wave.chunk(self.channels, 1), loudness.chunk(self.channels, 1), strict=True)
        return torch.cat([part * envelope for part, envelope in parts], 1)
