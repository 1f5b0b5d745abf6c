# SPDX-License-Identifier: MIT
"""How tokens [batch, steps, quantisers] become the rows that a temporal model reads.

A row has one place per quantiser; a place may hold "nothing yet" (the number V after the
vocabulary 0 … V - 1). The temporal model predicts each row from the rows before it.
"""

from __future__ import annotations

import torch


class Together:
    """A row is a step."""

    def __init__(self, quantisers: int, vocabulary: int) -> None:
        self.quantisers = quantisers
        self.nothing = vocabulary

    rows_per_step = 1

    @property
    def lookahead(self) -> int:
        """Rows after its own that the last token of a step waits for."""
        return 0

    def rows(self, tokens: torch.Tensor) -> torch.Tensor:
        """[batch, steps, quantisers] to [batch, rows, quantisers]."""
        return tokens

    def spread(self, conditions: torch.Tensor) -> torch.Tensor:
        """[batch, steps, channels] to [batch, rows, channels]."""
        return conditions

    def contexts(self, outputs: torch.Tensor) -> torch.Tensor:
        """Of outputs [batch, rows, width], what predicts each token: [batch, steps, Q, width]."""
        return outputs.unsqueeze(2).expand(-1, -1, self.quantisers, -1)


class Flattened(Together):
    """A row is one token; its other places are empty, which also says whose token it is."""

    @property
    def rows_per_step(self) -> int:  # type: ignore[override]
        """Q: each token has a row."""
        return self.quantisers

    def rows(self, tokens: torch.Tensor) -> torch.Tensor:
        """Row t Q + q holds token q of step t."""
        own = torch.eye(self.quantisers, dtype=torch.bool, device=tokens.device)
        rows = tokens.unsqueeze(2).expand(-1, -1, self.quantisers, -1)
        return rows.masked_fill(~own, self.nothing).flatten(1, 2)

    def spread(self, conditions: torch.Tensor) -> torch.Tensor:
        """All rows of a step have its conditions."""
        return conditions.repeat_interleave(self.quantisers, 1)

    def contexts(self, outputs: torch.Tensor) -> torch.Tensor:
        """Row t Q + q predicts token q of step t."""
        return outputs.unflatten(1, (-1, self.quantisers))  # type: ignore[no-any-return]


class Shifted(Together):
    """Quantiser q comes q rows late (thesis, figure 4.2): T steps make T + Q - 1 rows."""

    @property
    def lookahead(self) -> int:
        """Q - 1."""
        return self.quantisers - 1

    def rows(self, tokens: torch.Tensor) -> torch.Tensor:
        """Row s holds token q of step s - q."""
        batch, steps, quantisers = tokens.shape
        rows = tokens.new_full((batch, steps + self.lookahead, quantisers), self.nothing)
        for q in range(quantisers):
            rows[:, q : q + steps, q] = tokens[:, :, q]
        return rows

    def spread(self, conditions: torch.Tensor) -> torch.Tensor:
        """Row s has the conditions of step s; the rows after the last step keep its own."""
        last = conditions[:, -1:].expand(-1, self.lookahead, -1)
        return torch.cat([conditions, last], 1)

    def contexts(self, outputs: torch.Tensor) -> torch.Tensor:
        """Row t + q predicts token q of step t."""
        steps = outputs.shape[1] - self.lookahead
        return torch.stack([outputs[:, q : q + steps] for q in range(self.quantisers)], 2)
