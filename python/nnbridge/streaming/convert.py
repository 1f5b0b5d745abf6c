# SPDX-License-Identifier: MIT
"""`convert`: a trained network in, the same network as a stream out."""

from __future__ import annotations

import math
import operator
from fractions import Fraction
from typing import Any

import torch
from torch import fx, nn

from . import functions, modules, trace, weights
from .errors import NotStreamable
from .network import Streaming
from .timing import Signal
from .walk import MANY, Several, Value, Walk


def convert(
    network: nn.Module, *, early: bool = True, edges: str = "exact", late: int = 0
) -> Streaming:
    """Turn a trained network into an exact streaming one.

    The network takes one signal [batch, channels, time] and returns one or several. It is neither
    changed nor copied: the result shares its weights (computed ones, such as weight
    normalisation's, are folded). Sections 5.1.1 and 5.1.2 of the thesis, equations 5.1 to 5.3.

    Args:
        network: in eval mode.
        early: use the shortest delays that are exact; False gives the thesis's, which are up to
            one output frame longer at each strided layer (see `timing.windowed_delay`).
        edges: ``"exact"``, or ``"zero"`` to accept reflected and circular padding and put zeros in
            its place; then the two ends of a file differ from offline as far as it reaches.
        late: frames by which the input is late already, where another stream gives it. What comes
            before offline time zero is then not part of the signal; all delays include it.

    Returns:
        A scriptable module with ``delay``, ``ratio``, ``block``, ``reset()``.

    Raises:
        NotStreamable: an operation cannot be streamed; says which, where, why, and what to do.
        TypeError: the network is no plain module (a scripted one, or a stream).
    """
    if edges not in ("exact", "zero"):
        raise ValueError(f"edges is 'exact' or 'zero', not {edges!r}")
    if isinstance(network, Streaming | torch.jit.ScriptModule) or not isinstance(
        network, nn.Module
    ):
        raise TypeError(
            f"a {type(network).__name__} cannot be converted: give the torch.nn.Module as it was "
            "trained, not yet scripted and not yet a stream"
        )
    if trace.is_layer(network) or weights.foreign_hooks(network):
        network = nn.Sequential(network)  # so that it is called, not only looked into
    known = set(vars(network))
    try:
        return _convert(network, early, edges, late)
    finally:  # torch.fx leaves tensor literals of forward in the module it follows
        for name in set(vars(network)) - known:
            delattr(network, name)


def _convert(network: nn.Module, early: bool, edges: str, late: int) -> Streaming:
    walk = Walk(network, early, edges)
    walk.lengths.late = late
    result: Any = None
    inputs = 0
    for node in trace.trace(network).nodes:
        if node.op == "placeholder":
            if not node.users and node.args:
                continue  # an optional argument, at its default
            inputs += 1
            if str(node.target).startswith("*"):
                raise NotStreamable(
                    "an open list of arguments",
                    f"'{node.target}', an argument of the network's forward",
                    "a stream has one input signal",
                    "name the argument: forward(self, x)",
                )
            if inputs > 1:
                raise NotStreamable(
                    "a second input",
                    f"'{node.target}', an argument of the network's forward",
                    "a stream has one input signal",
                    "join the inputs as channels of one signal and split them in forward",
                )
            walk.nodes[node] = walk.graph.placeholder("x")
            walk.values[node] = Signal(Fraction(1), late, 3, 2, 0, 0, 0)
        elif node.op == "output":
            result = node.args[0]
        elif not walk.fold(node):
            walk.values[node] = _handle(walk, node)
        found = walk.values.get(node)
        if isinstance(found, Signal):
            walk.ratios.add(found.ratio)
    outputs, returned = _outputs(walk, result)
    walk.graph.output(returned)
    walk.graph.lint()
    net = fx.GraphModule(walk.root, walk.graph)
    net.states = walk.states
    block = math.lcm(*(ratio.numerator for ratio in walk.ratios))
    return Streaming(net.eval(), block, outputs, walk.lengths, walk.ends, walk.random).eval()


def _handle(walk: Walk, node: fx.Node) -> Value:
    try:
        if node.op == "call_module":
            return modules.handle(walk, node)
        return functions.handle(walk, node)
    except NotStreamable:
        raise
    except Exception as error:  # an operation has more forms than its handler knows
        said = (str(error).strip() or repr(error)).splitlines()[0]
        raise walk.refusal(
            node, f"it is called in an unknown way ({said})", "write it plainly"
        ) from error


def _outputs(walk: Walk, result: Any) -> tuple[list[Signal], Any]:
    """The output signals, and the same structure in the new graph."""
    many = isinstance(result, tuple | list)
    items = [(walk.value(i), walk.nodes.get(i)) for i in (result if many else [result])]
    pieces = items[0][0]
    if not many and isinstance(pieces, Several) and len(pieces.values) < MANY:  # x.chunk(2, 1)
        many = True
        items = [
            (piece, walk.graph.call_function(operator.getitem, (items[0][1], i)))
            for i, piece in enumerate(pieces.values)
        ]
    outputs: list[Signal] = []
    returned: list[fx.Node] = []
    for signal, source in items:
        if not isinstance(signal, Signal) or source is None:
            raise NotStreamable(
                "an output",
                "the network's forward",
                "it is not a signal that changes with time",
                "return signals only, as one tensor or a tuple of tensors",
            )
        if signal.padded:
            signal, source = walk.write_padding(signal, source, 0.0)
        outputs.append(signal)
        returned.append(source)
    return outputs, tuple(returned) if many else returned[0]
