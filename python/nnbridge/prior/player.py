# SPDX-License-Identifier: MIT
"""A prior that plays step by step: one step costs the same however long the past is.

A step is listened to (its tokens are given; teacher forcing, in depth as well) or played (drawn,
each token from those before it). Both walk the same way, so that what was heard and what was
played are one past.

No ``from __future__ import annotations`` here: TorchScript compiles these classes.
"""

import torch
from torch import nn

from . import metrics
from .network import Prior
from .random import uniform
from .sampling import sample


class Player(nn.Module):
    """What the ways of laying out rows have in common. Use `player` to make one.

    Attributes:
        seed: of the random numbers.
        draws: random numbers drawn so far; 0 begins the sequence of the seed again.
        temperature: divides the logits; 0 takes the most likely token.
        top_k: only the k most likely tokens; 0 for all.
        top_p: only the most likely tokens that together have this probability; 1 for all.
    """

    state: list[torch.Tensor]
    __constants__ = ("quantisers", "nothing")

    def __init__(self, prior: Prior, slack: int = 0) -> None:
        super().__init__()
        self.embedding = prior.embedding
        self.conditioning = prior.conditioning
        self.temporal = prior.temporal
        self.output = prior.output
        self.quantisers = prior.quantisers
        self.nothing = prior.vocabulary
        self.slack = slack
        self.seed = 0
        self.draws = 0
        self.temperature = 1.0
        self.top_k = 0
        self.top_p = 1.0
        self.batch = 0
        self.position = 0  # rows that the temporal model has read
        self.state = []
        self.right = torch.zeros(0)  # sums over the tokens of a step, for the two figures
        self.wide = torch.zeros(0)
        self.counted = 0

    @torch.jit.export
    def forget(self) -> None:
        """Begin anew: nothing was heard yet. The random numbers go on."""
        self.batch = 0

    def begin(self, batch: int) -> None:
        """Make an empty past, where there is none for this batch."""
        table = self.embedding.table
        if batch == self.batch and self.state[0].device == table.device:
            return
        self.batch = batch
        self.position = 0
        self.state = self.temporal.new_state(batch, self.slack, table)
        self.clear(batch)

    def clear(self, batch: int) -> None:
        """Whatever a layout keeps besides."""

    def open(self) -> None:
        """Begin the figures of one step."""
        self.right = torch.zeros(self.batch)
        self.wide = torch.zeros(self.batch)
        self.counted = 0

    def figures(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Accuracy and perplexity of the tokens since `open`, [batch] each."""
        share = 1.0 / max(1, self.counted)
        return self.right * share, self.wide * share

    def context(self, before: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """The temporal model reads one row [batch, quantisers]: what predicts the next."""
        x = self.embedding(before) + self.conditioning(conditions)
        out = self.temporal.step(x, self.state, self.position)
        self.position += 1
        return out

    def choose(self, logits: torch.Tensor, given: torch.Tensor, listen: bool) -> torch.Tensor:
        """One token per item: the given one, or a drawn one; it is counted in the figures."""
        self.counted += 1
        self.wide = self.wide + metrics.perplexity(logits).to(self.wide.device)
        if listen:
            self.right = self.right + metrics.accuracy(logits, given).to(self.right.device)
            return given
        numbers = uniform(self.seed, self.draws, self.batch)
        self.draws += 1
        return sample(logits, self.temperature, self.top_k, self.top_p, numbers)


class TogetherPlayer(Player):
    """Decoupled and residual: one row per step, its tokens one after the other in depth."""

    def __init__(self, prior: Prior) -> None:
        super().__init__(prior)
        self.last = torch.zeros(0, dtype=torch.long)

    def clear(self, batch: int) -> None:
        """See `Player.clear`."""
        table = self.embedding.table
        shape = [batch, self.quantisers]
        self.last = torch.full(shape, self.nothing, dtype=torch.long, device=table.device)

    def forward(
        self, given: torch.Tensor, conditions: torch.Tensor, listen: bool
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """One step.

        Args:
            given: [batch, quantisers] long: what is heard; ignored unless `listen`.
            conditions: [batch, number of descriptors].
            listen: whether the step is listened to, or played.

        Returns:
            Tokens [batch, quantisers], accuracy [batch] (0 when playing) and perplexity [batch].
        """
        self.begin(given.shape[0])
        self.open()
        context = self.context(self.last, conditions)
        known = torch.zeros_like(context)
        tokens = torch.zeros_like(given)
        for q in range(self.quantisers):
            token = self.choose(self.output.one(context, known, q), given[:, q], listen)
            known = known + self.output.learn(token, q)
            tokens[:, q] = token
        self.last = tokens
        right, wide = self.figures()
        return tokens, right, wide


class FlattenedPlayer(Player):
    """Flattened: a row for every token."""

    def __init__(self, prior: Prior) -> None:
        super().__init__(prior)
        self.last = torch.zeros(0, dtype=torch.long)

    def clear(self, batch: int) -> None:
        """See `Player.clear`."""
        table = self.embedding.table
        shape = [batch, self.quantisers]
        self.last = torch.full(shape, self.nothing, dtype=torch.long, device=table.device)

    def forward(
        self, given: torch.Tensor, conditions: torch.Tensor, listen: bool
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """One step; see `TogetherPlayer.forward`."""
        self.begin(given.shape[0])
        self.open()
        tokens = torch.zeros_like(given)
        for q in range(self.quantisers):
            context = self.context(self.last, conditions)
            token = self.choose(self.output.one(context, context, q), given[:, q], listen)
            self.last = torch.full_like(given, self.nothing)
            self.last[:, q] = token
            tokens[:, q] = token
        right, wide = self.figures()
        return tokens, right, wide


class ShiftedPlayer(Player):
    """Shifted: row s holds token q of step s - q, so a step is complete Q - 1 rows later.

    Playing runs ahead by these rows. When listening begins again they are taken back: the
    temporal models address their past by position, and going back is a smaller position.
    """

    def __init__(self, prior: Prior) -> None:
        super().__init__(prior, slack=prior.quantisers - 1)
        self.size = 2 * prior.quantisers
        self.tokens = torch.zeros(0, dtype=torch.long)  # [batch, steps, quantisers], a ring
        self.steps = 0  # that are complete and were heard or played

    def clear(self, batch: int) -> None:
        """See `Player.clear`."""
        table = self.embedding.table
        shape = [batch, self.size, self.quantisers]
        self.tokens = torch.full(shape, self.nothing, dtype=torch.long, device=table.device)
        self.steps = 0

    def row(self, number: int) -> torch.Tensor:
        """What the temporal model reads as this row, as far as it is known."""
        made = torch.full_like(self.tokens[:, 0], self.nothing)
        for q in range(self.quantisers):
            if number >= q:
                made[:, q] = self.tokens[:, (number - q) % self.size, q]
        return made

    def forward(
        self, given: torch.Tensor, conditions: torch.Tensor, listen: bool
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """One step; see `TogetherPlayer.forward`.

        When it is listened to, the figures are those of the row that its first token completes:
        token q of q steps ago. When it is played, conditions are those of the rows that it runs
        ahead to.
        """
        self.begin(given.shape[0])
        self.open()
        known = self.steps  # steps before this one are settled
        last_row = self.steps + self.quantisers - 1
        if listen:
            self.tokens[:, self.steps % self.size] = given
            self.position = self.steps
            known = self.steps + 1
            last_row = self.steps
        while self.position <= last_row:
            number = self.position
            context = self.context(self.row(number - 1), conditions)
            for q in range(self.quantisers):
                step = number - q
                if step >= 0 and (listen or step >= known):
                    place = step % self.size
                    logits = self.output.one(context, context, q)
                    self.tokens[:, place, q] = self.choose(logits, self.tokens[:, place, q], listen)
        tokens = self.tokens[:, self.steps % self.size].clone()
        self.steps += 1
        right, wide = self.figures()
        return tokens, right, wide


def player(prior: Prior) -> TogetherPlayer | FlattenedPlayer | ShiftedPlayer:
    """Make the player that fits a prior; they share the weights.

    ``torch.jit.script`` compiles it. Call it under ``torch.inference_mode()``.
    """
    name = prior.network.parametrisation
    if name == "flattened":
        return FlattenedPlayer(prior)
    if name == "shifted":
        return ShiftedPlayer(prior)
    return TogetherPlayer(prior)
