# SPDX-License-Identifier: MIT
"""Streaming counterparts of the layers that look at more than one frame.

All are scriptable and keep their past in one tensor, allocated at the first block (and again,
from silence, when the batch size changes). Two counters, idle in the middle of a stream, make its
two ends those of the offline network:

* ``wait``: frames still to come that lie before offline time zero. Offline a layer sees its zero
  padding there, while the stream brings whatever the layers before made of their own padding
  (biases, half-filled windows), so these frames are overwritten with the padding's value.
* ``stop``: frames still to come that offline has; what follows is overwritten too. Below zero it
  means that the end is not known, which is so until `Streaming.finish`.

The past is kept as a view of the newest window, which costs no copy; it is copied only when the
block is long, and much longer than it, so that a view does not hold on to a long block's memory.

No ``from __future__ import annotations`` here: TorchScript wants the types, not their names.
"""

from typing import ClassVar, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Stateful(nn.Module):
    """What all streaming layers share: one state, the two counters, `reset`.

    Args:
        start: frames of this layer's input that lie before offline time zero.
        fill: value that offline padding has here.
        axis: time axis, counted from the last.
        rows: the axis of the batch.
    """

    state: Tensor
    __constants__: ClassVar[tuple[str, ...]] = ("axis", "fill", "rows", "start")

    def __init__(self, start: int = 0, fill: float = 0.0, axis: int = -1, rows: int = 0) -> None:
        super().__init__()
        self.start = start
        self.fill = fill
        self.axis = axis
        self.rows = rows
        self.batch = -1
        self.wait = start
        self.stop = -1
        self.register_buffer("state", torch.zeros(0), persistent=False)

    def reset(self) -> None:
        """Forget the past: the next block is the first."""
        self.batch = -1
        self.wait = self.start
        self.stop = -1
        self.state = torch.zeros(0, dtype=self.state.dtype, device=self.state.device)

    def remember(self, window: Tensor, at: int, frames: int, new: int) -> None:
        """Keep `frames` frames of `window` from `at` on as the past, after a block of `new`."""
        past = window.narrow(self.axis, at, frames)
        if new > 512 and new > 4 * frames:
            past = past.clone()
        self.state = past

    def silence(self, window: Tensor, new: int) -> None:
        """Overwrite what offline does not have among the last `new` frames of a private tensor."""
        old = window.size(self.axis) - new
        if self.wait > 0:
            count = min(self.wait, new)
            window.narrow(self.axis, old, count).fill_(self.fill)
            self.wait -= count
        if self.stop >= 0:
            if self.stop < new:
                window.narrow(self.axis, old + self.stop, new - self.stop).fill_(self.fill)
            self.stop = max(self.stop - new, 0)


class Windowed(Stateful):
    """A layer that sees ``keep`` past frames in front of each block.

    Args:
        keep: past frames in front of a block; padding and delays merged. Below zero, that many
            frames at the front of each block are not needed.
        trim: frames at the end of the window that are not needed yet.
    """

    __constants__: ClassVar[tuple[str, ...]] = ("keep", "skip", "trim")

    def __init__(
        self,
        keep: int,
        start: int = 0,
        fill: float = 0.0,
        axis: int = -1,
        rows: int = 0,
        trim: int = 0,
    ) -> None:
        super().__init__(start, fill, axis, rows)
        self.keep = max(keep, 0)
        self.skip = max(-keep, 0)
        self.trim = trim

    def begin(self, x: Tensor) -> None:
        """Allocate the past for the batch, channels and type of `x`."""
        shape = list(x.shape)
        shape[self.axis] = self.keep
        self.state = torch.full(shape, self.fill, dtype=x.dtype, device=x.device)
        self.batch = x.size(self.rows)
        self.wait = self.start

    def window(self, x: Tensor) -> Tensor:
        """The block `x` with its past in front; advances the state."""
        if x.size(self.rows) != self.batch:
            self.begin(x)
        new = x.size(self.axis)
        window = x
        if self.keep > 0:
            window = torch.cat([self.state, x], self.axis)
        if self.wait > 0 or self.stop >= 0:
            if self.keep == 0:
                window = window.clone()
            self.silence(window, new)
        if self.keep > 0:
            self.remember(window, new, self.keep, new)
        if self.skip > 0 or self.trim > 0:
            size = window.size(self.axis) - self.skip - self.trim
            window = window.narrow(self.axis, self.skip, size)
        return window


class StreamConv1d(Windowed):
    """A convolution of any stride, dilation, grouping and padding. [batch, channels, time]."""

    weight: Tensor
    bias: Optional[Tensor]  # noqa: UP045 (TorchScript reads it)
    __constants__: ClassVar[tuple[str, ...]] = ("dilation", "groups", "stride")

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        stride: int,
        dilation: int,
        groups: int,
        keep: int,
        start: int,
        trim: int,
    ) -> None:
        super().__init__(keep, start, trim=trim)
        self.stride = stride
        self.dilation = dilation
        self.groups = groups
        # parameters, because the engine lets streams share these, and copies buffers
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, in, time] -> [batch, out, time / stride]."""
        window = self.window(x)
        return F.conv1d(window, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class StreamConvTranspose1d(Stateful):
    """A transposed convolution: tails of past frames are added to the front of each block."""

    weight: Tensor
    bias: Optional[Tensor]  # noqa: UP045 (TorchScript reads it)
    __constants__: ClassVar[tuple[str, ...]] = ("dilation", "gap", "groups", "overlap", "stride")

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        stride: int,
        dilation: int,
        groups: int,
        start: int,
    ) -> None:
        super().__init__(start)
        span = (weight.shape[-1] - 1) * dilation + 1
        self.overlap = max(span - stride, 0)
        self.gap = max(stride - span, 0)
        self.stride = stride
        self.dilation = dilation
        self.groups = groups
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias[:, None], requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, in, time] -> [batch, out, time * stride]."""
        new = x.size(-1)
        if x.size(0) != self.batch:
            channels = self.weight.size(1) * self.groups
            self.state = torch.zeros(
                [x.size(0), channels, self.overlap], dtype=x.dtype, device=x.device
            )
            self.batch = x.size(0)
            self.wait = self.start
        if self.wait > 0 or self.stop >= 0:
            x = x.clone()
            self.silence(x, new)
        y = F.conv_transpose1d(
            x, self.weight, None, self.stride, 0, self.gap, self.groups, self.dilation
        )
        if self.overlap > 0:
            y.narrow(-1, 0, self.overlap).add_(self.state)
            self.remember(y, new * self.stride, self.overlap, new * self.stride)
            y = y.narrow(-1, 0, new * self.stride)
        bias = self.bias
        if bias is not None:
            y = y.add_(bias)
        return y


class StreamMaxPool1d(Windowed):
    """Maximum over a window; what lies outside of the signal is minus infinity."""

    __constants__: ClassVar[tuple[str, ...]] = ("delay", "dilation", "kernel", "stride")

    def __init__(
        self,
        kernel: int,
        stride: int,
        dilation: int,
        keep: int,
        start: int,
        trim: int,
        delay: int,
    ) -> None:
        super().__init__(keep, start, fill=float("-inf"), trim=trim)
        self.delay = delay
        self.empty = delay  # windows still to come that end before the signal begins
        self.kernel = kernel
        self.stride = stride
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, time] -> [batch, channels, time / stride]."""
        if x.size(self.rows) != self.batch:
            self.empty = self.delay
        y = F.max_pool1d(self.window(x), self.kernel, self.stride, 0, self.dilation)
        if self.empty > 0:  # minus infinity is nothing to be played
            count = min(self.empty, y.size(-1))
            y.narrow(-1, 0, count).zero_()
            self.empty -= count
        return y


class StreamAvgPool1d(Windowed):
    """Mean over a window; what lies outside of the signal counts as zero."""

    __constants__: ClassVar[tuple[str, ...]] = ("kernel", "stride")

    def __init__(self, kernel: int, stride: int, keep: int, start: int, trim: int) -> None:
        super().__init__(keep, start, trim=trim)
        self.kernel = kernel
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, time] -> [batch, channels, time / stride]."""
        window = self.window(x)
        return F.avg_pool1d(window, self.kernel, self.stride)


class StreamPick(Windowed):
    """Every stride-th frame (slices with a step, nearest interpolation downwards)."""

    __constants__: ClassVar[tuple[str, ...]] = ("stride",)

    def __init__(self, stride: int, keep: int, trim: int, axis: int, rows: int) -> None:
        super().__init__(keep, axis=axis, rows=rows, trim=trim)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """[..., time, ...] -> [..., time / stride, ...]."""
        window = self.window(x)
        size = window.size(self.axis)
        index = torch.arange(0, size, self.stride, device=x.device)
        return window.index_select(self.axis, index)


class StreamDelay(Windowed):
    """The same signal some frames later, with a padding's value before and after it.

    With ``keep=0`` it only writes the padding.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[..., time, ...] -> the same shape."""
        window = self.window(x)
        return window.narrow(self.axis, 0, x.size(self.axis))


class Replicating(Windowed):
    """A window beyond whose ends the first and the last frame are repeated. Needs ``keep >= 1``."""

    def repeated(self, x: Tensor) -> Tensor:
        """The block `x` with its past in front; advances the state."""
        if x.size(self.rows) != self.batch:
            self.begin(x)
        new = x.size(self.axis)
        window = torch.cat([self.state, x], self.axis)
        if self.wait >= 0:  # below zero: the first true frame has come
            if self.wait < new:
                first = self.keep + self.wait
                frame = window.narrow(self.axis, first, 1)
                window.narrow(self.axis, 0, first).copy_(frame)
                self.wait = -1
            else:
                self.wait -= new
        if self.stop >= 0:
            if self.stop < new:
                last = self.keep + self.stop
                frame = window.narrow(self.axis, last - 1, 1)
                window.narrow(self.axis, last, new - self.stop).copy_(frame)
            self.stop = max(self.stop - new, 0)
        self.remember(window, new, self.keep, new)
        return window


class StreamReplicate(Replicating):
    """The same signal ``keep`` frames later, its ends repeated."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., time, ...] -> the same shape."""
        return self.repeated(x).narrow(self.axis, 0, x.size(self.axis))


class StreamLinear(Replicating):
    """Linear interpolation by a whole factor (``align_corners=False``)."""

    __constants__: ClassVar[tuple[str, ...]] = ("factor",)

    def __init__(self, factor: int, start: int) -> None:
        super().__init__(1, start)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, time] -> [batch, channels, time * factor]."""
        window = self.repeated(x)
        y = F.interpolate(window, scale_factor=float(self.factor), mode="linear")
        return y.narrow(-1, self.factor - self.factor // 2, x.size(-1) * self.factor)
