# SPDX-License-Identifier: MIT
"""A pseudo-quadrature mirror filter bank: one signal as M bands at an M-th of its rate, and back.

T. Q. Nguyen, "Near-perfect-reconstruction pseudo-QMF banks", IEEE Trans. Signal Processing 42
(1994): a low-pass prototype h, cosine-modulated to the M bands,

    h_k[n] = 2 h[n] cos((2k + 1) pi / (2M) n + (-1)^k pi / 4),   n centred on 0,

analysed with h_k and synthesised with its mirror image. Aliasing between neighbours cancels by
the phases, the rest is as small as the prototype's stop band; reconstruction is flat when the
prototype's autocorrelation vanishes at the multiples of 2M (the condition searched for here).

Written with plain convolutions, centred, so offline it has no delay at all, and the conversion
follows the delay of the analysis into whatever comes behind it.

Odd bands come out of the decimation with their spectrum reversed. `FrequencyFlip` turns them
around by negating every second frame. Which frames is a matter of *offline* time: streamed D
frames late, frame m is negated as offline frame ``m - D``, so the pattern keeps its parity at
every delay; the two flips of a bank cancel only if it does.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .layers import Stateful
from .rule import Rule, rule


def kaiser_lowpass(cutoff: float, attenuation: float) -> NDArray[np.float64]:
    """A Kaiser-windowed low-pass of odd length and unit gain at 0 Hz.

    J. F. Kaiser's formulas for the window's shape and length, with a transition as wide as the
    cutoff frequency.

    Args:
        cutoff: radians per sample.
        attenuation: of the stop band in dB, above 50.
    """
    beta = 0.1102 * (attenuation - 8.7)
    length = math.ceil((attenuation - 7.95) / (2.285 * cutoff) + 1)
    length += 1 - length % 2
    n = np.arange(length) - length // 2
    taps = np.sinc(cutoff / np.pi * n) * np.kaiser(length, beta)
    return np.asarray(taps / taps.sum(), dtype=np.float64)


def flatness(taps: NDArray[np.float64], bands: int) -> float:
    """Largest magnitude of the autocorrelation at multiples of 2M: zero when reconstruction is."""
    lags = np.convolve(taps, taps[::-1])[len(taps) - 1 :: 2 * bands][1:]
    return float(np.abs(lags).max())


def prototype(bands: int, attenuation: float) -> NDArray[np.float64]:
    """The prototype of the flattest bank: cutoff by scan and golden section around pi / (2M)."""
    centre = math.pi / (2 * bands)
    scan = np.linspace(0.9 * centre, 1.3 * centre, 161)
    cost = [flatness(kaiser_lowpass(c, attenuation), bands) for c in scan]
    best = int(np.argmin(cost))
    low, high = scan[max(best - 1, 0)], scan[min(best + 1, len(scan) - 1)]
    golden = (math.sqrt(5.0) - 1.0) / 2.0
    for _ in range(40):
        a, b = high - golden * (high - low), low + golden * (high - low)
        if flatness(kaiser_lowpass(a, attenuation), bands) < flatness(
            kaiser_lowpass(b, attenuation), bands
        ):
            high = b
        else:
            low = a
    found = kaiser_lowpass((low + high) / 2, attenuation)
    scanned = kaiser_lowpass(scan[best], attenuation)
    return min(found, scanned, key=lambda taps: flatness(taps, bands))


def modulated(taps: NDArray[np.float64], bands: int) -> NDArray[np.float64]:
    """The bank's filters [bands, taps], from the prototype."""
    n = np.arange(len(taps)) - len(taps) // 2
    k = np.arange(bands)[:, None]
    phase = (-1.0) ** k * np.pi / 4
    return np.asarray(2 * taps * np.cos((2 * k + 1) * np.pi / (2 * bands) * n + phase))


class FrequencyFlip(nn.Module):
    """Negate every second frame (0, 2, 4 ... of offline time) of every second channel."""

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, time] -> the same shape; channels 1, 3, 5 ... change."""
        sign = torch.ones_like(x)
        sign[:, 1::2, ::2] = -1.0
        return x * sign


class StreamFrequencyFlip(Stateful):
    """`FrequencyFlip` in a stream that is `delay` frames late."""

    def __init__(self, delay: int) -> None:
        super().__init__(delay)
        self.first = delay % 2
        self.offset = self.first

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, time] -> the same shape."""
        if x.size(0) != self.batch:
            self.batch = x.size(0)
            self.offset = self.first
        y = x.clone()
        y[:, 1::2, self.offset :: 2].neg_()
        self.offset = (self.offset + x.size(-1)) % 2
        return y


@rule(FrequencyFlip)
def _flip(module: FrequencyFlip, delay: int) -> Rule:
    return Rule(StreamFrequencyFlip(delay), delay=delay)


class Analysis(nn.Module):
    """[batch, channels, time] -> [batch, channels * bands, time / bands], bands inner."""

    def __init__(self, filters: NDArray[np.float64], channels: int) -> None:
        super().__init__()
        bands, taps = filters.shape
        self.split = nn.Conv1d(
            channels, channels * bands, taps, bands, taps // 2, groups=channels, bias=False
        )
        self.flip = FrequencyFlip()
        weight = torch.from_numpy(np.tile(filters, (channels, 1))).float()
        self.split.weight.data.copy_(weight[:, None])
        self.split.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Split; time must be a multiple of the bands for an exact inverse length."""
        y: Tensor = self.flip(self.split(x))
        return y


class Synthesis(nn.Module):
    """[batch, channels * bands, time] -> [batch, channels, time * bands]."""

    def __init__(self, filters: NDArray[np.float64], channels: int) -> None:
        super().__init__()
        bands, taps = filters.shape
        self.flip = FrequencyFlip()
        self.merge = nn.ConvTranspose1d(
            channels * bands, channels, taps, bands, taps // 2, bands - 1, channels, bias=False
        )
        weight = torch.from_numpy(np.tile(filters, (channels, 1))).float() * bands
        self.merge.weight.data.copy_(weight[:, None])
        self.merge.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Merge the bands."""
        y: Tensor = self.merge(self.flip(x))
        return y


class PQMF(nn.Module):
    """A bank of `bands` bands; ``analysis`` and ``synthesis`` are modules of their own.

    Args:
        bands: number of bands, even.
        attenuation: stop band of the prototype in dB.
        channels: audio channels, each split by itself.
    """

    def __init__(self, bands: int = 16, attenuation: float = 100.0, channels: int = 1) -> None:
        super().__init__()
        if bands < 2 or bands % 2:
            raise ValueError(f"a band split needs an even number of bands, not {bands}")
        filters = modulated(prototype(bands, attenuation), bands)
        self.bands = bands
        self.analysis = Analysis(filters, channels)
        self.synthesis = Synthesis(filters, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Split and merge: [batch, channels, time] -> the same, up to the bank's error."""
        y: Tensor = self.synthesis(self.analysis(x))
        return y
