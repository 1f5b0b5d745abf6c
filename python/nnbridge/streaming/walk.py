# SPDX-License-Identifier: MIT
"""Walks the traced graph once, in order, and writes the streaming graph beside it.

For every node a handler (see `modules.py` and `functions.py`) says what comes out: a `Signal` and
the node that makes it in the new graph. The walk owns what handlers share: aligning the operands
of a merge (thesis, equation 5.3), writing a padding into the stream, placing modules and constants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, fx, nn

from . import trace
from .errors import NotStreamable
from .layers import StreamDelay
from .timing import Lengths, Signal

LENGTH = (
    "it computes with the length of the signal, and a stream has none",
    "give the module a streaming rule, or do without the length",
)


@dataclass(frozen=True)
class Const:
    """A value that does not depend on the input."""

    value: Any


@dataclass(frozen=True)
class Extent:
    """A size: of another axis than time (`time` is None), or a signal's: sign * frames + plus."""

    time: Signal | None = None
    sign: int = 1
    plus: int = 0


@dataclass(frozen=True)
class ShapeOf:
    """The shape of a signal, not yet indexed."""

    signal: Signal


MANY = 4096  # pieces, where only the author's unpacking tells how many there are


@dataclass(frozen=True)
class Several:
    """A list or tuple of values (chunks of a signal)."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class WithState:
    """What a recurrent layer returns: its output, and a state nobody may read."""

    signal: Signal


Value = Signal | Const | Extent | ShapeOf | Several | WithState
Handler = Callable[..., Value | None]


class Walk:
    """The state of one conversion.

    Args:
        network: the trained network.
        early: use the shortest exact delays (see `timing.windowed_delay`).
        edges: ``"exact"``, or ``"zero"`` to treat reflected and circular padding as zeros.
    """

    def __init__(self, network: nn.Module, early: bool, edges: str) -> None:
        self.network = network
        self.early = early
        self.edges = edges
        self.graph = fx.Graph()
        self.root = nn.Module()
        self.states = nn.ModuleList()
        self.root.add_module("states", self.states)
        self.lengths = Lengths()
        self.ratios: set[Fraction] = set()
        self.values: dict[fx.Node, Value] = {}
        self.nodes: dict[fx.Node, fx.Node] = {}
        self.ends: list[tuple[int, Signal]] = []  # (index in states, signal it reads)
        self.random = False
        self._delayed: dict[tuple[fx.Node, int], fx.Node] = {}
        self._constants = 0

    # -- reading ------------------------------------------------------------------------------

    def value(self, argument: Any) -> Value:
        """What is known of an argument of a node."""
        if isinstance(argument, fx.Node):
            return self.values[argument]
        return Const(argument)

    def signal(self, node: fx.Node, argument: Any, what: str = "its input") -> Signal:
        """The argument, which must be a signal."""
        found = self.value(argument)
        if isinstance(found, WithState):
            raise self.refusal(
                node,
                "it reads the pair that a recurrent layer returns as one value",
                "take its first element: `y, _ = layer(x)`",
            )
        if not isinstance(found, Signal):
            raise self.refusal(
                node,
                f"{what} is not a signal that changes with time",
                "give it a tensor computed from the network's input",
            )
        return found

    def constant(self, node: fx.Node, argument: Any, what: str) -> Any:
        """The argument, which must not depend on the input."""
        found = self.value(argument)
        if not isinstance(found, Const):
            raise self.refusal(
                node, f"{what} depends on the input", "make it a parameter or a buffer"
            )
        return found.value

    def refusal(self, node: fx.Node, why: str, remedy: str) -> NotStreamable:
        """The error that names this node."""
        module = None
        if node.op == "call_module":
            module = self.network.get_submodule(str(node.target))
        return NotStreamable(trace.operation(node, module), trace.where(node), why, remedy)

    # -- writing ------------------------------------------------------------------------------

    def place(self, name: str, module: nn.Module, *inputs: fx.Node) -> fx.Node:
        """Add a module without state and call it."""
        name = name.replace(".", "_") or "module"
        while hasattr(self.root, name):
            name += "_"
        self.root.add_module(name, module)
        return self.graph.call_module(name, inputs)

    def place_state(self, module: nn.Module, signal: Signal, source: fx.Node) -> fx.Node:
        """Add a module with state, which reads `signal` from `source`, and call it."""
        self.ends.append((len(self.states), signal))
        self.states.append(module)
        return self.graph.call_module(f"states.{len(self.states) - 1}", (source,))

    def operand(self, argument: Any) -> Any:
        """An argument as the new graph has it."""
        if not isinstance(argument, fx.Node):
            return argument
        found = self.values[argument]
        if not isinstance(found, Const):
            return self.nodes[argument]
        if not isinstance(found.value, Tensor):
            return found.value
        if argument not in self.nodes:
            name = f"constant_{self._constants}"
            self._constants += 1
            self.root.register_buffer(name, found.value.detach())
            self.nodes[argument] = self.graph.get_attr(name)
        return self.nodes[argument]

    def delayed(self, source: fx.Node, signal: Signal, frames: int) -> fx.Node:
        """`source`, `frames` frames later."""
        if frames == 0:
            return source
        if (source, frames) not in self._delayed:
            delay = StreamDelay(frames, axis=signal.from_end, rows=1 if signal.axis == 0 else 0)
            self._delayed[source, frames] = self.place_state(delay, signal, source)
        return self._delayed[source, frames]

    def solid(self, node: fx.Node, argument: fx.Node, fill: float = 0.0) -> tuple[Signal, fx.Node]:
        """A signal and its node, with any padding that still waits written into the stream."""
        signal = self.signal(node, argument)
        source = self.nodes[argument]
        if not signal.padded:
            return signal, source
        return self.write_padding(signal, source, fill)

    def write_padding(self, signal: Signal, source: fx.Node, fill: float) -> tuple[Signal, fx.Node]:
        """Delay a padded signal until its padding fits in front, and overwrite it there."""
        frames = max(0, -signal.delay)
        module = StreamDelay(
            frames,
            start=signal.delay + signal.origin,
            fill=fill,
            axis=signal.from_end,
            rows=1 if signal.axis == 0 else 0,
        )
        source = self.place_state(module, signal, source)
        return signal.moved(delay=signal.delay + frames, origin=0, data=signal.length), source

    # -- merging ------------------------------------------------------------------------------

    def pointwise(
        self,
        node: fx.Node,
        keeps_zero: bool = False,
        module: nn.Module | None = None,
        broadcast: bool = True,
    ) -> Signal:
        """An operation that treats every frame alike: align its operands, then apply it.

        Equation 5.3 of the thesis: operand i is delayed by the largest delay minus its own.

        Args:
            node: the operation; its target is used as it is, or `module` in its place.
            keeps_zero: it makes zero of zero, so that waiting padding may pass through.
            module: the counterpart of a layer, where the node calls one.
            broadcast: its constants are spread over the signal, so they must not vary in time.
        """
        arguments: list[fx.Node] = []
        fx.map_arg((node.args, node.kwargs), arguments.append)
        sources = [a for a in dict.fromkeys(arguments) if isinstance(self.values[a], Signal)]
        for argument in arguments:
            found = self.values[argument]
            if isinstance(found, Extent) and found.time is not None:
                raise self.refusal(node, *LENGTH)
            if isinstance(found, WithState | Several | ShapeOf):
                self.signal(node, argument)
        new: dict[fx.Node, Any] = {a: self.operand(a) for a in arguments}
        signals = {a: self.signal(node, a) for a in sources}
        if not (keeps_zero and len(sources) == 1):
            for argument in sources:
                signals[argument], new[argument] = self.solid(node, argument)
        result = self._merged(node, list(signals.values()))
        for argument in arguments:
            found = self.values[argument]
            if broadcast and isinstance(found, Const) and trace.is_tensor(found.value):
                self._check_constant(node, found.value, result)
        for argument in sources:
            late = result.delay - signals[argument].delay
            new[argument] = self.delayed(new[argument], signals[argument], late)
        if module is not None:
            self.nodes[node] = self.place(str(node.target), module, *new.values())
        else:
            self.nodes[node] = self.graph.create_node(
                node.op,
                node.target,
                fx.map_arg(node.args, lambda a: new[a]),
                fx.map_arg(node.kwargs, lambda a: new[a]),
            )
        return result

    def _merged(self, node: fx.Node, signals: list[Signal]) -> Signal:
        first = signals[0]
        if any(s.ratio != first.ratio for s in signals):
            rates = " and ".join(str(r) for r in sorted({s.ratio for s in signals}))
            raise self.refusal(
                node,
                f"it merges signals of different rates ({rates} input samples per frame)",
                "bring them to one rate first (interpolation, strides)",
            )
        if any(s.from_end != first.from_end for s in signals):
            raise self.refusal(
                node,
                "it merges signals whose time axes do not lie on each other",
                "transpose one of them",
            )
        widest = max(signals, key=lambda s: s.rank)
        return (
            widest.moved(delay=max(s.delay for s in signals), length=first.length)
            if len(signals) > 1
            else first
        )

    def _check_constant(self, node: fx.Node, value: Tensor, signal: Signal) -> None:
        if value.dim() >= -signal.from_end and value.shape[signal.from_end] != 1:
            raise self.refusal(
                node,
                f"it combines a signal with a constant that has {value.shape[signal.from_end]} "
                "values along time, and a stream has no fixed length",
                "make the constant one frame long, or give the module a streaming rule",
            )

    # -- the walk -----------------------------------------------------------------------------

    def fold(self, node: fx.Node) -> bool:
        """Compute a node that does not depend on the input; False if it does."""
        inputs: list[fx.Node] = []
        fx.map_arg((node.args, node.kwargs), inputs.append)
        if not all(isinstance(self.values[i], Const) for i in inputs):
            return False
        args, kwargs = fx.map_arg(
            (node.args, node.kwargs),
            lambda i: self.values[i].value,  # type: ignore[union-attr]
        )
        drawn = torch.get_rng_state()
        with torch.no_grad():
            if node.op == "get_attr":
                found: Any = self.network
                for name in str(node.target).split("."):
                    found = getattr(found, name)
            elif node.op == "call_module":
                found = self.network.get_submodule(str(node.target))(*args, **kwargs)
            elif node.op == "call_method":
                found = getattr(args[0], str(node.target))(*args[1:], **kwargs)
            else:
                assert callable(node.target)
                found = node.target(*args, **kwargs)
        if not torch.equal(drawn, torch.get_rng_state()):
            torch.set_rng_state(drawn)
            raise self.refusal(node, *trace.DRAWN_ONCE)
        self.values[node] = Const(found)
        return True
