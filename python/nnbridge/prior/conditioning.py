# SPDX-License-Identifier: MIT
"""Descriptors become vectors of the network's width, to be added to the embedded tokens.

No ``from __future__ import annotations`` here: TorchScript compiles these classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from .errors import PriorError

_FULL_SCALE = 10000.0  # thesis, section 4.4.3: what the largest value is brought to


@dataclass(frozen=True)
class Condition:
    """One descriptor that a prior can follow."""

    name: str
    unit: str
    low: float
    high: float
    """Values are limited to low … high."""
    discrete: bool = False
    """Only 0 and 1 (above one half): an embedding of two instead of sinusoids."""


NAMES = ("centroid", "loudness", "flatness", "beat")
"""The descriptors of `nnbridge.audio.descriptors` that can be followed."""


def conditions(names: Sequence[str], sample_rate: int) -> tuple[Condition, ...]:
    """The named descriptors, in the given order.

    Args:
        names: among `NAMES`.
        sample_rate: of the audio, in hertz: the centroid lies below half of it.

    Raises:
        PriorError: an unknown name, or one that is there twice.
    """
    known = {
        held.name: held
        for held in (
            Condition("centroid", "Hz", 0.0, sample_rate / 2),
            Condition("loudness", "dB", -100.0, 0.0),
            Condition("flatness", "", 0.0, 1.0),
            Condition("beat", "", 0.0, 1.0, discrete=True),
        )
    }
    for name in names:
        if name not in known:
            raise PriorError(
                f"there is no descriptor '{name}' to follow: choose {', '.join(known)}."
            )
    if len(set(names)) != len(names):
        raise PriorError(f"a descriptor is named twice: {', '.join(names)}.")
    return tuple(known[name] for name in names)


class Sinusoids(nn.Module):
    """Equation 2.35 of the thesis at any real position, then a learned weighing of its waves.

    Args:
        condition: its range is mapped to the positions 0 … 10000.
        width: D.
    """

    rates: torch.Tensor

    def __init__(self, condition: Condition, width: int) -> None:
        super().__init__()
        self.low = condition.low
        self.high = condition.high
        self.scale = _FULL_SCALE / (condition.high - condition.low)
        k = torch.arange(0, width, 2, dtype=torch.float64)
        self.register_buffer("rates", (10000.0 ** (-k / width)).float(), persistent=False)
        self.project = nn.Linear(2 * self.rates.shape[0], width)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Embed values: [...] to [..., width]."""
        position = (values.clamp(self.low, self.high) - self.low) * self.scale
        angles = position.unsqueeze(-1) * self.rates
        return self.project(torch.cat([angles.sin(), angles.cos()], -1))  # type: ignore[no-any-return]


class OffOn(nn.Module):
    """An embedding of two, for values of 0 and 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(2, width)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Embed values: [...] to [..., width]."""
        return self.table((values > 0.5).long())  # type: ignore[no-any-return]


class Conditioning(nn.Module):
    """The sum of the embeddings of any number of descriptors, none included.

    Args:
        followed: what each channel is.
        width: D.
    """

    def __init__(self, followed: Sequence[Condition], width: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(
            OffOn(width) if one.discrete else Sinusoids(one, width) for one in followed
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Embed all descriptors: [..., number of them] to [..., width], or [..., 1] zeros for none.

        What is not finite counts as 0, so that a host's stray value cannot end the music.
        """
        values = torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        total = values.new_zeros(values.shape[:-1]).unsqueeze(-1)
        for index, part in enumerate(self.parts):
            total = total + part(values[..., index])
        return total
