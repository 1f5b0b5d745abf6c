# SPDX-License-Identifier: MIT
"""Plays test signals through one method, with the engine, one inference for each call."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nnbridge.host import Method, Model, Stream

Signal = NDArray[np.float32]

SEED = 20
DEFAULT_RATE = 44100


class FailedError(Exception):
    """A block failed; the text is the model's own words."""


class Player:
    """One method, at the model's own rate: no resampling, no latency."""

    def __init__(self, model: Model, method: Method) -> None:
        self.model, self.method = model, method
        self.rate = model.sample_rate or DEFAULT_RATE
        self.step = method.step

    def block(self, wanted: int) -> int:
        """The smallest legal block of at least so many samples."""
        return max(1, -(-wanted // self.step)) * self.step

    def audible(self, frames: int) -> int:
        """At least so many samples behind the declared delay, before which nothing is heard."""
        return self.block(frames + (self.method.delay or 0))

    def stream(self, block: int, batch: int = 1, seed: int | None = SEED) -> Stream:
        """With whole blocks only, a stream adds no latency."""
        return self.model.stream(
            self.method.name,
            sample_rate=self.rate,
            block=block,
            host_block=block,
            resample=False,
            batch=batch,
            seed=seed,
        )

    def play(self, signal: Signal, block: int, seed: int | None = SEED) -> Signal:
        """[in_channels, frames], from a pristine state."""
        return run(self.stream(block, 1, seed), signal)

    # Signals, [in_channels, frames]. Below the audio rate each value lasts for a step.

    def signal(self, values: NDArray[np.floating]) -> Signal:
        """From one value for each step of the input, [steps] or [channels, steps]."""
        array = np.broadcast_to(values, (self.method.in_channels, np.shape(values)[-1]))
        return np.repeat(array.astype(np.float32), self.method.in_ratio, axis=1)

    def steps(self, frames: int) -> int:
        """Of the input."""
        return frames // self.method.in_ratio

    def noise(self, frames: int, level: float = 0.3, seed: int = 0) -> Signal:
        """White, the same at every call; another one in every channel."""
        shape = (self.method.in_channels, self.steps(frames))
        return self.signal(np.random.default_rng(seed).uniform(-level, level, shape))

    def constant(self, frames: int, level: float) -> Signal:
        """DC; 0 for silence."""
        return self.signal(np.full(self.steps(frames), level))


def run(stream: Stream, signal: Signal) -> Signal:
    """Through a stream at once, with silence to fill the last block.

    Raises:
        FailedError: a block did.
    """
    frames = signal.shape[1]
    output = stream.process(np.pad(signal, ((0, 0), (0, -frames % stream.block))))
    check(stream)
    return output[:, :frames]


def check(stream: Stream) -> None:
    """Raises `FailedError` if a block has."""
    if stream.stats.failed:
        raise FailedError(stream.stats.last_failure.rstrip("."))


def time_blocks(stream: Stream, signal: Signal, block: int, seconds: float) -> list[float]:
    """Seconds for each block of the signal, which is repeated, until the time is up."""
    costs: list[float] = []
    pieces = [
        np.ascontiguousarray(signal[:, i : i + block]) for i in range(0, signal.shape[1], block)
    ]
    end = time.perf_counter() + seconds
    while len(costs) < 5 or (time.perf_counter() < end and len(costs) < 500):
        start = time.perf_counter()
        stream.process(pieces[len(costs) % len(pieces)])
        costs.append(time.perf_counter() - start)
    return costs


def difference(one: Signal, other: Signal) -> float:
    """The largest difference, as a share of the peak of the first."""
    peak = max(float(np.abs(one).max(initial=0.0)), 1e-6)
    return float(np.abs(one - other).max(initial=0.0)) / peak
