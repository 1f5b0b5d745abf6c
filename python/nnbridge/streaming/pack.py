# SPDX-License-Identifier: MIT
"""`pack`: a streaming network made ready for the stage. The same samples, up to rounding, faster.

- Convolutions become products of matrices on [batch, time, channels] (see `packed.py`), with their
  weights stored in the order in which they are read.
- A batch norm behind a convolution becomes part of its weights.

What is left of other layers streams as before.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor, fx, nn

from . import functions, modules
from .layers import StreamConv1d, StreamConvTranspose1d, StreamDelay
from .network import Streaming
from .packed import PackedConv1d, PackedDelay, PackedGroupedConv1d
from .timing import Signal

# a group is one product; with more groups than this torch's own convolution is faster
MOST_GROUPS = 8
# kernels that overlap much and make little (band splits): some frames of output at once cost a few
# products with zero more, and a quarter of the copies
LONG_KERNEL = 16  # strides
FEW_OUTPUTS = 32
AT_ONCE = 4

PACKED = (PackedConv1d, PackedGroupedConv1d, PackedDelay)
# layers of one frame that know which axis has the channels
CHANNELWISE = (nn.PReLU,)


def pack(stream: Streaming) -> Streaming:
    """A faster copy of a streaming network, at the start of its stream.

    Its weights are copies in an order of their own: a later change of the network is not heard,
    unlike in what `convert` returns. It is what should be exported.

    Args:
        stream: what `convert` returned; it stays as it is.
    """
    old = stream.net
    assert isinstance(old, fx.GraphModule)
    if any(isinstance(state, PACKED) for state in old.states):  # type: ignore[union-attr]
        again = copy.deepcopy(stream)
        again.reset()
        return again
    graph = fx.Graph()
    graph.output(graph.graph_copy(old.graph, {}))
    norms = _fold_norms(graph, old)
    root = nn.Module()
    states = nn.ModuleList()
    root.add_module("states", states)
    signals = dict(stream._ends)
    for index, layer in enumerate(old.states):  # type: ignore[arg-type]
        norm = norms.get(f"states.{index}")
        states.append(_counterpart(layer, norm, signals[index], stream.block))
    for node in graph.nodes:
        name = str(node.target)
        if node.op == "call_module" and not name.startswith("states."):
            root.add_module(name, copy.deepcopy(old.get_submodule(name)))
        elif node.op == "get_attr":
            root.register_buffer(name, getattr(old, name))
    _turn(graph, root)
    net = fx.GraphModule(root, graph)
    net.states = states
    made = Streaming(
        net.eval(), stream.block, list(stream._outputs), stream._lengths, list(stream._ends),
        stream.random,
    )  # fmt: skip
    made.reset()
    return made.eval()


def _fold_norms(graph: fx.Graph, old: fx.GraphModule) -> dict[str, nn.BatchNorm1d]:
    """Take batch norms out of the graph that follow a convolution: by the convolution's name."""
    found: dict[str, nn.BatchNorm1d] = {}
    for node in list(graph.nodes):
        if node.op != "call_module":
            continue
        layer = old.get_submodule(str(node.target))
        source: Any = node.args[0]
        if not isinstance(layer, nn.BatchNorm1d) or source.op != "call_module":
            continue
        before = old.get_submodule(str(source.target))
        if isinstance(before, StreamConv1d | StreamConvTranspose1d) and len(source.users) == 1:
            found[str(source.target)] = layer
            node.replace_all_uses_with(source)
            graph.erase_node(node)
    return found


def _turn(graph: fx.Graph, root: nn.Module) -> None:
    """Write the transpositions around packed layers, and take out those that undo each other.

    An operation of one frame does not mind in which order the axes are: it is moved in front of
    the transpositions of its operands, so that one is left, behind it.
    """
    turned: dict[fx.Node, fx.Node] = {}  # a transposition, and what it transposes

    def turn_back(node: fx.Node) -> None:
        with graph.inserting_after(node):
            back = graph.call_method("transpose", (node, 1, 2))
        node.replace_all_uses_with(back, delete_user_cb=lambda user: user is not back)
        turned[back] = node

    for node in list(graph.nodes):
        if node.op == "call_module" and isinstance(root.get_submodule(str(node.target)), PACKED):
            source: Any = node.args[0]
            if source not in turned:
                with graph.inserting_before(node):
                    turned_source = graph.call_method("transpose", (source, 1, 2))
            node.args = (turned.get(source) or turned_source,)
            turn_back(node)
        elif _pointwise(node, root) and turned.keys() >= set(node.all_input_nodes):
            node.args = fx.map_arg(node.args, lambda source: turned[source])
            node.kwargs = fx.map_arg(node.kwargs, lambda source: turned[source])
            turn_back(node)
    for node in reversed(list(graph.nodes)):
        if node.op == "call_method" and not node.users:
            graph.erase_node(node)


def _pointwise(node: fx.Node, root: nn.Module) -> bool:
    if node.op == "call_module":
        layer = root.get_submodule(str(node.target))
        return isinstance(layer, modules.KEEPS_ZERO + modules.POINTWISE) and not isinstance(
            layer, CHANNELWISE
        )
    if node.op not in ("call_function", "call_method"):
        return False
    name = functions.name_of(node)
    return name != "prelu" and name in functions.KEEPS_ZERO | functions.POINTWISE


def _counterpart(layer: Any, norm: nn.BatchNorm1d | None, signal: Signal, block: int) -> nn.Module:
    frames = int(block / signal.ratio)  # that a block brings
    if isinstance(layer, StreamConv1d):
        return _conv(layer, *_folded(layer.weight, layer.bias, 0, layer.groups, norm), frames)
    if isinstance(layer, StreamConvTranspose1d):
        bias = None if layer.bias is None else layer.bias[:, 0]
        folded = _folded(layer.weight, bias, 1, layer.groups, norm)
        return _conv_transpose(layer, *folded, frames)
    if isinstance(layer, StreamDelay) and signal.rank == 3 and signal.from_end == -1:
        return PackedDelay(layer.keep, layer.start, layer.fill)
    kept: nn.Module = copy.deepcopy(layer)
    return kept


def _folded(
    weight: Tensor, bias: Tensor | None, axis: int, groups: int, norm: nn.BatchNorm1d | None
) -> tuple[Tensor, Tensor | None]:
    """The weight and bias of a convolution with the batch norm behind it in them.

    ``norm(y) = y a + b`` with ``a = gamma / sqrt(variance + epsilon)``, ``b = beta - mean a``.
    """
    if norm is None:
        return weight, bias
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    scale = (variance.double() + norm.eps).rsqrt()
    if norm.affine:
        scale = scale * norm.weight.double()
    shift = -mean.double() if bias is None else bias.double() - mean.double()
    shift = shift * scale
    if norm.affine:
        shift = shift + norm.bias.double()
    if axis == 1:  # transposed: [inputs, outputs of a group, taps], a group's inputs together
        split = weight.double().reshape(groups, -1, *weight.shape[1:])
        scaled = (split * scale.reshape(groups, 1, -1, 1)).reshape(weight.shape)
    else:
        scaled = weight.double() * scale[:, None, None]
    return scaled.to(weight.dtype), shift.to(weight.dtype)


def _conv(layer: StreamConv1d, weight: Tensor, bias: Tensor | None, frames: int) -> nn.Module:
    stride, groups = layer.stride, layer.groups
    keep = layer.keep - layer.skip
    if groups > MOST_GROUPS:
        return StreamConv1d(
            weight, bias, stride, layer.dilation, groups, keep, layer.start, layer.trim
        )
    split = weight.reshape(groups, -1, *weight.shape[1:]).transpose(2, 3)
    if bias is not None:
        bias = bias.reshape(groups, -1)
    shape = _Shape(stride, layer.dilation, 1, keep, layer.start, layer.trim)
    return _packed(split, bias, shape, frames // stride)


def _conv_transpose(
    layer: StreamConvTranspose1d, weight: Tensor, bias: Tensor | None, frames: int
) -> nn.Module:
    up, groups = layer.stride, layer.groups
    if groups > MOST_GROUPS or layer.dilation > 1:
        return StreamConvTranspose1d(weight, bias, up, layer.dilation, groups, layer.start)
    inputs, outputs, kernel = weight.shape
    taps = -(-kernel // up)
    weight = F.pad(weight, (0, taps * up - kernel))
    split = weight.reshape(groups, inputs // groups, outputs, taps, up)
    # the newest frame is the window's last, and meets the kernel's first taps
    split = split.flip(3).permute(0, 4, 2, 3, 1).flatten(1, 2)
    if bias is not None:
        bias = bias.reshape(groups, 1, outputs).expand(groups, up, outputs).flatten(1)
    return _packed(split, bias, _Shape(1, 1, up, taps - 1, layer.start, 0), frames)


class _Shape(NamedTuple):
    """What a packed convolution is built with, behind its weight and bias."""

    stride: int
    dilation: int
    up: int
    keep: int
    start: int
    trim: int


def _packed(weight: Tensor, bias: Tensor | None, shape: _Shape, windows: int) -> nn.Module:
    """The layer for [groups, outputs, taps, inputs], which has `windows` windows in a block."""
    groups, outputs, taps, inputs = weight.shape
    if (
        shape.dilation == 1
        and taps >= LONG_KERNEL * shape.stride
        and outputs <= FEW_OUTPUTS
        and windows % AT_ONCE == 0
    ):
        wide = weight.new_zeros(
            groups, AT_ONCE, outputs, taps + (AT_ONCE - 1) * shape.stride, inputs
        )
        for frame in range(AT_ONCE):
            first = frame * shape.stride
            wide[:, frame, :, first : first + taps] = weight
        weight = wide.flatten(1, 2)
        bias = None if bias is None else bias.repeat(1, AT_ONCE)
        shape = shape._replace(stride=shape.stride * AT_ONCE, up=shape.up * AT_ONCE)
    if groups == 1:
        return PackedConv1d(weight[0], None if bias is None else bias[0], *shape)
    return PackedGroupedConv1d(weight, bias, *shape)
