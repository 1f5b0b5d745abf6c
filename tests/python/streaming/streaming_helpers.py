# SPDX-License-Identifier: MIT
"""What the streaming tests share: feeding blocks, and comparing with offline."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle

import torch
from torch import Tensor, nn

from nnbridge import streaming

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


def fed(stream: nn.Module, x: Tensor, blocks: Iterable[int]) -> Tensor:
    """The outputs of `stream` for `x` in blocks of the given sizes, again and again."""
    pieces, at = [], 0
    for size in cycle(blocks):
        size = min(size, x.shape[-1] - at)
        if size == 0:
            return torch.cat(pieces, -1)
        pieces.append(stream(x[..., at : at + size]))
        at += size
    raise AssertionError


def offline(network: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        y: Tensor = network(x)
    return y


def error(stream: streaming.Streaming, network: nn.Module, x: Tensor, blocks: list[int]) -> float:
    """Largest difference between stream and offline, from the first offline sample on.

    Only frames whose whole receptive field has come can be compared before `finish`; the stream
    has no others: its last frame is offline frame ``length - 1 - output_delay``.
    """
    stream.reset()
    y, late = offline(network, x), stream.output_delay
    z = fed(stream, x, blocks)
    frames = min(z.shape[-1] - late, y.shape[-1])
    assert frames > 0
    return float((z[..., late : late + frames] - y[..., :frames]).abs().max())


def noise(channels: int, frames: int, dtype: torch.dtype, batch: int = 2, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, channels, frames, generator=generator, dtype=torch.float64).to(dtype)
