# SPDX-License-Identifier: MIT
"""How a module of the author's own says how it is streamed: one rule, in one place.

Either the module has a method ``streaming_rule(self, delay) -> Rule``, or a function is registered
for its class::

    @streaming.rule(MyNoise)
    def _(module: MyNoise, delay: int) -> streaming.Rule:
        return streaming.Rule(MyNoiseStream(module), delay=delay)

Such a module takes one signal [batch, channels, time] and returns one, and is not looked into.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Rule:
    """How one module is streamed.

    Args:
        module: the streaming counterpart: scriptable, ``forward`` on blocks, and ``reset()`` if it
            keeps anything (`Stateful` is a base that has it). It must treat the first ``delay``
            frames, those before offline time zero, as the offline module treats what lies there.
        delay: frames by which its *output* is late, the incoming delay included.
        ratio: its input frames per output frame (``Fraction(1, 4)`` makes four of one).
        length: offline length (a, b, c): ``(a * T + b) // c``; by default from the ratio.
    """

    module: nn.Module
    delay: int
    ratio: Fraction = Fraction(1)
    length: tuple[int, int, int] | None = None


_rules: dict[type[nn.Module], Callable[[Any, int], Rule]] = {}


def rule(kind: type[M]) -> Callable[[Callable[[M, int], Rule]], Callable[[M, int], Rule]]:
    """Register how modules of class `kind` (and of classes derived from it) are streamed."""

    def keep(function: Callable[[M, int], Rule]) -> Callable[[M, int], Rule]:
        _rules[kind] = function
        return function

    return keep


def find(module: nn.Module) -> Callable[[int], Rule] | None:
    """The rule of this module as a function of the delay of its input, or None."""
    own = getattr(module, "streaming_rule", None)
    if own is not None:
        return own  # type: ignore[no-any-return]
    for kind in type(module).__mro__:
        if kind in _rules:
            function = _rules[kind]
            return lambda delay: function(module, delay)
    return None
