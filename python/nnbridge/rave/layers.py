# SPDX-License-Identifier: MIT
"""The convolutions that encoder and decoder are made of: plain torch layers, centred or causal.

Nothing here knows of streaming. Every layer keeps time / stride (or time x stride) frames.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

SLOPE = 0.2
"""Of the leaky rectifiers (thesis, figure 3.3)."""


class Conv(nn.Module):
    """A convolution of odd span, centred or causal.

    A causal strided one reads up to the first frame of the `stride` frames that it stands for. In
    a stream these arrive as a whole, and the wait for the others absorbs what the band split is
    late.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        causal: bool = False,
        bias: bool = True,
        normalised: bool = False,
    ) -> None:
        super().__init__()
        span = (kernel - 1) * dilation + 1
        self.before = span - 1 if causal else 0
        pad = 0 if causal else span // 2
        conv = nn.Conv1d(inputs, outputs, kernel, stride, pad, dilation, groups, bias)
        self.conv = weight_norm(conv) if normalised else conv

    def forward(self, x: Tensor) -> Tensor:
        """[batch, inputs, time] -> [batch, outputs, time / stride]."""
        if self.before:
            x = F.pad(x, (self.before, 0))
        y: Tensor = self.conv(x)
        return y


class Upsample(nn.Module):
    """A transposed convolution of kernel 2 x stride: `stride` frames for one."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, *, causal: bool = False, bias: bool = True
    ) -> None:
        super().__init__()
        self.cut = stride if causal else 0
        crop = 0 if causal else stride // 2
        self.conv = weight_norm(
            nn.ConvTranspose1d(inputs, outputs, 2 * stride, stride, crop, bias=bias)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[batch, inputs, time] -> [batch, outputs, time * stride]."""
        y: Tensor = self.conv(x)
        return y[..., : -self.cut] if self.cut else y


class Residual(nn.Module):
    """x + f(x), with f two convolutions of three taps, the first of them dilated."""

    def __init__(self, channels: int, dilation: int, causal: bool) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.LeakyReLU(SLOPE),
            Conv(channels, channels, 3, dilation=dilation, causal=causal, normalised=True),
            nn.LeakyReLU(SLOPE),
            Conv(channels, channels, 3, causal=causal, normalised=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, time] -> the same shape."""
        y: Tensor = x + self.net(x)
        return y


def mod_sigmoid(x: Tensor) -> Tensor:
    """An amplitude between 1e-7 and 2, as in DDSP (Engel et al. 2020): 2 sigmoid(x)^2.3 + 1e-7."""
    return 2.0 * torch.sigmoid(x) ** 2.3 + 1e-7
