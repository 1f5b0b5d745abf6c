# SPDX-License-Identifier: MIT
"""The noise head: filtered noise per band (after DDSP, Engel et al. 2020).

A few strided convolutions give, per band and noise frame, the amplitudes of a zero-phase filter at
evenly spaced frequencies. Its impulse response (inverse FFT, made causal, Hann-windowed) filters a
frame of uniform noise; what rings on behind a frame is added to the next, so that there is no seam.

Training draws fresh noise. In eval mode the noise follows from a seed and its place in time, so
that two calls agree, and a stream agrees with the offline network to the sample.
"""

from fractions import Fraction
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnbridge.streaming import Rule, Stateful
from nnbridge.streaming.noise import uniform

from .layers import SLOPE, Conv, mod_sigmoid
from .recipe import Network

_QUIET = 3.0  # so that an untrained head is at about -55 dB


class NoiseHead(nn.Module):
    """The last hidden layer to a noise signal in bands."""

    def __init__(self, network: Network, width: int) -> None:
        super().__init__()
        outputs = network.bands * network.channels * network.noise_bands
        layers: list[nn.Module] = []
        for index, stride in enumerate(network.noise_strides):
            last = index == len(network.noise_strides) - 1
            layers.append(
                Conv(
                    width,
                    outputs if last else width,
                    2 * stride + 1,
                    stride=stride,
                    causal=network.causal,
                    normalised=True,
                )
            )
            if not last:
                layers.append(nn.LeakyReLU(SLOPE))
        self.net = nn.Sequential(*layers)
        self.synth = FilteredNoise(network.noise_bands, prod(network.noise_strides))

    def forward(self, hidden: Tensor) -> Tensor:
        """[batch, width, time] -> [batch, channels * bands, time]."""
        amplitudes = mod_sigmoid(self.net(hidden) - _QUIET)
        y: Tensor = self.synth(amplitudes)
        return y


class FilteredNoise(nn.Module):
    """Amplitudes of a filter, one set per frame, to noise that has passed it.

    Args:
        size: amplitudes per band and frame, from 0 to half the band's rate.
        frame: samples (of the band) that one set of amplitudes holds for.

    Attributes:
        taps: [size, span], the impulse response that belongs to each amplitude, newest tap last.
    """

    taps: Tensor

    def __init__(self, size: int, frame: int) -> None:
        super().__init__()
        self.frame = frame
        span = 2 * (size - 1)
        centred = torch.fft.irfft(torch.eye(size, dtype=torch.float64), span)
        causal = centred.roll(size - 1, 1) * torch.hann_window(span, dtype=torch.float64)
        self.register_buffer("taps", causal.flip(1).float(), persistent=False)

    def forward(self, amplitudes: Tensor) -> Tensor:
        """[batch, bands * size, frames] -> [batch, bands, frames * frame]."""
        if self.training:
            batch, channels, frames = amplitudes.shape
            shape = (batch, channels // len(self.taps), frames, self.frame)
            noise = 2.0 * torch.rand(shape, device=amplitudes.device) - 1.0
        else:
            noise = repeatable(0, 0, amplitudes, len(self.taps), self.frame)
        return self.filtered(amplitudes, noise.to(amplitudes))

    def filtered(self, amplitudes: Tensor, noise: Tensor) -> Tensor:
        """The same with the noise given, [batch, bands, frames, frame]."""
        before = noise.new_zeros(noise.size(0), noise.size(1), self.taps.size(1) - 1)
        y, _ = overlap_add(filtered_frames(amplitudes, noise, self.taps), before)
        return y

    def streaming_rule(self, delay: int) -> Rule:
        """One set of amplitudes in, one frame of noise out; what rings on is kept."""
        stream = StreamFilteredNoise(self.taps, self.frame, delay)
        return Rule(stream, delay * self.frame, Fraction(1, self.frame))


class StreamFilteredNoise(Stateful):
    """`FilteredNoise` in a stream: keeps the end of the last frame's ringing."""

    taps: Tensor

    def __init__(self, taps: Tensor, frame: int, delay: int) -> None:
        super().__init__(delay)
        self.register_buffer("taps", taps, persistent=False)
        self.frame = frame
        self.seed = 0
        self.drawn = 0

    @torch.jit.export
    def reseed(self, seed: int) -> None:
        """Draw the noise of another seed from now on; the offline network's seed is 0."""
        self.seed = seed

    def forward(self, amplitudes: Tensor) -> Tensor:
        """[batch, bands * size, frames] -> [batch, bands, frames * frame]."""
        if amplitudes.size(0) != self.batch:
            self.drawn = -self.start * self.frame  # counted in offline time
        noise = repeatable(self.seed, self.drawn, amplitudes, self.taps.size(0), self.frame)
        self.drawn += noise.size(2) * self.frame
        return self.filtered(amplitudes, noise.to(amplitudes))

    @torch.jit.export
    def filtered(self, amplitudes: Tensor, noise: Tensor) -> Tensor:
        """The same with the noise given, [batch, bands, frames, frame]."""
        if amplitudes.size(0) != self.batch:
            self.batch = amplitudes.size(0)
            self.wait = self.start
            self.state = noise.new_zeros(noise.size(0), noise.size(1), self.taps.size(1) - 1)
        if self.wait > 0 or self.stop >= 0:
            amplitudes = amplitudes.clone()
            self.silence(amplitudes, amplitudes.size(2))
        y, self.state = overlap_add(filtered_frames(amplitudes, noise, self.taps), self.state)
        return y


def repeatable(seed: int, first: int, amplitudes: Tensor, size: int, frame: int) -> Tensor:
    """Noise between -1 and 1 for these amplitudes, [batch, bands, frames, frame].

    Args:
        seed: any whole number.
        first: samples of a band that came before.
        amplitudes: [batch, bands * size, frames].
        size: amplitudes per band.
        frame: samples per set of amplitudes.
    """
    batch, frames = amplitudes.size(0), amplitudes.size(2)
    bands = amplitudes.size(1) // size
    noise = uniform(seed, first, frames * frame, batch * bands)
    return noise.view(frames, frame, batch, bands).permute(2, 3, 0, 1)


def filtered_frames(amplitudes: Tensor, noise: Tensor, taps: Tensor) -> Tensor:
    """Each frame's noise through its own filter, [batch, bands, frames, frame + span - 1]."""
    batch, bands, frames, _ = noise.shape
    size, span = taps.shape
    sets = amplitudes.reshape(batch, bands, size, frames).transpose(2, 3)
    response = torch.matmul(sets, taps)
    windows = F.pad(noise, (span - 1, span - 1)).unfold(3, span, 1)
    return (windows * response.unsqueeze(3)).sum(4)


def overlap_add(frames: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Joins frames that ring on into the next, and what rings on at the end.

    Args:
        frames: [batch, bands, n, frame + ringing], with ringing no longer than a frame.
        before: what rings on from the frame before the first, [batch, bands, ringing].

    Returns:
        The signal [batch, bands, n * frame], and the last frame's ringing.
    """
    ringing = before.size(2)
    frame = frames.size(3) - ringing
    tails = frames[..., frame:]
    joined = frames[..., :frame].clone()
    joined[..., :ringing] += torch.cat([before.unsqueeze(2), tails[:, :, :-1]], 2)
    return joined.flatten(2), tails[:, :, -1].clone()
