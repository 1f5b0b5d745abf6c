# SPDX-License-Identifier: MIT
# mypy: disable-error-code="no-any-return"
"""Recurrent layers that keep their state from block to block.

Frames before offline time zero must not move the state, so they are not given to the layer.
"""

import torch
from torch import Tensor, nn

from .layers import Stateful


class StreamRecurrent(Stateful):
    """An `nn.RNN` or `nn.GRU`; [batch, time, features], or time first as the layer was built."""

    __constants__ = ("layers", "width")

    def __init__(self, layer: nn.RNNBase, start: int) -> None:
        first = not layer.batch_first
        super().__init__(start, axis=-3 if first else -2, rows=1 if first else 0)
        self.layer = layer
        self.layers = layer.num_layers
        self.width = layer.hidden_size

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, features] -> [batch, time, hidden]."""
        rows = x.size(self.rows)
        if rows != self.batch:
            self.state = torch.zeros(
                [self.layers, rows, self.width], dtype=x.dtype, device=x.device
            )
            self.batch = rows
            self.wait = self.start
        skip = min(self.wait, x.size(self.axis))
        self.wait -= skip
        shape = list(x.shape)
        shape[self.axis] = skip
        shape[-1] = self.width
        if skip == x.size(self.axis):
            return torch.zeros(shape, dtype=x.dtype, device=x.device)
        y, self.state = self.layer(x.narrow(self.axis, skip, x.size(self.axis) - skip), self.state)
        if skip > 0:
            y = torch.cat([torch.zeros(shape, dtype=x.dtype, device=x.device), y], self.axis)
        return y


class StreamLSTM(Stateful):
    """An `nn.LSTM` (with or without projection); shapes as `StreamRecurrent`."""

    cell: Tensor
    __constants__ = ("layers", "output", "width")

    def __init__(self, layer: nn.LSTM, start: int) -> None:
        first = not layer.batch_first
        super().__init__(start, axis=-3 if first else -2, rows=1 if first else 0)
        self.layer = layer
        self.layers = layer.num_layers
        self.width = layer.hidden_size
        self.output = layer.proj_size or layer.hidden_size
        self.register_buffer("cell", torch.zeros(0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, features] -> [batch, time, hidden or projection]."""
        rows = x.size(self.rows)
        if rows != self.batch:
            self.state = torch.zeros(
                [self.layers, rows, self.output], dtype=x.dtype, device=x.device
            )
            self.cell = torch.zeros([self.layers, rows, self.width], dtype=x.dtype, device=x.device)
            self.batch = rows
            self.wait = self.start
        skip = min(self.wait, x.size(self.axis))
        self.wait -= skip
        shape = list(x.shape)
        shape[self.axis] = skip
        shape[-1] = self.output
        if skip == x.size(self.axis):
            return torch.zeros(shape, dtype=x.dtype, device=x.device)
        past = (self.state, self.cell)
        y, (self.state, self.cell) = self.layer(
            x.narrow(self.axis, skip, x.size(self.axis) - skip), past
        )
        if skip > 0:
            y = torch.cat([torch.zeros(shape, dtype=x.dtype, device=x.device), y], self.axis)
        return y
