# SPDX-License-Identifier: MIT
# mypy: disable-error-code="no-untyped-def"
"""The streaming network: what `convert` returns."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

from .timing import Lengths, Signal


class Streaming(nn.Module):
    """A network that takes a signal block by block and keeps its past. Scriptable.

    ``forward`` takes [batch, channels, time] and returns what the network returns, [batch,
    channels, time / ratio], for any number of frames that is a multiple of ``block``, free to
    change from call to call. Output frame m is offline frame ``m - output_delay``.

    Every batch item is a stream of its own. A call with another batch size begins all streams
    anew, from silence, as `reset` does.
    """

    __jit_unused_properties__ = ("delay", "delays", "ratio", "ratios")
    __constants__ = ("block",)

    def __init__(
        self,
        net: nn.Module,
        block: int,
        outputs: list[Signal],
        lengths: Lengths,
        ends: list[tuple[int, Signal]],
        random: bool,
    ) -> None:
        super().__init__()
        self.net = net
        self.block = block
        #: frames of the (first) output by which it is late
        self.output_delay = outputs[0].delay
        #: input samples per frame of the (first) output, as numerator and denominator
        self.ratio_over = outputs[0].ratio.numerator
        self.ratio_under = outputs[0].ratio.denominator
        #: whether the network draws random numbers, so that no two runs are alike
        self.random = random
        self.batch = -1
        self.seen = 0
        self._outputs = tuple(outputs)
        self._lengths = lengths
        self._ends = tuple(ends)

    @property
    def ratio(self) -> Fraction:
        """Input samples per frame of the (first) output."""
        return self._outputs[0].ratio

    @property
    def delay(self) -> int | Fraction:
        """Delay of the (first) output, in samples of the input; a fraction if it must be."""
        return self.delays[0]

    @property
    def ratios(self) -> tuple[Fraction, ...]:
        """`ratio` of every output."""
        return tuple(o.ratio for o in self._outputs)

    @property
    def delays(self) -> tuple[int | Fraction, ...]:
        """`delay` of every output."""
        exact = [o.delay * o.ratio for o in self._outputs]
        return tuple(int(d) if d.denominator == 1 else d for d in exact)

    def forward(self, x: Tensor):
        """Stream one block [batch, channels, time], time a multiple of ``block``.

        Raises:
            ValueError: the block has another length, or another number of dimensions.
        """
        frames = x.size(-1)
        if x.dim() != 3:
            raise ValueError("a block must have the shape [batch, channels, time]")
        if frames == 0 or frames % self.block != 0:
            raise ValueError(
                f"a block of {frames} samples cannot be streamed: this network takes multiples "
                f"of {self.block} samples"
            )
        if x.size(0) != self.batch:
            self.batch = x.size(0)
            self.seen = 0
        self.seen += frames
        with torch.no_grad():
            return self.net(x)

    @torch.jit.unused
    def train(self, mode: bool = True) -> Streaming:
        """Stays in eval mode: statistics that move would make it another network."""
        nn.Module.train(self, False)  # not super(): a scripted copy calls this too
        return self

    @torch.jit.export
    def reset(self) -> None:
        """Forget the past: the next block is the first."""
        self.batch = -1
        self.seen = 0
        for state in self.net.states:  # type: ignore[union-attr]
            state.reset()

    @torch.jit.export
    def reseed(self, seed: int) -> None:
        """Draw other noise from now on: every layer that has a `reseed` is given its own seed."""
        for index, state in enumerate(self.net.states):  # type: ignore[arg-type]
            if hasattr(state, "reseed"):
                state.reseed(seed + 1_000_003 * index)

    @torch.jit.unused
    def finish(self, x: Tensor) -> Any:
        """End the stream with its last samples and return the rest of the output, then reset.

        Zeros are streamed behind `x` until the whole offline output has come, and every layer is
        told where its signal ends, so that its padding there is the offline one.

        Args:
            x: the last samples [batch, channels, time]; any number of them, none included.
        """
        if self.batch not in (-1, x.shape[0]):
            raise ValueError(f"the stream has {self.batch} batch items, its end {x.shape[0]}")
        total = self.seen + x.shape[-1]
        lengths = self._lengths.at(total)
        needed = total
        for output in self._outputs:
            last = Fraction(output.delay + lengths[output.length]) * output.ratio
            needed = max(needed, math.ceil(last))
        blocks = max(1, math.ceil(Fraction(needed - self.seen, self.block)))
        for index, signal in self._ends:
            state = self.net.states[index]  # type: ignore[index]
            if hasattr(state, "stop"):
                end = signal.delay + signal.origin + lengths[signal.data]
                state.stop = max(0, end - int(self.seen / signal.ratio))
        before = self.seen
        padded = nn.functional.pad(x, (0, blocks * self.block - x.shape[-1]))
        y = self.forward(padded)
        self.reset()
        parts = list(y) if isinstance(y, tuple | list) else [y]
        for i, output in enumerate(self._outputs):
            end = output.delay + lengths[output.length] - int(before / output.ratio)
            size = parts[i].shape[output.axis]
            parts[i] = parts[i].narrow(output.axis, 0, min(size, max(0, end)))
        return type(y)(parts) if isinstance(y, tuple | list) else parts[0]

    @torch.jit.unused
    def render(self, x: Tensor, block: int | None = None) -> Any:
        """Stream a whole signal in blocks and return what the offline network returns.

        Args:
            x: [batch, channels, time], any time.
            block: samples per block, a multiple of ``self.block``; by default about 8192.
        """
        size = block or max(1, 8192 // self.block) * self.block
        self.reset()
        lengths = self._lengths.at(x.shape[-1])
        # a signal that the network cuts at its end is over before the input is: `finish` must
        # come before the cut has passed
        known = [s.ratio * (s.delay + s.origin + lengths[s.data]) for _, s in self._ends]
        whole = max(0, int(min([Fraction(x.shape[-1]), *known]) // size * size))
        pieces = [self.forward(part) for part in torch.split(x[..., :whole], size, -1) if whole]
        pieces.append(self.finish(x[..., whole:]))
        many = isinstance(pieces[0], tuple | list)
        rendered = []
        for i, output in enumerate(self._outputs):
            y = torch.cat([p[i] if many else p for p in pieces], output.axis)
            y = y.narrow(output.axis, output.delay, y.shape[output.axis] - output.delay)
            size = min(lengths[output.length], y.shape[output.axis])
            rendered.append(y.narrow(output.axis, 0, size))
        return tuple(rendered) if many else rendered[0]
