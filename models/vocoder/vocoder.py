# SPDX-License-Identifier: MIT
"""A codec that nobody had to train: ``python models/vocoder/vocoder.py out.ts``.

Eight numbers per 512 samples say how loud a sound is in eight bands; noise in these bands, made
as loud, is the sound again, roughly. Methods and shapes are those of a trained codec with a
prior, so that a patch can be made and heard before there is one.

A number of 0 stands for -40 dB, and 1 more for 20 dB more.
"""

import sys
from itertools import pairwise

import torch
from torch import nn

from nnbridge.contract import Module

HOP = 512
WINDOW = 2048
EDGES = (2, 6, 14, 30, 64, 132, 272, 560, 1025)
"""Where the bands begin and end, in bins of the window: about an octave each."""
BANDS = len(EDGES) - 1
NOISE = 65536
"""Samples after which the noise repeats."""


def masks(samples: int) -> torch.Tensor:
    """``[bands, samples / 2 + 1]``: 1 where a bin of a spectrum of ``samples`` is in the band."""
    bins = torch.arange(samples // 2 + 1) * WINDOW / samples
    return torch.stack([((bins >= low) & (bins < high)).float() for low, high in pairwise(EDGES)])


def noise() -> torch.Tensor:
    """``[bands, NOISE]``: noise of each band, periodic, of power 1."""
    generator = torch.Generator().manual_seed(1)
    angles = 2.0 * torch.pi * torch.rand(BANDS, NOISE // 2 + 1, generator=generator)
    angles[:, -1] = 0.0
    spectrum = torch.polar(masks(NOISE), angles)
    waves = torch.fft.irfft(spectrum, NOISE)
    return waves / waves.square().mean(-1, keepdim=True).sqrt()


class Levels(nn.Module):
    """How loud a sound is in each band, over the 2048 samples that end with each step."""

    def __init__(self) -> None:
        super().__init__()
        self.hop = HOP
        self.window = WINDOW
        self.past = torch.zeros(1, 1, WINDOW - HOP)
        self.register_buffer("hann", torch.hann_window(WINDOW))
        self.register_buffer("masks", masks(WINDOW))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``[batch, 1, time]`` to ``[batch, bands, time / 512]``."""
        past = self.past
        if past.shape[0] != x.shape[0]:
            past = torch.zeros(x.shape[0], 1, self.window - self.hop, device=x.device)
        both = torch.cat([past.to(x.device), x], -1)
        self.past = both[..., x.shape[-1] :].clone()
        bins = torch.fft.rfft(both[:, 0].unfold(-1, self.window, self.hop) * self.hann)
        # Both halves of the spectrum count, so that the sum is the mean square.
        power = 2.0 * (bins.real.square() + bins.imag.square())
        power = power / (self.window * self.hann.square().sum())
        bands = torch.matmul(power, self.masks.t()).transpose(1, 2)
        return (10.0 * torch.log10(bands + 1e-8) + 40.0) / 20.0


class Voices(nn.Module):
    """Noise in every band, as loud as told; a level is reached in a straight line."""

    def __init__(self) -> None:
        super().__init__()
        self.hop = HOP
        self.past = torch.zeros(1, BANDS, 1)
        self.position = 0

    def forward(self, levels: torch.Tensor, waves: torch.Tensor) -> torch.Tensor:
        """``[batch, bands, time / 512]`` and ``[bands, period]`` to ``[batch, 1, time]``."""
        gains = 10.0 ** (levels.clamp(max=2.0) - 2.0)
        past = self.past
        if past.shape[0] != gains.shape[0]:
            past = torch.zeros_like(gains[..., :1])
        points = torch.cat([past.to(gains.device), gains], -1)
        self.past = gains[..., -1:].clone()
        share = torch.arange(1, self.hop + 1, device=gains.device) / self.hop
        steps = points[..., :-1, None] + share * (points[..., 1:] - points[..., :-1])[..., None]
        gain = steps.flatten(2)
        time = torch.arange(gain.shape[-1], device=gain.device) + self.position
        self.position = (self.position + gain.shape[-1]) % waves.shape[-1]
        return (gain * waves[:, time % waves.shape[-1]]).sum(1, keepdim=True)


class Strikes(nn.Module):
    """Bands that are struck at random, and fade by 1.2 dB each step."""

    def __init__(self) -> None:
        super().__init__()
        self.past = torch.full((1, BANDS), -2.0)

    def forward(self, temperature: torch.Tensor) -> torch.Tensor:
        """``[batch, 1, steps]``, 1 for some 14 strikes a second, to ``[batch, bands, steps]``."""
        levels = self.past.to(temperature.device)
        if levels.shape[0] != temperature.shape[0]:
            levels = levels[:1].expand(temperature.shape[0], -1)
        steps: list[torch.Tensor] = []
        for i in range(temperature.shape[-1]):
            struck = torch.rand_like(levels) < 0.02 * temperature[..., i]
            strength = 0.3 + 1.2 * torch.rand_like(levels)
            levels = torch.where(struck, strength, (levels - 0.06).clamp(min=-2.0))
            steps.append(levels)
        self.past = levels.clone()
        return torch.stack(steps, -1)


class Vocoder(Module):
    """``encode``, ``decode``, both in one, and a ``prior``."""

    def __init__(self) -> None:
        super().__init__()
        self.waves = nn.Parameter(noise(), requires_grad=False)
        self.encode_levels, self.forward_levels = Levels(), Levels()
        self.decode_voices, self.forward_voices = Voices(), Voices()
        self.strikes = Strikes()
        names = [f"band {i + 1}" for i in range(BANDS)]
        self.register_method("encode", 1, 1, BANDS, HOP, ["sound"], names)
        self.register_method("decode", BANDS, HOP, 1, 1, names, ["sound"])
        self.register_method("forward", 1, 1, 1, 1, ["sound"], ["sound"], step=HOP)
        self.register_method("prior", 1, HOP, BANDS, HOP, ["temperature"], names, random=True)
        self.metadata(
            authors=["the nnbridge authors"],
            license="MIT",
            description="A noise vocoder of eight bands with the methods of a trained codec.",
        )

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """A level for each band."""
        return self.encode_levels(x)

    @torch.jit.export
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Noise with these levels."""
        return self.decode_voices(z, self.waves)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Noise that is as loud as the sound in each band."""
        return self.forward_voices(self.forward_levels(x), self.waves)

    @torch.jit.export
    def prior(self, x: torch.Tensor) -> torch.Tensor:
        """Levels out of nothing: the more, the higher the temperature."""
        return self.strikes(x)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python vocoder.py out.ts")
    Vocoder().export_to_ts(sys.argv[1])
