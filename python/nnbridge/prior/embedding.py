# SPDX-License-Identifier: MIT
"""Tokens become vectors: learned codebooks, and three ways to put those of one step together.

No ``from __future__ import annotations`` here: TorchScript compiles these classes.
"""

import torch
from torch import nn

from .errors import PriorError


class Embedding(nn.Module):
    """Codebooks [quantisers, vocabulary + 1, size], one row each (thesis, section 4.4.2).

    The row after the vocabulary stands for "nothing yet": the step before the first, and the
    places that flattening and shifting leave empty.

    Args:
        quantisers: Q, tokens per step.
        vocabulary: V, values of a token.
        width: D, of the result.
        aggregation: "sum"; "weighted", a sum with one learned weight per quantiser; or
            "concatenate", then project.
        codebooks: [Q, V, size] to begin with, for instance those of the RAVE that made the
            tokens; a projection then leads from size to width. None: random ones of the width.

    Raises:
        PriorError: an unknown aggregation, or codebooks of another shape.
    """

    offsets: torch.Tensor
    weights: torch.Tensor

    def __init__(
        self,
        quantisers: int,
        vocabulary: int,
        width: int,
        aggregation: str = "sum",
        codebooks: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        if aggregation not in ("sum", "weighted", "concatenate"):
            raise PriorError(f"aggregation is sum, weighted or concatenate, not '{aggregation}'.")
        self.quantisers = quantisers
        size = width if codebooks is None else codebooks.shape[-1]
        # Unit variance after the sum over quantisers.
        table = torch.randn(quantisers, vocabulary + 1, size) * quantisers**-0.5
        if codebooks is not None:
            if codebooks.shape[:2] != (quantisers, vocabulary):
                raise PriorError(
                    f"codebooks of shape {list(codebooks.shape)} do not fit {quantisers} "
                    f"quantisers of {vocabulary} tokens."
                )
            table[:, :vocabulary] = codebooks
            table[:, vocabulary] = 0.0
        self.table = nn.Parameter(table.flatten(0, 1))
        self.register_buffer(
            "offsets", torch.arange(quantisers) * (vocabulary + 1), persistent=False
        )
        self.weighted = aggregation == "weighted"
        self.concatenated = aggregation == "concatenate"
        if self.weighted:
            self.weights = nn.Parameter(torch.ones(quantisers, 1))
        else:
            self.register_buffer("weights", torch.ones(1), persistent=False)
        inputs = quantisers * size if self.concatenated else size
        self.project = (
            nn.Identity() if inputs == width and not self.concatenated else nn.Linear(inputs, width)
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Embed rows of tokens.

        Args:
            rows: [..., quantisers] long, 0 … vocabulary (the last for "nothing yet").

        Returns:
            [..., width].
        """
        vectors = nn.functional.embedding(rows + self.offsets, self.table)
        if self.concatenated:
            return self.project(vectors.flatten(-2))  # type: ignore[no-any-return]
        if self.weighted:
            vectors = vectors * self.weights
        return self.project(vectors.sum(-2))  # type: ignore[no-any-return]
