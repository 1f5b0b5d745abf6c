# SPDX-License-Identifier: MIT
"""Angles for unit vectors: a spherical latent as signals that a patch can turn.

x_1 = cos a_1, x_2 = sin a_1 cos a_2, ..., x_n = sin a_1 ... sin a_(n-1), with all angles from 0 to
pi but the last, which goes around. Given as -1 to 1: 2 a / pi - 1, the last one a / pi.
"""

import math

import torch
from torch import Tensor


def to_angles(z: Tensor) -> Tensor:
    """Unit vectors [batch, n, time] -> angles [batch, n - 1, time], each between -1 and 1."""
    rest = torch.sqrt(z.square().flip(1).cumsum(1).flip(1))  # norm of what is left from i on
    angles = torch.atan2(rest[:, 1:-1], z[:, :-2]) * (2.0 / math.pi) - 1.0
    last = torch.atan2(z[:, -1:], z[:, -2:-1]) / math.pi
    return torch.cat([angles, last], 1)


def from_angles(angles: Tensor) -> Tensor:
    """The inverse: [batch, n - 1, time] -> unit vectors [batch, n, time]; any value will do."""
    inner = (angles[:, :-1] + 1.0) * (math.pi / 2.0)
    radians = torch.cat([inner, angles[:, -1:] * math.pi], 1)
    one = torch.ones_like(angles[:, :1])
    sines = torch.cat([one, torch.sin(radians).cumprod(1)], 1)
    cosines = torch.cat([torch.cos(radians), one], 1)
    return sines * cosines
