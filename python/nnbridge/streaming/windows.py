# SPDX-License-Identifier: MIT
"""Places convolutions, pools and their like: windows that slide over time with a stride."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor, fx, nn

from .layers import (
    StreamAvgPool1d,
    StreamConv1d,
    StreamConvTranspose1d,
    StreamLinear,
    StreamMaxPool1d,
    StreamPick,
    StreamReplicate,
)
from .timing import Signal, transposed_delay, windowed_delay
from .walk import Walk


@dataclass(frozen=True)
class Window:
    """A window of `span` input frames that starts at ``n * stride - left`` for output n.

    ``right`` is the padding on the other side; it only counts for the offline length.
    """

    span: int
    stride: int
    left: int
    right: int

    def fit(self, walk: Walk, signal: Signal) -> tuple[Signal, int, int]:
        """The output, the past frames to keep, and the frames to leave off at the end.

        Output n sits at stream frame n + D' and reads from stream frame ``n s - left + D`` on; in
        the group of s input frames that completes it, that is ``D' s + left - D`` frames before
        the group's first. This is all the state there is: padding and delay are one.
        """
        future = self.span - 1 - self.left
        delay = windowed_delay(signal.delay, future, self.stride, walk.early)
        keep = delay * self.stride + self.left - signal.delay
        # frames of the group that come after the window's last one; fewer than a stride are
        # left out by the convolution itself
        spare = self.stride - 1 - (signal.delay + future - delay * self.stride)
        trim = spare - (self.stride - 1) if spare >= self.stride else 0
        length = walk.lengths.add(
            signal.length, 1, self.left + self.right - self.span + self.stride, self.stride
        )
        result = Signal(
            signal.ratio * self.stride, delay, signal.rank, signal.axis, length, 0, length
        )
        return result, keep, trim

    def start(self, signal: Signal) -> int:
        """Frames to be overwritten at the start: those before time zero, if they are ever read."""
        reads = self.left > 0 or signal.origin > 0
        return max(0, signal.delay + signal.origin) if reads else 0


def conv(
    walk: Walk,
    node: fx.Node,
    argument: fx.Node,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding: tuple[int, int],
    dilation: int,
    groups: int,
    mode: str = "zeros",
) -> Signal:
    """A convolution with (left, right) padding of the given mode."""
    signal = on_last_axis(walk, node, argument)
    source = walk.nodes[argument]
    if mode != "zeros" and any(padding):
        signal, source = pad(walk, node, argument, padding, mode, 0.0)
        padding = (0, 0)
    window = Window((weight.shape[-1] - 1) * dilation + 1, stride, *padding)
    result, keep, trim = window.fit(walk, signal)
    module = StreamConv1d(weight, bias, stride, dilation, groups, keep, window.start(signal), trim)
    walk.nodes[node] = walk.place_state(module, signal, source)
    return result


def conv_transpose(
    walk: Walk,
    node: fx.Node,
    argument: fx.Node,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding: int,
    output_padding: int,
    groups: int,
    dilation: int,
) -> Signal:
    """A transposed convolution."""
    on_last_axis(walk, node, argument)
    signal, source = walk.solid(node, argument)
    span = (weight.shape[-1] - 1) * dilation + 1
    module = StreamConvTranspose1d(weight, bias, stride, dilation, groups, signal.delay)
    walk.nodes[node] = walk.place_state(module, signal, source)
    length = walk.lengths.add(
        signal.length, stride, span + output_padding - 2 * padding - stride, 1
    )
    return signal.moved(
        ratio=signal.ratio / stride,
        delay=transposed_delay(signal.delay, stride, padding),
        length=length,
    )


def max_pool(
    walk: Walk, node: fx.Node, argument: fx.Node, kernel: int, stride: int, padding: int, dil: int
) -> Signal:
    """A maximum pool."""
    on_last_axis(walk, node, argument)
    signal, source = walk.solid(node, argument)
    window = Window((kernel - 1) * dil + 1, stride, padding, padding)
    result, keep, trim = window.fit(walk, signal)
    module = StreamMaxPool1d(kernel, stride, dil, keep, window.start(signal), trim, result.delay)
    walk.nodes[node] = walk.place_state(module, signal, source)
    return result


def avg_pool(
    walk: Walk, node: fx.Node, argument: fx.Node, kernel: int, stride: int, padding: int
) -> Signal:
    """A mean pool whose padding counts."""
    signal = on_last_axis(walk, node, argument)
    window = Window(kernel, stride, padding, padding)
    result, keep, trim = window.fit(walk, signal)
    module = StreamAvgPool1d(kernel, stride, keep, window.start(signal), trim)
    walk.nodes[node] = walk.place_state(module, signal, walk.nodes[argument])
    return result


def pick(walk: Walk, node: fx.Node, argument: fx.Node, stride: int) -> Signal:
    """Frames 0, stride, 2 stride ... of a signal."""
    signal, source = walk.solid(node, argument)
    result, keep, trim = Window(1, stride, 0, 0).fit(walk, signal)
    module = StreamPick(stride, keep, trim, signal.from_end, 1 if signal.axis == 0 else 0)
    walk.nodes[node] = walk.place_state(module, signal, source)
    return result


def thinned(walk: Walk, node: fx.Node, argument: fx.Node, stride: int) -> Signal:
    """Nearest interpolation by 1 / stride: as `pick`, but only whole groups count."""
    length = walk.lengths.add(walk.signal(node, argument).length, 1, 0, stride)
    return pick(walk, node, argument, stride).moved(length=length)


def nearest(walk: Walk, node: fx.Node, argument: fx.Node, factor: int) -> Signal:
    """Every frame `factor` times."""
    on_last_axis(walk, node, argument)
    signal, source = walk.solid(node, argument)
    module = nn.Upsample(scale_factor=float(factor), mode="nearest")
    walk.nodes[node] = walk.place(f"nearest_{factor}", module, source)
    return _faster(walk, signal, factor, signal.delay * factor)


def linear(walk: Walk, node: fx.Node, argument: fx.Node, factor: int) -> Signal:
    """Linear interpolation by a whole factor, ``align_corners=False``.

    Output q lies at input ``(q + 1/2) / s - 1/2``; with input frame j known, all up to ``s j + (s -
    1) // 2`` are, so s outputs per frame come ``s // 2`` late.
    """
    on_last_axis(walk, node, argument)
    signal, source = walk.solid(node, argument)
    module = StreamLinear(factor, signal.delay)
    walk.nodes[node] = walk.place_state(module, signal, source)
    return _faster(walk, signal, factor, signal.delay * factor + factor // 2)


def _faster(walk: Walk, signal: Signal, factor: int, delay: int) -> Signal:
    return signal.moved(
        ratio=signal.ratio / factor,
        delay=delay,
        length=walk.lengths.add(signal.length, factor, 0, 1),
    )


def pad(
    walk: Walk,
    node: fx.Node,
    argument: fx.Node,
    amount: tuple[int, int],
    mode: str,
    fill: float,
) -> tuple[Signal, fx.Node]:
    """Padding (or, below zero, cropping) of the time axis: the signal, and the node that has it.

    Padding with zeros is not written here: it waits for the layer that reads it, whose state then
    begins with it, so that a causal padding costs no delay.
    """
    left, right = amount
    if mode == "zeros" and fill == 0.0 and left >= 0 and right >= 0:
        signal, source = walk.signal(node, argument), walk.nodes[argument]
        if signal.padded:  # zeros on zeros
            wider = signal.moved(
                delay=signal.delay - left,
                length=walk.lengths.add(signal.length, 1, left + right, 1),
                origin=signal.origin + left,
                data=signal.data,
            )
            return wider, source
    signal, source = walk.solid(node, argument)
    if mode in ("reflect", "circular"):
        if walk.edges != "zero":
            raise walk.refusal(
                node,
                f"its {mode} padding fills the start of a file from frames that have not come yet",
                "train with zero or replicate padding, or convert(..., edges='zero') to have "
                "zeros there: then only the frames that the padding reaches, at the two ends of a "
                "file, differ from offline",
            )
        mode, fill = "zeros", 0.0
    length = walk.lengths.add(signal.length, 1, left + right, 1)
    if mode == "replicate":
        if left < 0 or right < 0:
            raise walk.refusal(node, "its padding is below zero", "crop by a slice instead")
        keep = max(left, 1)
        module = StreamReplicate(
            keep, signal.delay, axis=signal.from_end, rows=1 if signal.axis == 0 else 0
        )
        source = walk.place_state(module, signal, source)
        return signal.moved(delay=signal.delay - left + keep, length=length), source
    data = signal.length if right >= 0 else length
    padded = signal.moved(delay=signal.delay - left, length=length, origin=max(0, left), data=data)
    if right < 0 and left > 0:
        padded = padded.moved(data=walk.lengths.add(signal.length, 1, right, 1))
    elif right >= 0 and left < 0:
        padded = padded.moved(data=walk.lengths.add(signal.length, 1, left, 1))
    if fill != 0.0 and (left > 0 or right > 0):
        return walk.write_padding(padded, source, fill)
    return padded, source


def on_last_axis(walk: Walk, node: fx.Node, argument: fx.Node) -> Signal:
    """The signal, whose time axis must be the last of three (or of two, unbatched: not here)."""
    signal = walk.signal(node, argument)
    if signal.from_end != -1 or signal.rank != 3:
        raise walk.refusal(
            node,
            "its last axis is not time (or its input has not the shape [batch, channels, time])",
            "transpose the signal to [batch, channels, time] first",
        )
    return signal


def whole(value: float) -> int | None:
    """`value` as a whole number, or None."""
    fraction = Fraction(value)
    return int(fraction) if fraction.denominator == 1 else None
