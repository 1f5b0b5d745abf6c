# SPDX-License-Identifier: MIT
"""Temporal model: gated, dilated, causal convolutions (after van den Oord et al., 2016).

No ``from __future__ import annotations`` in the temporal models: TorchScript compiles them.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Layer(nn.Module):
    """Dilated convolution, tanh times sigmoid, one way on and one way out (thesis, figure 4.3)."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.dilation = dilation
        self.reach = (kernel - 1) * dilation
        self.conv = nn.Conv1d(width, 2 * width, kernel, dilation=dilation)
        self.both = nn.Linear(width, 2 * width)

    def gate(self, pair: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From the convolution's [..., 2 * width] and the input: what goes on, what goes out."""
        wave, gate = pair.chunk(2, -1)
        on, out = self.both(torch.tanh(wave) * torch.sigmoid(gate)).chunk(2, -1)
        return x + on, out

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Whole sequences [batch, rows, width], zeros before their beginning."""
        pair = self.conv(F.pad(x.transpose(1, 2), (self.reach, 0))).transpose(1, 2)
        return self.gate(pair, x)

    def step(
        self, x: torch.Tensor, past: torch.Tensor, position: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One row [batch, width]; `past` [batch, width, rows] is a ring, addressed by position."""
        size = past.shape[2]
        past[:, :, position % size] = x
        taps = [past[:, :, (position - self.reach + i * self.dilation) % size]
                for i in range(self.kernel)]  # fmt: skip
        weight = self.conv.weight.flatten(1)
        return self.gate(F.linear(torch.stack(taps, -1).flatten(1), weight, self.conv.bias), x)


class WaveNet(nn.Module):
    """A stack of them, whose ways out are added up.

    Args:
        width: D, of input, output and every layer.
        layers: how many.
        kernel: taps per layer.
        cycle: dilations are 1, 2, 4 … for so many layers, then again from 1.
    """

    def __init__(self, width: int, layers: int = 12, kernel: int = 3, cycle: int = 4) -> None:
        super().__init__()
        self.width = width
        dilations = [2 ** (i % cycle) for i in range(layers)]
        self.reaches = [(kernel - 1) * dilation for dilation in dilations]
        self.layers = nn.ModuleList(Layer(width, kernel, dilation) for dilation in dilations)
        self.out = nn.Linear(width, width)
        self.receptive_field = 1 + sum(self.reaches)
        """Rows that an output depends on: fewer exist at the beginning, where training crops."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[batch, rows, width] to the same; an output depends on rows up to its own."""
        total = torch.zeros_like(x)
        for layer in self.layers:
            x, out = layer(x)
            total = total + out
        return self.out(F.relu(total))  # type: ignore[no-any-return]

    def new_state(self, batch: int, slack: int, like: torch.Tensor) -> list[torch.Tensor]:
        """An empty past, from which `step` can go back `slack` rows."""
        state: list[torch.Tensor] = []
        for reach in self.reaches:
            shape = [batch, self.width, reach + 1 + slack]
            state.append(torch.zeros(shape, dtype=like.dtype, device=like.device))
        return state

    def step(self, x: torch.Tensor, state: list[torch.Tensor], position: int) -> torch.Tensor:
        """The next row: what `forward` gives there.

        Args:
            x: [batch, width].
            state: from `new_state`; changed in place.
            position: 0, 1, 2 …; smaller again to go back.

        Returns:
            [batch, width].
        """
        total = torch.zeros_like(x)
        for i, layer in enumerate(self.layers):
            x, out = layer.step(x, state[i], position)  # type: ignore[operator]
            total = total + out
        return self.out(F.relu(total))  # type: ignore[no-any-return]
