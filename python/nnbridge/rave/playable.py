# SPDX-License-Identifier: MIT
"""The two halves of a RAVE as networks of their own, with nothing that only training needs."""

from __future__ import annotations

import copy
from fractions import Fraction

import torch
from torch import Tensor, nn

from .encoder import Encoder
from .latent import Variational
from .layers import Conv
from .network import RAVE

# Of the filter between two rates.
_ATTENUATION = 100.0  # dB
_TRANSITION = 0.1  # share of the lower rate's band


class Encode(nn.Module):
    """Audio at the target rate to the latent's best guess, before it is quantised.

    Args:
        rave: the network.
        factor: target rate / rate of the network.
    """

    def __init__(self, rave: RAVE, factor: Fraction) -> None:
        super().__init__()
        self.resample = resampler(1 / factor, rave.recipe.network.channels)
        self.analysis = rave.analysis
        kind = rave.recipe.latent.kind
        self.encoder: nn.Module = rave.encoder
        if kind == "variational":
            assert isinstance(rave.latent, Variational)
            self.encoder = mean_alone(rave.encoder, rave.recipe.network.latents)
        # quantised where it is played; a mean is what the encoder already gives
        self.latent = rave.latent if kind == "spherical" else None

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, time] -> [batch, latents, time / ratio]."""
        y: Tensor = self.encoder(self.analysis(self.resample(x)))
        return self.latent.mean(y) if self.latent is not None else y


class Decode(nn.Module):
    """Latent to audio at the target rate; arguments as `Encode`."""

    def __init__(self, rave: RAVE, factor: Fraction) -> None:
        super().__init__()
        self.decoder = rave.decoder
        self.synthesis = rave.synthesis
        self.resample = resampler(factor, rave.recipe.network.channels)

    def forward(self, z: Tensor) -> Tensor:
        """[batch, latents, time] -> [batch, channels, time * ratio]."""
        y: Tensor = self.resample(self.synthesis(self.decoder(z)))
        return y


def mean_alone(encoder: Encoder, latents: int) -> nn.Sequential:
    """The part of a variational encoder that makes the mean.

    Mean and scale come from one convolution in two groups, so that the mean sees the first half of
    the channels before it, and of the strided convolution before these.
    """
    *before, strided, norm, activation, last = encoder.net
    assert isinstance(strided, Conv)
    assert isinstance(norm, nn.BatchNorm1d)
    assert isinstance(last, Conv)
    assert last.conv.groups == 2
    half = last.conv.in_channels // 2
    few = nn.BatchNorm1d(half, norm.eps)
    for name, value in norm.state_dict().items():
        if value.dim():
            getattr(few, name).data.copy_(value[:half])
    return nn.Sequential(
        *before, _first(strided, half), few, activation, _first(last, latents)
    ).eval()


def _first(layer: Conv, outputs: int) -> Conv:
    """A copy of a layer with its first outputs alone, which are all in its first group."""
    few = copy.deepcopy(layer)
    conv = few.conv
    conv.in_channels //= conv.groups
    conv.out_channels, conv.groups = outputs, 1
    conv.weight = nn.Parameter(conv.weight.detach()[:outputs].clone())
    if conv.bias is not None:
        conv.bias = nn.Parameter(conv.bias.detach()[:outputs].clone())
    return few


def resampler(factor: Fraction, channels: int) -> nn.Module:
    """A change of rate by a simple fraction: a linear-phase filter as a plain convolution."""
    if factor == 1:
        return nn.Identity()
    return Resampler(factor, channels)


class Resampler(nn.Module):
    """`up` samples for every `down`; a Kaiser-windowed low-pass in between.

    Args:
        factor: up / down, both small.
        channels: of the signal.
    """

    def __init__(self, factor: Fraction, channels: int) -> None:
        from scipy import signal as filters  # takes seconds, and is seldom needed

        super().__init__()
        self.up, self.down = factor.numerator, factor.denominator
        # at `up` times the rate that comes in, where Nyquist's frequency is 1
        edge = 1.0 / max(self.up, self.down)
        taps, beta = filters.kaiserord(_ATTENUATION, _TRANSITION * edge)
        taps += 1 - taps % 2
        low_pass = filters.firwin(taps, edge * (1.0 - _TRANSITION / 2), window=("kaiser", beta))
        weight = torch.from_numpy(low_pass * self.up).float().expand(channels, 1, taps)
        self.filter: nn.Conv1d | nn.ConvTranspose1d
        if self.up == 1:
            self.filter = nn.Conv1d(
                channels, channels, taps, self.down, taps // 2, groups=channels, bias=False
            )
        else:
            self.filter = nn.ConvTranspose1d(
                channels, channels, taps, self.up, taps // 2, self.up - 1, channels, bias=False
            )
        self.filter.weight = nn.Parameter(weight.clone(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, time] -> [batch, channels, time * up / down]."""
        y: Tensor = self.filter(x)
        return y[..., :: self.down] if self.up > 1 and self.down > 1 else y
