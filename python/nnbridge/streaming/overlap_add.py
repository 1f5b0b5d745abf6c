# SPDX-License-Identifier: MIT
"""The baseline: an unchanged network on overlapping buffers, windowed and added (thesis, 5.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class OverlapAdd(nn.Module):
    """Run `network` on buffers of `size` samples, a share `overlap` of each with its neighbour.

    With half of a buffer overlapping, the window is the thesis's ``sin(pi n / N)^2``; with less,
    its rise and fall are squeezed into the shared parts, flat between; with none it is a rectangle.
    It stays an approximation: every buffer sees zeros beyond its ends.

    Args:
        network: with one output at the rate of its input.
        size: buffer length in samples.
        overlap: 0, 0.25 or 0.5.
    """

    window: Tensor
    past: Tensor
    tail: Tensor

    def __init__(self, network: nn.Module, size: int, overlap: float) -> None:
        super().__init__()
        shared = round(size * overlap)
        if not 0.0 <= overlap <= 0.5 or shared >= size:
            raise ValueError(f"the overlap lies between 0 and 0.5, not at {overlap}")
        self.network = network
        self.size = size
        self.shared = shared
        #: samples per call
        self.hop = size - shared
        #: samples by which the output is late, the filling of the first hop not counted
        self.delay = shared
        rise = torch.sin(torch.pi / 2 * torch.arange(shared, dtype=torch.float64) / max(shared, 1))
        window = torch.ones(size, dtype=torch.float64)
        window[:shared] = rise**2
        window[size - shared :] = 1.0 - rise**2
        self.register_buffer("window", window)
        self.register_buffer("past", torch.zeros(0))
        self.register_buffer("tail", torch.zeros(0))

    def reset(self) -> None:
        """Forget the past."""
        self.past = torch.zeros(0)
        self.tail = torch.zeros(0)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """One hop [batch, channels, hop] in, one hop out."""
        if x.shape[-1] != self.hop:
            raise ValueError(f"this overlap-add takes {self.hop} samples, not {x.shape[-1]}")
        if self.past.shape[:-1] != x.shape[:-1]:
            self.past = x.new_zeros(*x.shape[:-1], self.shared)
            self.tail = x.new_zeros(())
        buffer = torch.cat([self.past, x], -1)
        self.past = buffer[..., self.hop :]
        y: Tensor = self.network(buffer) * self.window.to(x.dtype)
        y[..., : self.shared] += self.tail
        self.tail = y[..., self.hop :]
        return y[..., : self.hop]

    def render(self, x: Tensor) -> Tensor:
        """A whole signal, its delay taken out: [batch, channels, time] -> the same length."""
        self.reset()
        frames = x.shape[-1]
        hops = -(-(frames + self.delay) // self.hop)
        padded = nn.functional.pad(x, (0, hops * self.hop - frames))
        y = torch.cat([self(part) for part in torch.split(padded, self.hop, -1)], -1)
        self.reset()
        return y[..., self.delay : self.delay + frames]
