# SPDX-License-Identifier: MIT
"""What the mistakes in the tests of refusals start from."""

import torch

from nnbridge.contract import Module


class Author(Module):
    """Methods that are right, and methods that break each rule."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    @torch.jit.export
    def half_length(self, x: torch.Tensor) -> torch.Tensor:
        return x[..., ::2]

    def two(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, x], 1)

    def batch(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, x], 0)

    def flat(self, x: torch.Tensor) -> torch.Tensor:
        return x[0]

    def wide(self, x: torch.Tensor) -> torch.Tensor:
        return x.double()

    def nothing(self, x: torch.Tensor) -> None:
        return None

    def pair(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x

    def log(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log(x.abs())

    def divide(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x == 0.0, x, x / 0.0)

    def fails(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(3, -1)
