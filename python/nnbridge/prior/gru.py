# SPDX-License-Identifier: MIT
"""Temporal model: stacked gated recurrent units."""

import torch
from torch import nn


class GRU(nn.Module):
    """Gated recurrent units, one layer on the other (thesis, section 4.4.1).

    Args:
        width: D, of input, output and every layer.
        layers: how many.
        dropout: between layers, in training.
    """

    receptive_field = 0

    def __init__(self, width: int, layers: int = 12, dropout: float = 0.1) -> None:
        super().__init__()
        self.width = width
        self.layers = layers
        between = dropout if layers > 1 else 0.0
        self.gru = nn.GRU(width, width, layers, batch_first=True, dropout=between)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[batch, rows, width] to the same; an output depends on rows up to its own."""
        return self.gru(x)[0]  # type: ignore[no-any-return]

    def new_state(self, batch: int, slack: int, like: torch.Tensor) -> list[torch.Tensor]:
        """An empty past, from which `step` can go back `slack` rows."""
        shape = [slack + 1, self.layers, batch, self.width]
        return [torch.zeros(shape, dtype=like.dtype, device=like.device)]

    def step(self, x: torch.Tensor, state: list[torch.Tensor], position: int) -> torch.Tensor:
        """The next row [batch, width]: what `forward` gives there; see `WaveNet.step`."""
        kept = state[0]  # the state before row p is in place p of a ring
        out, after = self.gru(x.unsqueeze(1), kept[position % kept.shape[0]])
        kept[(position + 1) % kept.shape[0]] = after
        return out.squeeze(1)  # type: ignore[no-any-return]
