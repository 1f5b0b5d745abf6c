# SPDX-License-Identifier: MIT
"""Drives streams the way hosts do, and computes what they should give without them."""

import time
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nnbridge import Stream

Signal = NDArray[np.float32]


def sizes(kind: int | str, frames: int) -> Iterator[int]:
    """Call sizes that add up to ``frames``: one number for ever, or "changing"."""
    random = np.random.default_rng(7)
    while frames > 0:
        size = (
            int(random.choice([1, 7, 64, 100, 479, 512, 1000, 2048, 4096]))
            if kind == "changing"
            else kind
        )
        size = min(int(size), frames)
        yield size
        frames -= size


def run(stream: Stream, signal: Signal, kind: int | str) -> Signal:
    """The whole signal through a stream, as fast as it goes."""
    pieces, begin = [], 0
    for size in sizes(kind, signal.shape[-1]):
        pieces.append(stream.process(signal[..., begin : begin + size]))
        begin += size
    return np.concatenate(pieces, axis=-1)


def run_patiently(stream: Stream, signal: Signal, kind: int | str) -> Signal:
    """The same for a realtime stream, as a host whose next call always finds the worker done.

    The pace follows the worker and not a clock, so the result is the same on a busy machine.
    """
    pieces, begin = [], 0
    for size in sizes(kind, signal.shape[-1]):
        pieces.append(stream.process(signal[..., begin : begin + size]))
        begin += size
        wait_for_worker(stream)
    return np.concatenate(pieces, axis=-1)


def wait_for_worker(stream: Stream) -> None:
    """Returns when every block whose input is complete has been run, or after 20 seconds."""
    give_up = time.perf_counter() + 20
    while stream.stats.pending and time.perf_counter() < give_up:
        time.sleep(0.0002)


def run_by_clock(stream: Stream, signal: Signal, size: int) -> Signal:
    """The same at the pace of a sound card."""
    pieces = []
    start = time.perf_counter()
    for begin in range(0, signal.shape[-1], size):
        due = start + begin / stream.sample_rate
        time.sleep(max(0.0, due - time.perf_counter()))
        pieces.append(stream.process(signal[..., begin : begin + size]))
    return np.concatenate(pieces, axis=-1)


def eager(module: nn.Module, method: str, params: list[int], signal: Signal, block: int) -> Signal:
    """A method run by plain PyTorch in blocks, with the contract's decimation and holding.

    Independent of the engine: the last sample of each group goes in, values are held coming out.
    """
    in_channels, in_ratio, _, out_ratio = params
    module = module.eval()
    call = getattr(module, method)
    pieces = []
    with torch.no_grad():
        for begin in range(0, signal.shape[-1] - block + 1, block):
            x = torch.from_numpy(signal[:in_channels, begin : begin + block].copy())
            x = x[:, in_ratio - 1 :: in_ratio][None].contiguous()
            y = call(x)[0].to(torch.float32).numpy()
            pieces.append(np.repeat(y, out_ratio, axis=-1))
    return np.concatenate(pieces, axis=-1)
