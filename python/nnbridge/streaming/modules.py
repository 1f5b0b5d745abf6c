# SPDX-License-Identifier: MIT
"""How each kind of `torch.nn` module is streamed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, fx, nn

from . import refusals, rule, weights, windows
from .recurrent import StreamLSTM, StreamRecurrent
from .timing import Signal
from .walk import Value, Walk, WithState

KEEPS_ZERO = (
    nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Tanh, nn.Softsign, nn.ReLU6, nn.Hardswish, nn.PReLU, nn.Tanhshrink,
    nn.Softshrink, nn.Hardshrink,
)  # fmt: skip
POINTWISE = (
    nn.Hardtanh, nn.Sigmoid, nn.LogSigmoid, nn.Softplus, nn.Hardsigmoid, nn.Threshold,
)  # fmt: skip
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.AlphaDropout, nn.FeatureAlphaDropout, nn.Dropout2d)


def one(value: Any) -> Any:
    """The only element of a one-element tuple, or the value itself."""
    return value[0] if isinstance(value, tuple | list) else value


def edges(layer: nn.Conv1d) -> tuple[int, int]:
    """Left and right padding of a convolution (``same`` puts the odd frame on the right)."""
    if layer.padding == "same":
        total = one(layer.dilation) * (one(layer.kernel_size) - 1)
        return total // 2, total - total // 2
    if layer.padding == "valid":
        return 0, 0
    return one(layer.padding), one(layer.padding)


def handle(walk: Walk, node: fx.Node) -> Value:
    """What a call of a module gives; writes its counterpart into the new graph."""
    layer = walk.network.get_submodule(str(node.target))
    own = rule.find(layer)
    if own is not None:
        return _declared(walk, node, own)
    if weights.foreign_hooks(layer):
        raise walk.refusal(
            node,
            "a forward hook is registered on it, which the streaming layer would not run",
            "remove the hook, or put what it does into the network",
        )
    for kinds, handler in HANDLERS:
        if isinstance(layer, kinds):
            return handler(walk, node, layer)
    names = [kind.__name__ for kind in type(layer).__mro__]
    known = next((name for name in names if name in refusals.REFUSALS), names[0])
    raise walk.refusal(node, *refusals.reason(known))


def _source(walk: Walk, node: fx.Node) -> fx.Node:
    if len(node.args) != 1 or node.kwargs or not isinstance(node.args[0], fx.Node):
        raise walk.refusal(
            node, "it is not called with exactly one signal", "call it with its input alone"
        )
    return node.args[0]


def _declared(walk: Walk, node: fx.Node, own: Callable[[int], rule.Rule]) -> Signal:
    argument = _source(walk, node)
    signal, source = walk.solid(node, argument)
    declared = own(signal.delay)
    if hasattr(declared.module, "reset"):
        walk.nodes[node] = walk.place_state(declared.module, signal, source)
    else:
        walk.nodes[node] = walk.place(str(node.target), declared.module, source)
    up, down = declared.ratio.denominator, declared.ratio.numerator
    a, b, c = declared.length or (up, 0, down)
    return signal.moved(
        ratio=signal.ratio * declared.ratio,
        delay=declared.delay,
        length=walk.lengths.add(signal.length, a, b, c),
    )


def _conv(walk: Walk, node: fx.Node, layer: nn.Conv1d) -> Signal:
    weight = weights.tensor(layer, "weight")
    assert weight is not None
    return windows.conv(
        walk,
        node,
        _source(walk, node),
        weight,
        weights.tensor(layer, "bias"),
        one(layer.stride),
        edges(layer),
        one(layer.dilation),
        layer.groups,
        layer.padding_mode,
    )


def _conv_transpose(walk: Walk, node: fx.Node, layer: nn.ConvTranspose1d) -> Signal:
    weight = weights.tensor(layer, "weight")
    assert weight is not None
    return windows.conv_transpose(
        walk,
        node,
        _source(walk, node),
        weight,
        weights.tensor(layer, "bias"),
        one(layer.stride),
        one(layer.padding),
        one(layer.output_padding),
        layer.groups,
        one(layer.dilation),
    )


def _max_pool(walk: Walk, node: fx.Node, layer: nn.MaxPool1d) -> Signal:
    if layer.return_indices or layer.ceil_mode:
        raise walk.refusal(node, "it uses ceil_mode or return_indices", "switch them off")
    kernel = one(layer.kernel_size)
    stride = one(layer.stride) if layer.stride is not None else kernel
    return windows.max_pool(
        walk, node, _source(walk, node), kernel, stride, one(layer.padding), one(layer.dilation)
    )


def _avg_pool(walk: Walk, node: fx.Node, layer: nn.AvgPool1d) -> Signal:
    if layer.ceil_mode or (one(layer.padding) and not layer.count_include_pad):
        raise walk.refusal(
            node,
            "at the ends it divides by the number of true frames",
            "use count_include_pad=True and ceil_mode=False",
        )
    return windows.avg_pool(
        walk,
        node,
        _source(walk, node),
        one(layer.kernel_size),
        one(layer.stride),
        one(layer.padding),
    )


def _pad(walk: Walk, node: fx.Node, layer: nn.Module) -> Signal:
    name = type(layer).__name__
    mode = {"Re": "replicate", "Ci": "circular"}.get(name[:2], "zeros")
    mode = "reflect" if name.startswith("Reflection") else mode
    padding: Any = layer.padding
    value = float(getattr(layer, "value", 0.0))
    signal, walk.nodes[node] = windows.pad(walk, node, _source(walk, node), padding, mode, value)
    return signal


def _upsample(walk: Walk, node: fx.Node, layer: nn.Upsample) -> Signal:
    return interpolate(
        walk,
        node,
        _source(walk, node),
        layer.size,
        layer.scale_factor,
        layer.mode,
        layer.align_corners,
    )


def interpolate(
    walk: Walk,
    node: fx.Node,
    argument: fx.Node,
    size: Any,
    scale: Any,
    mode: str,
    corners: bool | None,
) -> Signal:
    """Interpolation by a whole factor: nearest or linear upwards, nearest downwards."""
    if size is not None or scale is None:
        raise walk.refusal(node, "it interpolates to a given size", "use a whole scale_factor")
    scale = float(one(scale))
    up, down = windows.whole(scale), windows.whole(1.0 / scale)
    if corners:
        raise walk.refusal(
            node,
            "with align_corners=True its step depends on the length of the signal",
            "use align_corners=False",
        )
    if mode in ("nearest", "nearest-exact") and up:
        return windows.nearest(walk, node, argument, up)
    if mode == "nearest" and down:
        return windows.thinned(walk, node, argument, down)
    if mode == "linear" and up:
        return windows.linear(walk, node, argument, up)
    raise walk.refusal(
        node,
        f"mode {mode!r} by a factor of {scale:g} has no exact streaming form here",
        "use nearest by a whole factor up or down, or linear by a whole factor up",
    )


def _recurrent(walk: Walk, node: fx.Node, layer: nn.RNNBase) -> WithState:
    if layer.bidirectional:
        raise walk.refusal(
            node,
            "a bidirectional layer reads the signal from its end",
            "use a layer of one direction",
        )
    if node.args[1:] == (None,):
        node.args = node.args[:1]  # its default
    if len(node.args) > 1 or node.kwargs:
        raise walk.refusal(
            node, "it is given a first state from outside", "let it begin with zeros"
        )
    if layer.dropout and layer.training:
        raise walk.refusal(node, "its dropout is in training mode", "call network.eval() first")
    argument = _source(walk, node)
    signal, source = walk.solid(node, argument)
    if signal.rank != 3 or signal.axis != (1 if layer.batch_first else 0):
        shape = "[batch, time, features]" if layer.batch_first else "[time, batch, features]"
        raise walk.refusal(node, f"time is not where it looks for it, {shape}", "transpose")
    twin = weights.alias(layer)
    assert isinstance(twin, nn.RNNBase)
    module: nn.Module
    if isinstance(twin, nn.LSTM):
        module = StreamLSTM(twin, signal.delay)
    else:
        module = StreamRecurrent(twin, signal.delay)
    walk.nodes[node] = walk.place_state(module, signal, source)
    return WithState(signal)


def _pointwise(walk: Walk, node: fx.Node, layer: nn.Module) -> Signal:
    _source(walk, node)
    return walk.pointwise(node, module=weights.alias(layer))


def _keeps_zero(walk: Walk, node: fx.Node, layer: nn.Module) -> Signal:
    _source(walk, node)
    return walk.pointwise(node, keeps_zero=True, module=weights.alias(layer))


def _dropout(walk: Walk, node: fx.Node, layer: nn.Module) -> Signal:
    if layer.training:
        raise walk.refusal(node, "it is in training mode", "call network.eval() first")
    argument = _source(walk, node)
    signal = walk.signal(node, argument)
    walk.nodes[node] = walk.nodes[argument]
    return signal


def _batch_norm(walk: Walk, node: fx.Node, layer: nn.Module) -> Signal:
    argument = _source(walk, node)
    if layer.training or getattr(layer, "running_mean", None) is None:
        raise walk.refusal(
            node,
            "it takes its mean and variance over the batch and over all of time",
            "call network.eval() first, and keep track_running_stats=True",
        )
    windows.on_last_axis(walk, node, argument)
    return walk.pointwise(node, module=weights.alias(layer))


def _instance_norm(walk: Walk, node: fx.Node, layer: nn.InstanceNorm1d) -> Signal:
    if layer.training or layer.running_mean is None:
        raise walk.refusal(node, *refusals.reason("InstanceNorm1d"))
    windows.on_last_axis(walk, node, _source(walk, node))
    return walk.pointwise(node, module=weights.alias(layer))


def _response_norm(walk: Walk, node: fx.Node, layer: nn.LocalResponseNorm) -> Signal:
    """It works along the second axis, whatever that is."""
    windows.on_last_axis(walk, node, _source(walk, node))
    return walk.pointwise(node, module=weights.alias(layer))


def _last_axes(walk: Walk, node: fx.Node, layer: nn.Module) -> Signal:
    """Linear, LayerNorm, RMSNorm: they work on the last axes, which must not hold time."""
    count = len(getattr(layer, "normalized_shape", (0,)))
    signal = walk.signal(node, _source(walk, node))
    if -signal.from_end <= count:
        raise walk.refusal(
            node,
            "it works along the time axis",
            "transpose to [batch, time, channels] first, or use a Conv1d of kernel 1",
        )
    return walk.pointwise(node, module=weights.alias(layer))


def _over_axis(walk: Walk, node: fx.Node, layer: nn.Module) -> Signal:
    """GLU, Softmax, LogSoftmax: they work on one axis."""
    signal = walk.signal(node, _source(walk, node))
    axis: Any = layer.dim
    if axis is None or axis % signal.rank == signal.axis:
        raise walk.refusal(
            node, "it works along the time axis", "give it the channels' axis, dim=1"
        )
    return walk.pointwise(node, module=weights.alias(layer))


HANDLERS: list[tuple[Any, Callable[[Walk, fx.Node, Any], Value]]] = [
    (nn.Conv1d, _conv),
    (nn.ConvTranspose1d, _conv_transpose),
    (nn.MaxPool1d, _max_pool),
    (nn.AvgPool1d, _avg_pool),
    ((nn.ConstantPad1d, nn.ReplicationPad1d, nn.ReflectionPad1d, nn.CircularPad1d), _pad),
    (nn.Upsample, _upsample),
    ((nn.GRU, nn.LSTM, nn.RNN), _recurrent),
    (DROPOUTS, _dropout),
    (nn.BatchNorm1d, _batch_norm),
    (nn.InstanceNorm1d, _instance_norm),
    (nn.LocalResponseNorm, _response_norm),
    ((nn.Linear, nn.LayerNorm, nn.RMSNorm), _last_axes),
    ((nn.GLU, nn.Softmax, nn.LogSoftmax), _over_axis),
    (KEEPS_ZERO, _keeps_zero),
    (POINTWISE, _pointwise),
]


def tensor_of(value: Any) -> Tensor:
    """A constant that must be a tensor."""
    assert isinstance(value, Tensor)
    return value.detach()
