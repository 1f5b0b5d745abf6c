# SPDX-License-Identifier: MIT
"""How layers written as functions (`torch.nn.functional`, matrix products) are streamed."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, fx

from . import windows
from .modules import interpolate as interpolated
from .modules import one
from .timing import Signal
from .walk import LENGTH, Const, Walk


def matmul(walk: Walk, node: fx.Node, input: fx.Node, other: Any) -> Signal:
    """A product of a signal with a constant matrix that does not touch time."""
    left, right = walk.value(input), walk.value(other)
    # a constant from the left mixes the axis before the last, one from the right the last
    if isinstance(left, Const) and isinstance(right, Signal):
        fits = left.value.dim() == 2 and right.from_end == -1 and right.rank > 1
    else:
        fits = (
            isinstance(left, Signal)
            and isinstance(right, Const)
            and (right.value.dim() == 2 and left.from_end != -1)
        )
    if fits:
        return walk.pointwise(node, broadcast=False)
    raise walk.refusal(
        node,
        "it is a product of matrices that may mix frames",
        "multiply by a constant matrix along the channels: W @ x with x [batch, channels, time]",
    )


def linear(walk: Walk, node: fx.Node, input: fx.Node, weight: Any, bias: Any = None) -> Signal:
    """``F.linear`` over channels."""
    if walk.signal(node, input).from_end == -1:
        raise walk.refusal(
            node, "it works along the time axis", "transpose to [batch, time, channels] first"
        )
    return walk.pointwise(node, broadcast=False)


def _tensor(walk: Walk, node: fx.Node, value: Any, what: str) -> Tensor | None:
    found = walk.constant(node, value, what)
    return None if found is None else found.detach()


def conv1d(
    walk: Walk, node: fx.Node, input: fx.Node, weight: Any, bias: Any = None, stride: Any = 1,
    padding: Any = 0, dilation: Any = 1, groups: int = 1,
) -> Signal:  # fmt: skip
    """``F.conv1d`` with a constant weight."""
    kernel = _tensor(walk, node, weight, "its weight")
    assert kernel is not None
    if padding == "same":
        total = one(dilation) * (kernel.shape[-1] - 1)
        sides = total // 2, total - total // 2
    else:
        sides = (0, 0) if padding == "valid" else (one(padding), one(padding))
    bias = _tensor(walk, node, bias, "its bias")
    return windows.conv(walk, node, input, kernel, bias, one(stride), sides, one(dilation), groups)


def conv_transpose1d(
    walk: Walk, node: fx.Node, input: fx.Node, weight: Any, bias: Any = None, stride: Any = 1,
    padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Signal:  # fmt: skip
    """``F.conv_transpose1d`` with a constant weight."""
    kernel = _tensor(walk, node, weight, "its weight")
    assert kernel is not None
    bias = _tensor(walk, node, bias, "its bias")
    return windows.conv_transpose(
        walk, node, input, kernel, bias, one(stride), one(padding), one(output_padding), groups,
        one(dilation),
    )  # fmt: skip


def max_pool1d(
    walk: Walk, node: fx.Node, input: fx.Node, kernel_size: Any, stride: Any = None,
    padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Signal:  # fmt: skip
    """``F.max_pool1d``."""
    if ceil_mode or return_indices:
        raise walk.refusal(node, "it uses ceil_mode or return_indices", "switch them off")
    kernel = one(kernel_size)
    step = one(stride) if stride else kernel
    return windows.max_pool(walk, node, input, kernel, step, one(padding), one(dilation))


def avg_pool1d(
    walk: Walk, node: fx.Node, input: fx.Node, kernel_size: Any, stride: Any = None,
    padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True,
) -> Signal:  # fmt: skip
    """``F.avg_pool1d``."""
    if ceil_mode or (one(padding) and not count_include_pad):
        raise walk.refusal(
            node,
            "at the ends it divides by the number of true frames",
            "use count_include_pad=True and ceil_mode=False",
        )
    kernel = one(kernel_size)
    return windows.avg_pool(
        walk, node, input, kernel, one(stride) if stride else kernel, one(padding)
    )


def interpolate(
    walk: Walk, node: fx.Node, input: fx.Node, size: Any = None, scale_factor: Any = None,
    mode: str = "nearest", align_corners: bool | None = None, *_: Any, **__: Any,
) -> Signal:  # fmt: skip
    """``F.interpolate``."""
    return interpolated(walk, node, input, size, scale_factor, mode, align_corners)


def pad(
    walk: Walk, node: fx.Node, input: fx.Node, pad: Any, mode: str = "constant", value: Any = None
) -> Signal:
    """``F.pad`` of the time axis."""
    signal = walk.signal(node, input)
    found = [walk.value(p) for p in pad] if isinstance(pad, tuple | list) else []
    pad = [v.value for v in found if isinstance(v, Const) and isinstance(v.value, int)]
    if not found or len(pad) != len(found):
        raise walk.refusal(node, *LENGTH)
    if len(pad) != 2 or signal.from_end != -1:
        raise walk.refusal(
            node, "it pads other axes than time, or time is not last", "pad the last axis only"
        )
    mode = "zeros" if mode == "constant" else mode
    new, walk.nodes[node] = windows.pad(
        walk, node, input, (pad[0], pad[1]), mode, float(value or 0.0)
    )
    return new


def batch_norm(
    walk: Walk, node: fx.Node, input: fx.Node, running_mean: Any, running_var: Any,
    weight: Any = None, bias: Any = None, training: bool = False, *_: Any, **__: Any,
) -> Signal:  # fmt: skip
    """``F.batch_norm`` with fixed statistics."""
    if training:
        raise walk.refusal(
            node,
            "it takes its mean and variance over the batch and over all of time",
            "call network.eval() first",
        )
    windows.on_last_axis(walk, node, input)
    signal, new = walk.solid(node, input)
    rest = tuple(walk.operand(a) for a in node.args[1:])
    kwargs = {k: walk.operand(v) for k, v in node.kwargs.items()}
    walk.nodes[node] = walk.graph.call_function(F.batch_norm, (new, *rest), kwargs)
    return signal


def frame_norm(walk: Walk, node: fx.Node, input: fx.Node, normalized_shape: Any, *_: Any,
               **__: Any) -> Signal:  # fmt: skip
    """``F.layer_norm`` and ``F.rms_norm`` over axes that do not hold time."""
    if -walk.signal(node, input).from_end <= len(normalized_shape):
        raise walk.refusal(
            node, "it works along the time axis", "transpose to [batch, time, channels] first"
        )
    return walk.pointwise(node, broadcast=False)
