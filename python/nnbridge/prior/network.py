# SPDX-License-Identifier: MIT
"""A prior: embedding, conditioning, a temporal model and an output, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from .conditioning import Condition, Conditioning
from .embedding import Embedding
from .errors import PriorError
from .gru import GRU
from .layout import Flattened, Shifted, Together
from .output import Decoupled, Direct, Residual
from .transformer import Transformer
from .wavenet import WaveNet

TEMPORALS = ("wavenet", "gru", "transformer")
PARAMETRISATIONS = ("flattened", "decoupled", "residual", "shifted")


@dataclass(frozen=True)
class Network:
    """What a prior is built from; the sizes are the thesis's."""

    temporal: str = "transformer"
    """wavenet, gru or transformer."""
    parametrisation: str = "residual"
    """flattened, decoupled, residual or shifted."""
    width: int = 512
    """D, of every layer."""
    layers: int = 12
    """Of the temporal model."""
    dropout: float = 0.1
    """In training; the WaveNet has none."""
    heads: int = 8
    """Transformer: attention heads."""
    window: int = 256
    """Transformer: steps that a layer sees."""
    kernel: int = 3
    """WaveNet: taps per convolution."""
    cycle: int = 4
    """WaveNet: dilations are 1, 2, 4 … for so many layers, then again from 1."""
    aggregation: str = "sum"
    """How the embedded tokens of a step are put together: sum, weighted or concatenate."""


class Prior(nn.Module):
    """Predicts the tokens of each step from all steps before it.

    Args:
        network: what it is built from.
        quantisers: Q, tokens per step.
        vocabulary: V, values of a token.
        followed: descriptors that it is told for each step.
        codebooks: [Q, V, size] for the embedding to begin with; see `Embedding`.

    Raises:
        PriorError: sizes that can't be.
    """

    def __init__(
        self,
        network: Network,
        quantisers: int,
        vocabulary: int,
        followed: Sequence[Condition] = (),
        codebooks: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        if quantisers < 1 or vocabulary < 2:
            raise PriorError(
                "a prior needs at least 1 quantiser and 2 values per token, not "
                f"{quantisers} and {vocabulary}."
            )
        self.network = network
        self.quantisers = quantisers
        self.vocabulary = vocabulary
        self.followed = tuple(followed)
        width = network.width
        self.layout = _layout(network, quantisers, vocabulary)
        self.embedding = Embedding(quantisers, vocabulary, width, network.aggregation, codebooks)
        self.conditioning = Conditioning(followed, width)
        self.temporal = _temporal(network, self.layout.rows_per_step)
        self.output = _output(network, quantisers, vocabulary)

    @property
    def crop(self) -> int:
        """Steps at the beginning of a sequence that a loss should leave out."""
        return -(-self.temporal.receptive_field // self.layout.rows_per_step)

    def forward(self, tokens: torch.Tensor, conditions: torch.Tensor | None = None) -> torch.Tensor:
        """Logits of all tokens of whole sequences, each from the tokens before it.

        Args:
            tokens: [batch, steps, quantisers] long.
            conditions: [batch, steps, number of descriptors]; may be left out where there are none.

        Returns:
            [batch, steps, quantisers, vocabulary]; [:, t, q] predicts tokens[:, t, q].
        """
        if conditions is None:
            conditions = self.embedding.table.new_zeros((*tokens.shape[:2], 0))
        if conditions.shape[-1] != len(self.followed):
            raise PriorError(
                f"this prior follows {len(self.followed)} descriptors, "
                f"and was given {conditions.shape[-1]}."
            )
        rows = self.layout.rows(tokens)
        before = torch.cat([torch.full_like(rows[:, :1], self.layout.nothing), rows[:, :-1]], 1)
        inputs = self.embedding(before) + self.conditioning(self.layout.spread(conditions))
        return self.output(self.layout.contexts(self.temporal(inputs)), tokens)  # type: ignore[no-any-return]


def _layout(network: Network, quantisers: int, vocabulary: int) -> Together:
    kinds = {
        "flattened": Flattened,
        "shifted": Shifted,
        "decoupled": Together,
        "residual": Together,
    }
    if network.parametrisation not in kinds:
        raise PriorError(
            f"there is no parametrisation '{network.parametrisation}': choose {', '.join(kinds)}."
        )
    return kinds[network.parametrisation](quantisers, vocabulary)


def _temporal(network: Network, rows_per_step: int) -> WaveNet | GRU | Transformer:
    width, layers = network.width, network.layers
    if network.temporal == "wavenet":
        return WaveNet(width, layers, network.kernel, network.cycle)
    if network.temporal == "gru":
        return GRU(width, layers, network.dropout)
    if network.temporal == "transformer":
        window = network.window * rows_per_step
        return Transformer(width, layers, network.heads, network.dropout, window)
    raise PriorError(
        f"there is no temporal model '{network.temporal}': choose {', '.join(TEMPORALS)}."
    )


def _output(network: Network, quantisers: int, vocabulary: int) -> Direct | Decoupled | Residual:
    if network.parametrisation == "decoupled":
        return Decoupled(quantisers, vocabulary, network.width)
    if network.parametrisation == "residual":
        return Residual(quantisers, vocabulary, network.width)
    return Direct(quantisers, vocabulary, network.width)
