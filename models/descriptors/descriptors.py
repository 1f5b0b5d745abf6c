# SPDX-License-Identifier: MIT
"""What a sound is like, as control signals: ``python models/descriptors/descriptors.py out.ts``.

One value per 512 samples. Each describes the 2048 samples that end with its own 512, so the
windows overlap; the last 1536 samples are kept from block to block, and the values do not depend
on how a host cuts the sound.
"""

import sys

import torch
from torch import nn

from nnbridge.contract import Module

HOP = 512
WINDOW = 2048


class Frames(nn.Module):
    """Overlapping windows over a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.hop = HOP
        self.window = WINDOW
        self.past = torch.zeros(1, 1, WINDOW - HOP)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``[batch, 1, time]`` to ``[batch, time / 512, 2048]``."""
        past = self.past
        if past.shape[0] != x.shape[0]:
            past = torch.zeros(x.shape[0], 1, self.window - self.hop, device=x.device)
        both = torch.cat([past.to(x.device), x], -1)
        self.past = both[..., x.shape[-1] :].clone()
        return both[:, 0].unfold(-1, self.window, self.hop)


class Smoother(nn.Module):
    """Averages values over time; a loop is fine here, at one step per 512 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.last = torch.zeros(1, 1, 0)

    def forward(self, x: torch.Tensor, keep: float) -> torch.Tensor:
        """``y[n] = keep y[n-1] + (1 - keep) x[n]`` over ``[batch, values, frames]``."""
        last = self.last.to(x.device)
        if last.shape[-1] == 0 or last.shape[0] != x.shape[0]:
            last = x[..., :1]
        out: list[torch.Tensor] = []
        for i in range(x.shape[-1]):
            last = keep * last + (1.0 - keep) * x[..., i : i + 1]
            out.append(last)
        self.last = last.clone()
        return torch.cat(out, -1)


class Descriptors(Module):
    """Loudness, centroid, flatness and zero crossings, each alone or all together."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("loudness", "centroid", "flatness", "crossings", "all"):
            setattr(self, f"{name}_frames", Frames())
            setattr(self, f"{name}_smooth", Smoother())
        self.register_buffer("hann", torch.hann_window(WINDOW))
        self.hop = HOP
        self.bins = torch.arange(WINDOW // 2 + 1) / WINDOW

        attribute = self.register_attribute
        attribute("floor", -90.0, min=-140.0, max=0.0, unit="dB", description="softest loudness")
        attribute("smoothing", 0.0, min=0.0, max=5000.0, unit="ms", description="time constant")

        names = ["loudness (dB)", "centroid (Hz)", "flatness (0 to 1)", "zero crossings (Hz)"]
        one = ["in"]
        self.register_method("loudness", 1, 1, 1, HOP, one, names[0:1])
        self.register_method("centroid", 1, 1, 1, HOP, one, names[1:2])
        self.register_method("flatness", 1, 1, 1, HOP, one, names[2:3])
        self.register_method("crossings", 1, 1, 1, HOP, one, names[3:4])
        self.register_method("features", 1, 1, 4, HOP, one, names)
        self.metadata(
            authors=["the nnbridge authors"],
            license="MIT",
            description="Loudness, spectral centroid, spectral flatness and zero crossings.",
        )

    @torch.jit.export
    def loudness(self, x: torch.Tensor) -> torch.Tensor:
        """A-weighted level; 0 dB is a sine at 1 kHz and full scale."""
        power = self.spectrum(self.loudness_frames(x))
        return self.loudness_smooth(self.level(power)[:, None], self.keep())

    @torch.jit.export
    def centroid(self, x: torch.Tensor) -> torch.Tensor:
        """Centre of gravity of the spectrum in hertz; 0 for silence."""
        power = self.spectrum(self.centroid_frames(x))
        return self.centroid_smooth(self.centre(power)[:, None], self.keep())

    @torch.jit.export
    def flatness(self, x: torch.Tensor) -> torch.Tensor:
        """Near 0 for a tone, above one half for noise; 0 for silence."""
        power = self.spectrum(self.flatness_frames(x))
        return self.flatness_smooth(self.flat(power)[:, None], self.keep())

    @torch.jit.export
    def crossings(self, x: torch.Tensor) -> torch.Tensor:
        """How often the signal rises through zero, in hertz: the pitch of a simple tone."""
        frames = self.crossings_frames(x)
        return self.crossings_smooth(self.rises(frames)[:, None], self.keep())

    @torch.jit.export
    def features(self, x: torch.Tensor) -> torch.Tensor:
        """All four."""
        frames = self.all_frames(x)
        power = self.spectrum(frames)
        values = [self.level(power), self.centre(power), self.flat(power), self.rises(frames)]
        return self.all_smooth(torch.stack(values, 1), self.keep())

    def rate(self) -> float:
        """The host's sample rate in hertz; 48000 until it has said one."""
        told = self.get_sample_rate()
        return float(told) if told > 0 else 48000.0

    def keep(self) -> float:
        """The share of the last value that stays, for the time constant asked for."""
        seconds = self.smoothing[0] / 1000.0
        if seconds <= 0.0:
            return 0.0
        return 2.718281828459045 ** (-self.hop / (self.rate() * seconds))

    def spectrum(self, frames: torch.Tensor) -> torch.Tensor:
        """``[batch, frames, bins]``: power, scaled so that its sum is the mean square."""
        bins = torch.fft.rfft(frames * self.hann)
        power = bins.real.square() + bins.imag.square()
        # Both halves of the spectrum count, but for its two ends.
        power = 2.0 * power / (frames.shape[-1] * self.hann.square().sum())
        power[..., 0] *= 0.5
        power[..., -1] *= 0.5
        return power

    def hertz(self, power: torch.Tensor) -> torch.Tensor:
        """``[bins]``: the frequency of each bin."""
        return self.bins.to(power.device) * self.rate()

    def level(self, power: torch.Tensor) -> torch.Tensor:
        """``[batch, frames]`` in dB, with the A weighting of IEC 61672-1, equation E.6."""
        f2 = self.hertz(power).square()
        response = 12194.0**2 * f2.square() / (f2 + 20.6**2) / (f2 + 12194.0**2)
        response = response / torch.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * 10.0**0.1
        heard = (power * response.square()).sum(-1)
        return (10.0 * torch.log10(2.0 * heard + 1e-20)).clamp(min=self.floor[0])

    def centre(self, power: torch.Tensor) -> torch.Tensor:
        """``[batch, frames]`` in hertz, weighted by amplitude."""
        amplitude = power.sqrt()
        total = amplitude.sum(-1)
        centre = (amplitude * self.hertz(power)).sum(-1) / total.clamp(min=1e-20)
        return torch.where(self.silent(power), torch.zeros_like(centre), centre)

    def flat(self, power: torch.Tensor) -> torch.Tensor:
        """``[batch, frames]``: geometric over arithmetic mean of the power."""
        arithmetic = power.mean(-1)
        geometric = torch.log(power + 1e-20).mean(-1).exp()
        flat = geometric / arithmetic.clamp(min=1e-20)
        return torch.where(self.silent(power), torch.zeros_like(flat), flat.clamp(max=1.0))

    def rises(self, frames: torch.Tensor) -> torch.Tensor:
        """``[batch, frames]`` in hertz."""
        rising = (frames[..., :-1] < 0.0) & (frames[..., 1:] >= 0.0)
        return rising.sum(-1).to(frames.dtype) * (self.rate() / (frames.shape[-1] - 1))

    def silent(self, power: torch.Tensor) -> torch.Tensor:
        """``[batch, frames]``: where there is nothing but rounding noise."""
        return power.sum(-1) < 1e-12


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python descriptors.py out.ts")
    Descriptors().export_to_ts(sys.argv[1])
