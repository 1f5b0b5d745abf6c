# SPDX-License-Identifier: MIT
"""Random numbers by counting: the same for a seed, whatever the blocks, on every machine.

A number is a hash of (seed, frame, channel), so that nothing has to be kept but the count of
frames, no generator of the process is touched, and a stream can be reset, copied and repeated.
The hash is the 32-bit integer mixer that C. Wellons found by search ("lowbias32", 2018), applied
to a Weyl sequence (without its last step, which changes the lower bits only); the upper 24 bits
make a number, so every one is exact in float32.

Scriptable. No ``from __future__ import annotations`` here: TorchScript wants the types.
"""

import torch
from torch import Tensor


def counted(seed: int, first: int, frames: int, channels: int) -> Tensor:
    """Whole numbers of 32 bits, of which the upper 24 are random: int32 [frames, channels].

    Args:
        seed: any whole number.
        first: how many frames came before.
        frames: how many are wanted.
        channels: independent numbers per frame.
    """
    # 32-bit products that overflow keep their lower half, as the mixer asks; constants above 2^31
    # are written as the negative numbers with the same bits (0x9E3779B1 and 0x846CA68B)
    time = torch.arange(first, first + frames).bitwise_and_(0xFFFFFFFF).to(torch.int32)
    offset = (seed * 0xC2B2AE3D + 0x27D4EB2F) & 0xFFFFFFFF
    channel = torch.arange(channels).mul_(0x85EBCA77).add_(offset).bitwise_and_(0xFFFFFFFF)
    x = time.mul_(-1640531535)[:, None] + channel.to(torch.int32)
    x.bitwise_xor_((x >> 16).bitwise_and_(0xFFFF)).mul_(0x7FEB352D)
    return x.bitwise_xor_((x >> 15).bitwise_and_(0x1FFFF)).mul_(-2073254261)


def uniform(seed: int, first: int, frames: int, channels: int) -> Tensor:
    """Uniform in [-1, 1): float32 [frames, channels]; arguments as `counted`."""
    return (counted(seed, first, frames, channels) >> 8).to(torch.float32).mul_(2.0**-23)


def normal(seed: int, first: int, frames: int, channels: int) -> Tensor:
    """Of mean 0 and variance 1: float32 [frames, channels]; arguments as `counted`.

    By G. E. P. Box and M. E. Muller's transformation of two uniform numbers (1958).
    """
    two = uniform(seed, first, frames, 2 * channels)
    # 1 - u lies in (0, 1], where the logarithm is finite
    radius = two[:, :channels].mul(-0.5).add_(0.5).log_().mul_(-2.0).sqrt_()
    return radius * torch.cos(two[:, channels:] * 3.141592653589793)
