# SPDX-License-Identifier: MIT
"""Between the values of a latent signal and the tokens of a prior.

No ``from __future__ import annotations`` here: TorchScript compiles these classes.
"""

import torch
from torch import nn

from .errors import PriorError


class Codes(nn.Module):
    """Of a discrete RAVE: the values are the tokens.

    Args:
        vocabulary: V; values are rounded and limited to 0 … V - 1.
    """

    kind = "codes"

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    def tokens(self, values: torch.Tensor) -> torch.Tensor:
        """[...] float to [...] long; what is not a number counts as 0."""
        return torch.nan_to_num(values).clamp(0, self.vocabulary - 1).round().long()

    def values(self, tokens: torch.Tensor) -> torch.Tensor:
        """[...] long to [...] float32."""
        return tokens.float()


class Bins(nn.Module):
    """Of a continuous RAVE: V bins of equal probability under N(0, 1) (equations 4.2 and 4.3).

    The normal cumulative distribution maps a value to 0 … 1, which is cut into V equal parts. A
    token stands for the middle of its part.

    Args:
        vocabulary: V.
    """

    kind = "bins"
    middles: torch.Tensor

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        middles = (torch.arange(vocabulary, dtype=torch.float64) + 0.5) / vocabulary
        self.register_buffer("middles", torch.special.ndtri(middles).float(), persistent=False)

    def tokens(self, values: torch.Tensor) -> torch.Tensor:
        """[...] float to [...] long; what is not a number counts as 0."""
        # Double precision, which Apple's GPUs lack: float32 has no values near 1 to tell the last
        # bins apart.
        share = torch.special.ndtr(torch.nan_to_num(values).cpu().double())
        tokens = (share * self.vocabulary).floor().long().clamp(0, self.vocabulary - 1)
        return tokens.to(values.device)  # type: ignore[no-any-return]

    def values(self, tokens: torch.Tensor) -> torch.Tensor:
        """[...] long to [...] float32."""
        return self.middles[tokens]


def code(kind: str, vocabulary: int) -> Codes | Bins:
    """Make one by its kind: codes or bins.

    Raises:
        PriorError: another kind.
    """
    if kind == "codes":
        return Codes(vocabulary)
    if kind == "bins":
        return Bins(vocabulary)
    raise PriorError(f"there is no code '{kind}': choose codes or bins.")
