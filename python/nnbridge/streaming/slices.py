# SPDX-License-Identifier: MIT
"""Slices, chunks and picks. Along channels they are pointwise; along time they are crops."""

from __future__ import annotations

from typing import Any

from torch import fx

from . import windows
from .timing import Signal
from .walk import LENGTH, MANY, Const, Extent, Several, Value, Walk, WithState


def getitem(walk: Walk, node: fx.Node, value: fx.Node, index: Any) -> Value:
    """``value[index]`` for chunks, recurrent outputs, signals."""
    found = walk.value(value)
    if isinstance(found, WithState):
        if index != 0:
            raise walk.refusal(
                node, "it reads the layer's last state, which a stream never reaches",
                "use the layer's output only",
            )  # fmt: skip
        walk.nodes[node] = walk.nodes[value]
        return found.signal
    if isinstance(found, Several):
        if not isinstance(index, int):
            raise walk.refusal(node, "it slices a list of signals", "unpack the list by name")
        walk.nodes[node] = walk.graph.create_node(
            node.op, node.target, (walk.nodes[value], index), {}
        )
        part: Value = found.values[index]
        return part
    if not isinstance(found, Signal):
        raise walk.refusal(node, "it indexes something that is not a signal", "do without")
    return _slice(walk, node, value, found, index if isinstance(index, tuple) else (index,))


def _slice(walk: Walk, node: fx.Node, value: fx.Node, signal: Signal, index: Any) -> Signal:
    axes = [i for i in index if i is not None and i is not Ellipsis]
    if any(not isinstance(i, int | slice) for i in axes):
        raise walk.refusal(node, "it indexes with a tensor or a list", "use slices")
    full = slice(None, None, None)
    spread: list[Any] = []  # one entry per old axis, None for new ones
    if Ellipsis not in index:
        index = (*index, Ellipsis)
    for item in index:
        spread.extend([full] * (signal.rank - len(axes)) if item is Ellipsis else [item])
    old = -1
    rank, axis, time_slice = 0, 0, full
    for item in spread:
        old += item is not None
        if item is not None and old == signal.axis:
            if isinstance(item, int):
                raise walk.refusal(
                    node, "it picks one frame of all time", "use the whole signal, or a stride"
                )
            axis, time_slice = rank, item
        rank += item is None or isinstance(item, slice)
    crop = time_slice != full
    source_signal, source = (signal, walk.nodes[value])
    if crop:
        source_signal, source = _crop(walk, node, value, signal, time_slice)
        spread = [full if item is time_slice else item for item in spread]
    if all(item == full for item in spread):
        walk.nodes[node] = source
        return source_signal
    index = tuple(_bounds(walk, node, item) for item in spread)
    walk.nodes[node] = walk.graph.create_node(node.op, node.target, (source, index), {})
    return source_signal.moved(rank=rank, axis=axis)


def _bounds(walk: Walk, node: fx.Node, item: Any) -> Any:
    """A slice along channels as the new graph has it; its ends may be sizes of channels."""
    ends = (item.start, item.stop, item.step) if isinstance(item, slice) else ()
    if any(isinstance(v := walk.value(end), Extent) and v.time is not None for end in ends):
        raise walk.refusal(node, *LENGTH)
    return slice(*map(walk.operand, ends)) if ends else item


def _crop(
    walk: Walk, node: fx.Node, value: fx.Node, signal: Signal, part: slice
) -> tuple[Signal, fx.Node]:
    """``x[..., start:stop:step]``: the first frames dropped, the end cut, every step-th kept."""
    step = 1 if part.step is None else part.step
    start, stop = _end(walk, part.start), _end(walk, part.stop)
    cut = 0
    length: int | None = None
    for end in (start, stop):
        if isinstance(end, Extent) and end.time and end.time.ratio != signal.ratio:
            raise walk.refusal(node, "it cuts to the length of a signal of another rate",
                               "cut to a signal of the same rate")  # fmt: skip
    if isinstance(start, Extent) and start.time and start.sign < 0:
        # counted from the end, as many frames as another signal has
        more = walk.lengths.gap(signal.length, start.time.length)
        start = -1 if more is None else max(0, more + start.plus)
    start = 0 if start is None else start
    if isinstance(stop, Extent) and stop.time and stop.sign > 0:
        more = walk.lengths.gap(signal.length, stop.time.length)
        if more is None:  # the author knows that it is no longer
            length = walk.lengths.add(stop.time.length, 1, stop.plus, 1)
        else:
            cut = min(0, stop.plus - more)
        stop = None
    if stop is not None:
        if not isinstance(stop, int) or stop >= 0:
            raise walk.refusal(
                node,
                "it keeps a fixed number of frames of a signal that has no end",
                "cut from the end with a negative index, or to another signal's length",
            )
        cut = stop
    if not isinstance(start, int) or start < 0 or not isinstance(step, int) or step < 1:
        raise walk.refusal(
            node,
            "where it starts depends on the length of the signal",
            "start at a fixed frame, counted from the first",
        )
    signal, source = walk.solid(node, value)
    own = walk.lengths.add(signal.length, 1, cut - start, 1)
    if length is not None:
        own = walk.lengths.add(length, 1, -start, 1)
    result = signal.moved(delay=signal.delay + start, length=own)
    if step > 1:
        walk.nodes[node], walk.values[node] = source, result
        result = windows.pick(walk, node, node, step)
        source = walk.nodes[node]
    return result, source


def _end(walk: Walk, end: Any) -> Any:
    found = walk.value(end)
    return found.value if isinstance(found, Const) else found


def _pieces(walk: Walk, node: fx.Node, value: fx.Node, dim: int) -> Signal:
    signal = walk.signal(node, value)
    if dim % signal.rank == signal.axis:
        raise walk.refusal(
            node, "it cuts time into pieces", "cut channels (dim=1), or use slices from a frame on"
        )
    walk.nodes[node] = walk.graph.create_node(
        node.op,
        node.target,
        fx.map_arg(node.args, walk.operand),
        fx.map_arg(node.kwargs, walk.operand),
    )
    return signal


def chunk(walk: Walk, node: fx.Node, input: fx.Node, chunks: Any, dim: int = 0) -> Several:
    """Equal pieces along an axis that is not time."""
    signal = _pieces(walk, node, input, dim)
    count = chunks if isinstance(chunks, int) else MANY
    count = len(chunks) + 1 if isinstance(chunks, tuple | list) else count
    return Several((signal,) * count)


def split(
    walk: Walk, node: fx.Node, tensor: fx.Node, split_size_or_sections: Any, dim: int = 0
) -> Several:
    """Pieces of given sizes along an axis that is not time."""
    signal = _pieces(walk, node, tensor, dim)
    sections = split_size_or_sections
    # of a size, not of sizes: how many there are, only the unpacking in forward tells
    count = len(sections) if isinstance(sections, tuple | list) else MANY
    return Several((signal,) * count)


def unbind(walk: Walk, node: fx.Node, input: fx.Node, dim: int = 0) -> Several:
    """One piece per entry of an axis that is not time; the axis goes."""
    signal = _pieces(walk, node, input, dim)
    less = int(dim % signal.rank < signal.axis)
    return Several((signal.moved(rank=signal.rank - 1, axis=signal.axis - less),) * MANY)


def narrow(walk: Walk, node: fx.Node, input: fx.Node, dim: int, start: Any, length: Any) -> Signal:
    """``narrow`` along an axis that is not time."""
    signal = _pieces(walk, node, input, dim)
    walk.constant(node, start, "its start")
    return signal


def select(walk: Walk, node: fx.Node, input: fx.Node, dim: int, index: Any) -> Signal:
    """One entry of an axis that is not time."""
    signal = _pieces(walk, node, input, dim)
    less = int(dim % signal.rank < signal.axis)
    return signal.moved(rank=signal.rank - 1, axis=signal.axis - less)
