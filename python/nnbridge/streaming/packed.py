# SPDX-License-Identifier: MIT
"""Convolutions for the stage: the same sums as in `layers.py`, in the order that memory likes.

A stream runs its layers on few frames, down to one, so that a layer hardly computes: it reads its
weights. With signals as [batch, time, channels], the past and the block are one piece of memory,
the window of a frame is a row of it, and a convolution is one product of matrices that reads the
weights once, in their order. With [batch, channels, time], the same product takes two to four
times as long for 2 to 8 frames (MKL 2024.2; tests/bench/rave_speed.py has the figures).

`pack` puts these layers into a network and the transpositions where they are needed.

No ``from __future__ import annotations`` here: TorchScript wants the types, not their names.
"""

import sys
from typing import ClassVar, Optional

import torch
from torch import Tensor, nn

from .layers import Windowed

# From here on (frames times dilation), adding up one product per tap is faster than copying windows
# into rows; measured for 16 to 512 channels. Only few taps: each passes over the output again.
MANY_FRAMES = 192
FEW_TAPS = 4


class Packed(Windowed):
    """`Windowed` for [batch, time, channels]: the same with fewer operations per block.

    And with few branches: they are what TorchScript's first calls spend their time on.
    """

    __constants__: ClassVar[tuple[str, ...]] = (
        "axis", "fill", "keep", "long", "rows", "skip", "start", "trim",
    )  # fmt: skip

    def __init__(self, keep: int, start: int, fill: float = 0.0, trim: int = 0) -> None:
        super().__init__(keep, start, fill, axis=1, trim=trim)
        self.long = max(512, 4 * self.keep)

    def window(self, x: Tensor) -> Tensor:
        """The block [batch, time, channels] with its past in front, in one piece of memory."""
        batch, new, channels = x.size(0), x.size(1), x.size(2)
        if batch != self.batch:
            self.batch = batch
            self.wait = self.start
            self.state = torch.full(
                [batch, self.keep, channels], self.fill, dtype=x.dtype, device=x.device
            )
        window = x.contiguous() if self.keep == 0 else torch.cat([self.state, x], 1)
        if max(self.wait, self.stop + 1) > 0:
            if self.keep == 0:
                window = window.clone()
            self.hush(window, new)
        if self.keep > 0:
            past = window.as_strided(
                [batch, self.keep, channels],
                [window.size(1) * channels, channels, 1],
                new * channels,
            )
            # a view keeps the whole window in memory
            self.state = past.clone() if new > self.long else past
        if self.skip > 0 or self.trim > 0:
            size = window.size(1) - self.skip - self.trim
            window = window.narrow(1, self.skip, size).contiguous()
        return window

    def hush(self, window: Tensor, new: int) -> None:
        """What `silence` does, without a branch."""
        old = window.size(1) - new
        early = min(self.wait, new)
        window.narrow(1, old, early).fill_(self.fill)
        self.wait -= early
        endless = int(self.stop < 0)
        end = min(max(self.stop, endless * new), new)
        window.narrow(1, old + end, new - end).fill_(self.fill)
        self.stop = max(self.stop - new, -endless)


class PackedConv1d(Packed):
    """A convolution, or a transposed one, of one group. [batch, time, channels] in and out.

    A transposed convolution of kernel q s and stride s is a convolution of q taps that makes s
    frames of every frame: output ``t s + j`` is the sum over k of ``x[t - k] w[k s + j]``.

    Args:
        weight: [outputs, taps, inputs]; with `up`, [up * outputs, ...], the earlier frames first.
        bias: one for every row of `weight`, or None.
        stride: input frames from window to window.
        dilation: frames from tap to tap.
        up: output frames per window.
        keep: see `Windowed`.
        start: see `Stateful`.
        trim: see `Windowed`.
    """

    __constants__: ClassVar[tuple[str, ...]] = (
        *Packed.__constants__, "dilation", "inputs", "many", "outputs", "span", "stride", "taps",
    )  # fmt: skip

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        stride: int,
        dilation: int,
        up: int,
        keep: int,
        start: int,
        trim: int,
    ) -> None:
        super().__init__(keep, start, trim=trim)
        rows, self.taps, self.inputs = weight.shape
        self.outputs = rows // up
        self.stride = stride
        self.dilation = dilation
        self.span = (self.taps - 1) * dilation + 1
        #: frames from which on it goes tap by tap
        self.many = MANY_FRAMES // dilation if 1 < self.taps <= FEW_TAPS else sys.maxsize
        # rows in memory, columns to the product: that reads them in one go
        packed = weight.reshape(rows, -1).contiguous().t()
        self.weight = nn.Parameter(packed, requires_grad=False)
        bias = weight.new_zeros(rows) if bias is None else bias.clone()
        self.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, in] -> [batch, time * up / stride, out]."""
        window = self.window(x)
        batch, width = window.size(0), self.inputs
        frames = (window.size(1) - self.span) // self.stride + 1
        strides = [window.size(1) * width, self.stride * width, self.dilation * width, 1]
        windows = window.as_strided(
            [batch, frames, self.taps, width], strides, window.storage_offset()
        )
        if int(batch == 1) * frames >= self.many:
            # tap by tap, without a copy of the windows
            taps = self.weight.view(self.taps, width, -1)
            y = torch.addbmm(self.bias, windows[0].transpose(0, 1), taps)
        else:
            y = torch.addmm(self.bias, windows.reshape(-1, self.taps * width), self.weight)
        return y.view(batch, -1, self.outputs)


class PackedGroupedConv1d(Packed):
    """`PackedConv1d` in several groups.

    Args:
        weight: [groups, outputs of a group (times up), taps, inputs of a group].
        bias: [groups, outputs of a group (times up)], or None.
    """

    weight: Tensor
    bias: Optional[Tensor]  # noqa: UP045 (TorchScript reads it)
    __constants__: ClassVar[tuple[str, ...]] = (
        *Packed.__constants__, "dilation", "groups", "inputs", "outputs", "span", "stride", "taps",
        "up",
    )  # fmt: skip

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        stride: int,
        dilation: int,
        up: int,
        keep: int,
        start: int,
        trim: int,
    ) -> None:
        super().__init__(keep, start, trim=trim)
        self.groups, rows, self.taps, self.inputs = weight.shape
        self.outputs = rows // up
        self.up = up
        self.stride = stride
        self.dilation = dilation
        self.span = (self.taps - 1) * dilation + 1
        packed = weight.reshape(self.groups, rows, -1).contiguous().transpose(1, 2)
        self.weight = nn.Parameter(packed, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias[:, None], requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, in] -> [batch, time * up / stride, out]."""
        window = self.window(x)
        batch, width = window.size(0), self.inputs * self.groups
        frames = (window.size(1) - self.span) // self.stride + 1
        columns = window.as_strided(
            [self.groups, batch, frames, self.taps, self.inputs],
            [self.inputs, window.size(1) * width, self.stride * width, self.dilation * width, 1],
            window.storage_offset(),
        ).reshape(self.groups, batch * frames, self.taps * self.inputs)
        bias = self.bias
        if bias is None:
            y = torch.bmm(columns, self.weight)
        else:
            y = torch.baddbmm(bias, columns, self.weight)
        y = y.view(self.groups, batch, frames * self.up, self.outputs).permute(1, 2, 0, 3)
        return y.reshape(batch, frames * self.up, self.groups * self.outputs)


class PackedDelay(Packed):
    """`StreamDelay` for [batch, time, channels]."""

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, channels] -> the same shape."""
        return self.window(x).narrow(1, 0, x.size(1))
