# SPDX-License-Identifier: MIT
"""A linear "RAVE": latents are the first cosine coefficients of each frame, one frame late.

No ``from __future__ import annotations`` here: TorchScript compiles this class.
"""

import math

import torch

from nnbridge.contract import Module

RATIO, LATENTS, RATE = 64, 4, 8000


def basis() -> torch.Tensor:
    """Orthonormal cosines, [LATENTS, RATIO]."""
    n = torch.arange(RATIO) + 0.5
    return torch.stack(
        [torch.cos(math.pi * k * n / RATIO) * math.sqrt(2 / RATIO) for k in range(1, LATENTS + 1)]
    )


class ToyRave(Module):
    """Continuous, or with `vocabulary` codes per latent."""

    def __init__(self, vocabulary: int = 0) -> None:
        super().__init__(sr=RATE)
        self.vocabulary = vocabulary
        self.ratio = RATIO
        self.latents = LATENTS
        self.register_buffer("basis", basis())
        self.register_buffer("last", torch.zeros(1, LATENTS, 1))
        self.register_method("encode", 1, 1, LATENTS, RATIO, delay=RATIO)
        self.register_method("decode", LATENTS, RATIO, 1, 1, delay=0)
        self.register_method("forward", 1, 1, 1, 1, delay=RATIO, step=RATIO)

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        frames = x.reshape(x.shape[0], -1, self.ratio)
        z = (frames @ self.basis.t()).transpose(1, 2)
        if self.last.shape[0] != x.shape[0]:
            self.last = torch.zeros([x.shape[0], self.latents, 1])
        out = torch.cat([self.last, z], 2)
        self.last = out[:, :, -1:].clone()
        out = out[:, :, :-1]
        if self.vocabulary > 0:
            out = (out * 2.0 + self.vocabulary / 2.0).round().clamp(0, self.vocabulary - 1)
        return out

    @torch.jit.export
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        if self.vocabulary > 0:
            z = (z - self.vocabulary / 2.0) / 2.0
        return (z.transpose(1, 2) @ self.basis).reshape(z.shape[0], 1, -1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(x))
