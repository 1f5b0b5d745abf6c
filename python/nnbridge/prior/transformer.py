# SPDX-License-Identifier: MIT
"""Temporal model: a decoder-only transformer with linear biases and a bounded window."""

import torch
from torch import nn
from torch.nn import functional as F

from .errors import PriorError


def slopes(heads: int) -> torch.Tensor:
    """ALiBi's slopes m_k = 2^(-8k/H), k = 1 … H (Press et al., 2022).

    Equation 2.38 of the thesis misprints them as 2^((-8/H)^k).
    """
    return 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)


class Block(nn.Module):
    """Normalise first, then attend; normalise first, then two linear layers."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.gather = nn.Linear(width, width)
        self.before_linear = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def split(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Queries, keys and values, each [batch, heads, rows, width / heads]."""
        parts = self.queries_keys_values(self.before_attention(x)).chunk(3, -1)
        return [part.unflatten(-1, [self.heads, -1]).transpose(1, 2) for part in parts]

    def attend(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor, x: torch.Tensor
    ) -> torch.Tensor:
        """The rest of the block; `bias` is added to the scores, -inf where nothing is seen."""
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        x = x + self.dropout(self.gather(seen.transpose(1, 2).flatten(2)))
        return x + self.dropout(self.narrow(F.gelu(self.widen(self.before_linear(x)))))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """Pre-norm decoder blocks with ALiBi (thesis, section 4.4.1).

    Args:
        width: D.
        layers: how many.
        heads: H, a divisor of the width.
        dropout: on both branches of a block, in training.
        window: rows that a row sees, itself included. The past is bounded in training and live
            alike, so that a step has one cost for ever and gives what the full computation gives.

    Raises:
        PriorError: a width that the heads do not divide.
    """

    receptive_field = 0
    slopes: torch.Tensor

    def __init__(
        self, width: int, layers: int = 12, heads: int = 8, dropout: float = 0.1, window: int = 256
    ) -> None:
        super().__init__()
        if width % heads:
            raise PriorError(f"a width of {width} can't be split between {heads} heads.")
        self.width = width
        self.heads = heads
        self.window = window
        self.layers = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.register_buffer("slopes", slopes(heads), persistent=False)

    def bias(self, ages: torch.Tensor) -> torch.Tensor:
        """[heads, …] for ages […]: how many rows ago a key was; negative: not yet."""
        shut = (ages < 0) | (ages >= self.window)
        biases = -self.slopes.view([-1] + [1] * ages.dim()) * ages
        return biases.masked_fill(shut, float("-inf"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[batch, rows, width] to the same; an output depends on rows up to its own."""
        rows = torch.arange(x.shape[1], device=x.device)
        bias = self.bias(rows.unsqueeze(1) - rows).to(x.dtype)
        for layer in self.layers:
            q, k, v = layer.split(x)  # type: ignore[operator]
            x = layer.attend(q, k, v, bias, x)  # type: ignore[operator]
        return self.norm(x)  # type: ignore[no-any-return]

    def new_state(self, batch: int, slack: int, like: torch.Tensor) -> list[torch.Tensor]:
        """An empty past, from which `step` can go back `slack` rows."""
        shape = [batch, self.heads, self.window + slack, self.width // self.heads]
        state: list[torch.Tensor] = []
        for _ in range(2 * len(self.layers)):
            state.append(torch.zeros(shape, dtype=like.dtype, device=like.device))  # noqa: PERF401
        return state

    def step(self, x: torch.Tensor, state: list[torch.Tensor], position: int) -> torch.Tensor:
        """The next row [batch, width]: what `forward` gives there; see `WaveNet.step`."""
        size = state[0].shape[2]
        place = position % size
        ages = (position - torch.arange(size, device=x.device)) % size
        ages = torch.where(ages <= position, ages, torch.full_like(ages, -1))
        bias = self.bias(ages.unsqueeze(0)).to(x.dtype)
        x = x.unsqueeze(1)
        for i, layer in enumerate(self.layers):
            q, k, v = layer.split(x)  # type: ignore[operator]
            keys, values = state[2 * i], state[2 * i + 1]
            keys[:, :, place] = k[:, :, 0]
            values[:, :, place] = v[:, :, 0]
            x = layer.attend(q, keys, values, bias, x)  # type: ignore[operator]
        return self.norm(x).squeeze(1)  # type: ignore[no-any-return]
