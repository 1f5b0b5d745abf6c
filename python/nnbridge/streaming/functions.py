# SPDX-License-Identifier: MIT
"""How each function and tensor method is streamed. A name not listed here is refused."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, fx

from . import functional, refusals, slices, trace
from .timing import Signal
from .trace import IN_PLACE_OPERATORS
from .walk import LENGTH, Const, Extent, ShapeOf, Value, Walk

S = TypeVar("S", Signal, Signal | Extent)

# functions of one frame with f(0) = 0, and functions of one or more frames without that promise
KEEPS_ZERO = {
    "relu", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "tanh", "softsign",
    "relu6", "hardswish", "prelu", "tanhshrink", "softshrink", "hardshrink", "sin",
    "abs", "neg", "sign", "square", "sqrt", "expm1", "log1p", "asinh", "atan", "erf", "contiguous",
    "clone", "detach", "float", "double", "half", "bfloat16",
}  # fmt: skip
POINTWISE = {
    "add", "sub", "mul", "div", "truediv", "pow", "floordiv", "mod", "remainder", "fmod", "rsub",
    "floor_divide", "true_divide", "subtract", "multiply", "divide", "addcmul", "addcdiv", "lerp",
    "sigmoid", "hardsigmoid", "logsigmoid", "softplus", "threshold", "exp", "exp2", "log", "log2",
    "log10", "cos", "tan", "acos", "cosh", "sinh", "acosh", "rsqrt", "reciprocal", "clamp",
    "clip", "clamp_min", "clamp_max", "maximum", "minimum", "fmax", "fmin", "where", "round",
    "floor", "ceil", "trunc", "frac", "atan2", "hypot", "logaddexp", "copysign", "lt", "le", "gt",
    "ge", "eq", "ne", "logical_and", "logical_or", "logical_not", "and_", "or_", "invert",
    "bitwise_and", "bitwise_or", "zeros_like", "ones_like", "full_like", "atanh", "asin", "pos",
    "nan_to_num", "masked_fill", "hardtanh", "positive", "logit", "erfc", "int", "long", "bool",
    "_threshold",
}  # fmt: skip
RANDOM = {"rand_like", "randn_like", "bernoulli"}
REDUCES = {
    "mean", "sum", "std", "var", "prod", "amax", "amin", "argmax", "argmin", "norm", "logsumexp",
    "softmax", "log_softmax", "cumsum", "softmin", "glu", "normalize", "any", "all",
    "cumprod", "linalg_vector_norm",
}  # fmt: skip
KEEPS_SHAPE = {"softmax", "log_softmax", "cumsum", "softmin", "glu", "normalize", "cumprod"}
AXIS_BY_DEFAULT = {"glu": -1, "normalize": 1}


def name_of(node: fx.Node) -> str:
    """The plain name of the operation."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return name.strip("_") if name.endswith("_") else name


def handle(walk: Walk, node: fx.Node) -> Value:
    """What a function or method gives; writes its counterpart into the new graph."""
    if node.target in IN_PLACE_OPERATORS:
        node.target = IN_PLACE_OPERATORS[node.target]
    name = name_of(node)
    if node.op == "call_method" and trace.in_place_name(node.target):
        node.target = name
    if name in ("to", "type_as"):
        return _cast(walk, node)
    if isinstance(node.target, str) and not hasattr(Tensor, name):
        raise walk.refusal(node, *refusals.UNKNOWN)
    if _lengths_only(walk, node):
        return _length_arithmetic(walk, node)
    if name in KEEPS_ZERO or name in POINTWISE or name in RANDOM:
        walk.random |= name in RANDOM
        _without_in_place(node)
        keeps = name in KEEPS_ZERO or (name in ("mul", "truediv", "div") and _scales(walk, node))
        return walk.pointwise(node, keeps_zero=keeps, broadcast=name != "prelu")
    if name == "dropout":
        return _dropout(walk, node, *node.args, **node.kwargs)  # type: ignore[arg-type]
    if name in REDUCES:
        return _reduce(walk, node, name)
    handler = HANDLERS.get(name)
    if handler is None:
        raise walk.refusal(node, *refusals.reason(name))
    return handler(walk, node, *node.args, **node.kwargs)


def _without_in_place(node: fx.Node) -> None:
    """Take the in-place out of a node: the graph no longer needs it (see trace.py)."""
    if callable(node.target) and getattr(node.target, "__name__", "").endswith("_"):
        name = name_of(node)
        if not hasattr(operator, f"{name}_"):
            node.target = getattr(F, name, None) or getattr(torch, name)
    if "inplace" in node.kwargs:
        node.kwargs = {k: v for k, v in node.kwargs.items() if k != "inplace"}


def _scales(walk: Walk, node: fx.Node) -> bool:
    """Whether a product is one of a signal and a constant."""
    found = [walk.value(a) for a in node.args]
    signals = [f for f in found if isinstance(f, Signal)]
    if name_of(node) in ("truediv", "div") and not isinstance(next(iter(found), None), Signal):
        return False
    return len(signals) == 1 and len(found) == 2


def _cast(walk: Walk, node: fx.Node) -> Value:
    """``to`` and ``type_as``: another signal only says which type and device is meant."""
    source = node.args[0]
    found = walk.value(source)
    if not isinstance(found, Const):
        return _emit(walk, node, found if isinstance(found, Extent) else walk.signal(node, source))
    asked = [*node.args[1:], *node.kwargs.values()]
    kinds = [a for a in asked if isinstance(a, torch.dtype)]
    if any(isinstance(walk.value(a), Signal) or _is_type(a) for a in asked):
        weights = [p.dtype for p in walk.network.parameters() if p.is_floating_point()]
        kinds = weights[:1] or [torch.get_default_dtype()]  # what signals are computed in
    return Const(found.value.to(*kinds[:1]) if kinds else found.value)


def _is_type(argument: Any) -> bool:
    return isinstance(argument, fx.Node) and argument.args[1:] == ("dtype",)


def _extremum(walk: Walk, node: fx.Node, input: fx.Node, other: Any = None, **_: Any) -> Signal:
    """``max`` and ``min`` of two tensors; those along an axis are called amax and amin."""
    if not isinstance(other, fx.Node):
        raise walk.refusal(
            node,
            "it is taken over all of time, or gives positions too",
            f"take a{name_of(node)} over channels: x.a{name_of(node)}(1)",
        )
    return walk.pointwise(node)


def _dropout(
    walk: Walk, node: fx.Node, input: fx.Node, p: float = 0.5, training: bool = True, *_: Any,
    **__: Any,
) -> Signal:  # fmt: skip
    if training:
        raise walk.refusal(node, "it is in training mode", "call network.eval() first")
    signal = walk.signal(node, input)
    walk.nodes[node] = walk.nodes[input]
    return signal


def _reduce(walk: Walk, node: fx.Node, name: str) -> Signal:
    """Statistics over an axis that is not time."""
    arguments = list(node.args)
    signal = walk.signal(node, arguments[0])
    first = 2 if name in ("norm", "normalize", "linalg_vector_norm") else 1
    axis = node.kwargs.get("dim", arguments[first] if len(arguments) > first else None)
    if axis is None:
        axis = AXIS_BY_DEFAULT.get(name)
    axes = [] if axis is None else [axis] if isinstance(axis, int) else list(axis)  # type: ignore[arg-type]
    if not axes or any(not isinstance(a, int) or a % signal.rank == signal.axis for a in axes):
        if name in ("cumsum", "cumprod"):
            raise walk.refusal(node, *refusals.reason(name))
        raise walk.refusal(
            node,
            "it is taken over all of time",
            "take it over channels (dim=1), or over a fixed window with AvgPool1d",
        )
    _scriptable(node, name)
    result = walk.pointwise(node)
    last = arguments[first + 1] if len(arguments) > first + 1 else False
    keep = name in KEEPS_SHAPE or node.kwargs.get("keepdim", last) is True
    if name in ("std", "var") and "keepdim" not in node.kwargs and len(arguments) > 2:
        raise walk.refusal(node, "its arguments are ambiguous", "name them: dim=, keepdim=")
    if keep:
        return result
    gone = {a % signal.rank for a in axes}
    axis = result.axis - sum(a < result.axis for a in gone)
    return result.moved(rank=result.rank - len(gone), axis=axis)


def _scriptable(node: fx.Node, name: str) -> None:
    """Write the order of a norm as TorchScript wants it: a number, and for `normalize` a float."""
    order = node.args[1] if len(node.args) > 1 else node.kwargs.get("p", 2.0)
    if name in ("norm", "normalize"):
        order = 2.0 if order in (None, "fro") else float(order)  # type: ignore[arg-type]
        node.kwargs = {**node.kwargs, "p": order}
        if len(node.args) > 1:
            node.args = (node.args[0], order, *node.args[2:])
            node.kwargs = {k: v for k, v in node.kwargs.items() if k != "p"}


# -- lengths -----------------------------------------------------------------------------------


def _lengths_only(walk: Walk, node: fx.Node) -> bool:
    found = [walk.value(a) for a in node.args]
    return any(isinstance(f, Extent) for f in found) and all(
        isinstance(f, Extent | Const) for f in found
    )


def _length_arithmetic(walk: Walk, node: fx.Node) -> Value:
    found = [walk.value(a) for a in node.args]
    if any(isinstance(v, Extent) and v.time is not None for v in found):
        return _frames(walk, node, found)
    walk.nodes[node] = walk.graph.create_node(
        node.op,
        node.target,
        fx.map_arg(node.args, walk.operand),
        fx.map_arg(node.kwargs, walk.operand),
    )
    return Extent()


def _frames(walk: Walk, node: fx.Node, found: list[Value]) -> Value:
    """Sums of numbers of frames, which crops are made with: no length has to be known for them."""
    name = name_of(node)
    signs = {"neg": (-1,), "add": (1, 1), "sub": (1, -1)}.get(name, ())
    parts: list[Extent] = []
    plus = 0
    for sign, value in zip(signs, found, strict=False):
        if isinstance(value, Extent):
            parts.append(Extent(value.time, sign * value.sign, 0))
            plus += sign * value.plus
        elif isinstance(value, Const) and isinstance(value.value, int):
            plus += sign * value.value
        else:
            raise walk.refusal(node, *LENGTH)
    if len(parts) == 1:
        return Extent(parts[0].time, parts[0].sign, plus)
    if len(parts) == 2 and parts[0].sign != parts[1].sign:
        one, other = parts[0].time, parts[1].time
        if one and other and one.ratio == other.ratio:
            more = walk.lengths.gap(one.length, other.length)
            if more is not None:
                return Const(parts[0].sign * more + plus)
    raise walk.refusal(node, *LENGTH)


def _getattr(walk: Walk, node: fx.Node, value: fx.Node, name: str) -> Value:
    signal = walk.signal(node, value)
    if name == "shape":
        return ShapeOf(signal)
    if name in ("dtype", "device"):
        walk.nodes[node] = walk.graph.call_function(getattr, (walk.nodes[value], name))
        return Extent()
    raise walk.refusal(node, f"it reads the attribute {name!r} of a signal", "do without")


def _size(walk: Walk, node: fx.Node, input: fx.Node, dim: int | None = None) -> Value:
    signal = walk.signal(node, input)
    return ShapeOf(signal) if dim is None else extent(walk, node, signal, input, dim)


def extent(walk: Walk, node: fx.Node, signal: Signal, source: fx.Node, axis: int) -> Extent:
    """The length of one axis of a signal."""
    walk.nodes[node] = walk.graph.call_method("size", (walk.nodes[source], axis))
    return Extent(signal if axis % signal.rank == signal.axis else None)


def _getitem(walk: Walk, node: fx.Node, value: fx.Node, index: Any) -> Value:
    found = walk.value(value)
    if isinstance(found, ShapeOf):
        if not isinstance(index, int):
            raise walk.refusal(node, *LENGTH)
        return extent(walk, node, found.signal, value.args[0], index)  # type: ignore[arg-type]
    return slices.getitem(walk, node, value, index)


# -- axes --------------------------------------------------------------------------------------


def _emit(walk: Walk, node: fx.Node, signal: S) -> S:
    walk.nodes[node] = walk.graph.create_node(
        node.op,
        node.target,
        fx.map_arg(node.args, walk.operand),
        fx.map_arg(node.kwargs, walk.operand),
    )
    return signal


def _transpose(walk: Walk, node: fx.Node, input: fx.Node, dim0: int, dim1: int) -> Signal:
    signal = walk.signal(node, input)
    a, b = dim0 % signal.rank, dim1 % signal.rank
    return _emit(walk, node, signal.moved(axis={a: b, b: a}.get(signal.axis, signal.axis)))


def _permute(walk: Walk, node: fx.Node, input: fx.Node, *axes: Any, dims: Any = ()) -> Signal:
    signal = walk.signal(node, input)
    dims = axes or dims
    order = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    return _emit(walk, node, signal.moved(axis=[d % signal.rank for d in order].index(signal.axis)))


def _unsqueeze(walk: Walk, node: fx.Node, input: fx.Node, dim: int) -> Signal:
    signal = walk.signal(node, input)
    at = dim % (signal.rank + 1)
    shifted = signal.moved(rank=signal.rank + 1, axis=signal.axis + (at <= signal.axis))
    return _emit(walk, node, shifted)


def _squeeze(walk: Walk, node: fx.Node, input: fx.Node, dim: int | None = None) -> Signal:
    signal = walk.signal(node, input)
    if dim is None or dim % signal.rank == signal.axis:
        raise walk.refusal(
            node, "it may remove the time axis", "name the axis to remove, not time: squeeze(1)"
        )
    at = dim % signal.rank
    return _emit(
        walk, node, signal.moved(rank=signal.rank - 1, axis=signal.axis - (at < signal.axis))
    )


def _reshape(walk: Walk, node: fx.Node, input: fx.Node, *shape: Any) -> Signal:
    """Allowed when time is the last axis and stays so: the new last size is its own length."""
    signal = walk.signal(node, input)
    sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    last = walk.value(sizes[-1])
    same = isinstance(last, Extent) and last.time is not None and last.time.ratio == signal.ratio
    same = same and last == Extent(last.time)  # type: ignore[union-attr]
    others = [walk.value(s) for s in sizes[:-1]]
    if (
        signal.from_end != -1
        or not same
        or any(isinstance(o, Extent) and o.time is not None for o in others)
    ):
        raise walk.refusal(
            node,
            "it may mix time with other axes",
            "keep time last and give its own length as the last size: "
            "x.reshape(batch, groups, -1, x.shape[-1])",
        )
    if name_of(node) == "view":  # in the stream, the signal may lie in memory in another order
        node.target = "reshape"
    return _emit(walk, node, signal.moved(rank=len(sizes), axis=len(sizes) - 1))


def _expand(walk: Walk, node: fx.Node, input: fx.Node, *sizes: Any) -> Signal:
    signal = walk.signal(node, input)
    shape = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    if len(shape) != signal.rank or shape[signal.axis] != -1:
        raise walk.refusal(node, "it may stretch time", "give -1 for the time axis")
    return _emit(walk, node, signal)


def _unflatten(walk: Walk, node: fx.Node, input: fx.Node, dim: int, sizes: Any) -> Signal:
    signal = walk.signal(node, input)
    if dim % signal.rank == signal.axis:
        raise walk.refusal(node, "it splits the time axis", "split channels only")
    more = len(sizes) - 1
    before = dim % signal.rank < signal.axis
    return _emit(
        walk, node, signal.moved(rank=signal.rank + more, axis=signal.axis + more * before)
    )


def _flatten(
    walk: Walk, node: fx.Node, input: fx.Node, start_dim: int = 0, end_dim: int = -1
) -> Signal:
    signal = walk.signal(node, input)
    a, b = start_dim % signal.rank, end_dim % signal.rank
    if a <= signal.axis <= b and a != b:
        raise walk.refusal(node, *refusals.reason("flatten"))
    fewer = b - a
    return _emit(
        walk,
        node,
        signal.moved(rank=signal.rank - fewer, axis=signal.axis - fewer * (b < signal.axis)),
    )


def _flip(walk: Walk, node: fx.Node, input: fx.Node, *axes: Any, dims: Any = ()) -> Signal:
    signal = walk.signal(node, input)
    dims = axes or dims
    axes = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    if any(a % signal.rank == signal.axis for a in axes):
        raise walk.refusal(node, *refusals.reason("flip"))
    return _emit(walk, node, signal)


def _cat(walk: Walk, node: fx.Node, tensors: Any, dim: int = 0) -> Signal:
    if not isinstance(tensors, tuple | list):
        raise walk.refusal(node, *refusals.UNKNOWN)
    signals = [v for v in map(walk.value, tensors) if isinstance(v, Signal)]
    if signals and dim % signals[0].rank == signals[0].axis:
        raise walk.refusal(
            node,
            "it joins signals one after the other in time",
            "join channels (dim=1); for padding use F.pad",
        )
    if len(signals) != len(tensors):
        raise walk.refusal(
            node,
            "it joins a signal with a constant, whose length would have to be the block's",
            "add the constant's part as a bias, or give the module a streaming rule",
        )
    return walk.pointwise(node)


def _stack(walk: Walk, node: fx.Node, tensors: Any, dim: int = 0) -> Signal:
    if not isinstance(tensors, tuple | list):
        raise walk.refusal(node, *refusals.UNKNOWN)
    signal = walk.pointwise(node)
    at = dim % (signal.rank + 1)
    return signal.moved(rank=signal.rank + 1, axis=signal.axis + (at <= signal.axis))


HANDLERS: dict[str, Callable[..., Value]] = {
    "getattr": _getattr, "size": _size, "getitem": _getitem, "transpose": _transpose,
    "swapaxes": _transpose, "permute": _permute, "unsqueeze": _unsqueeze, "squeeze": _squeeze,
    "reshape": _reshape, "view": _reshape, "expand": _expand, "unflatten": _unflatten,
    "flatten": _flatten, "flip": _flip, "cat": _cat, "concat": _cat, "concatenate": _cat,
    "stack": _stack, "chunk": slices.chunk, "split": slices.split, "unbind": slices.unbind,
    "tensor_split": slices.chunk, "narrow": slices.narrow, "select": slices.select,
    "matmul": functional.matmul, "linear": functional.linear, "conv1d": functional.conv1d,
    "conv_transpose1d": functional.conv_transpose1d, "max_pool1d": functional.max_pool1d,
    "avg_pool1d": functional.avg_pool1d, "boolean_dispatch": functional.max_pool1d,
    "interpolate": functional.interpolate, "pad": functional.pad,
    "batch_norm": functional.batch_norm, "layer_norm": functional.frame_norm,
    "rms_norm": functional.frame_norm, "max": _extremum, "min": _extremum,
}  # fmt: skip
