# SPDX-License-Identifier: MIT
"""Random numbers that are a function of a seed and two counters, in Python and in TorchScript.

Philox2x32-10 (J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). Numbers in a
sequence need no state but their index, so the same seed gives the same tokens whatever else draws,
in whatever blocks a stream comes.

No ``from __future__ import annotations`` here: TorchScript compiles these functions.
"""

import torch


def philox(first: int, second: int, key: int) -> tuple[int, int]:
    """One block of Philox2x32-10.

    Args:
        first: low word of the counter, 32 bits.
        second: high word of the counter, 32 bits.
        key: 32 bits.

    Returns:
        Two words of 32 bits.
    """
    low, high = first & 0xFFFFFFFF, second & 0xFFFFFFFF
    word = key & 0xFFFFFFFF
    for _ in range(10):
        # The 64-bit product from two of 48 bits: TorchScript's integers hold 63, Python's any.
        lower = 0xD256D193 * (low & 0xFFFF)
        upper = 0xD256D193 * (low >> 16) + (lower >> 16)
        low, high = (upper >> 16) ^ word ^ high, ((upper & 0xFFFF) << 16) | (lower & 0xFFFF)
        word = (word + 0x9E3779B9) & 0xFFFFFFFF
    return low, high


def uniform(seed: int, draw: int, rows: int) -> torch.Tensor:
    """One number for each item of a batch.

    Args:
        seed: what makes one sequence differ from another.
        draw: how many were drawn before.
        rows: items in the batch; an item's numbers do not depend on how many others there are.

    Returns:
        [rows] float64, in [0, 1), with all 53 bits.
    """
    numbers: list[float] = []
    for row in range(rows):
        high, low = philox(draw, row, seed)
        numbers.append(float((high >> 5) * 67108864 + (low >> 6)) / 9007199254740992.0)
    return torch.tensor(numbers, dtype=torch.float64)
