# SPDX-License-Identifier: MIT
"""How well tokens are predicted: by a prior, and by what needs no training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from . import metrics
from .crops import Batch, windows
from .errors import PriorError
from .network import Prior
from .sequences import Sequences, SplitName

PIECES = 16
"""Measured at a time."""


@dataclass(frozen=True)
class Figures:
    """Means over steps and quantisers (thesis, section 4.5)."""

    accuracy: float
    """Share of tokens that were the most likely one."""
    perplexity: float
    """Exponential of the entropy of a prediction, between 1 and the vocabulary."""
    cross_entropy: float
    """Nats per token; `inf` for a prediction that excludes what came."""
    per_quantiser: tuple[tuple[float, float, float], ...]
    """The three of each."""
    steps: int
    """That were predicted."""


class Sums:
    """Adds figures up, [quantisers] each."""

    def __init__(self, quantisers: int) -> None:
        self.total = torch.zeros(3, quantisers, dtype=torch.float64)
        self.steps = torch.zeros((), dtype=torch.float64)

    def add(self, logits: Tensor, batch: Batch) -> None:
        """Logits [batch, steps, quantisers, vocabulary] of a batch."""
        logits, tokens = logits[batch.counts], batch.tokens[batch.counts]
        each = torch.stack(
            [
                metrics.accuracy(logits, tokens),
                metrics.perplexity(logits),
                metrics.cross_entropy(logits, tokens),
            ]
        )
        self.total += each.cpu().double().sum(1)
        self.steps += len(tokens)

    def figures(self) -> Figures:
        """Their means.

        Raises:
            PriorError: there were no steps.
        """
        if not self.steps:
            raise PriorError(
                "there is nothing to predict: no recording is longer than the steps at its begin "
                "that don't count."
            )
        means = self.total / self.steps.item()
        accuracy, perplexity, cross_entropy = means.mean(1).tolist()
        rows = tuple((float(a), float(p), float(c)) for a, p, c in means.T.tolist())
        return Figures(accuracy, perplexity, cross_entropy, rows, int(self.steps.item()))


@torch.inference_mode()
def evaluate(
    prior: Prior,
    sequences: Sequences,
    split: SplitName = "validation",
    segment: int = 256,
    skip: int | None = None,
) -> Figures:
    """Measure a prior on all of a split.

    Args:
        prior: in evaluation mode.
        sequences: with at least its quantisers.
        split: which.
        segment: steps at a time; up to as many before them are known.
        skip: steps at the begin of each recording that don't count; default: what the prior needs
            to have something in its receptive field. Give the same to compare priors.

    Raises:
        PriorError: they are not of the prior's kind, or no recording is longer than that.
    """
    if sequences.quantisers < prior.quantisers or sequences.vocabulary != prior.vocabulary:
        raise PriorError(
            f"the prior predicts {prior.quantisers} tokens of {prior.vocabulary} values, but "
            f"'{sequences.path}' has {sequences.quantisers} of {sequences.vocabulary}."
        )
    names = tuple(held.name for held in prior.followed)
    skipped = prior.crop if skip is None else skip
    sums = Sums(prior.quantisers)
    device = next(prior.parameters()).device
    for batch in windows(sequences, split, prior.quantisers, names, segment, PIECES, skipped):
        batch = Batch(*(part.to(device) for part in batch))
        sums.add(prior(batch.tokens, batch.curves), batch)
    return sums.figures()


def baselines(
    sequences: Sequences,
    quantisers: int,
    split: SplitName = "validation",
    segment: int = 256,
    skip: int = 0,
) -> dict[str, Figures]:
    """What needs no network: repeat the last token, and counts of one and of two in a row.

    Each quantiser is predicted by itself. Counts are those of the training split, plus one.
    """
    vocabulary = sequences.vocabulary
    ones = torch.from_numpy(sequences.counts(quantisers)).double() + 1.0
    unigram = (ones / ones.sum(-1, keepdim=True)).log().float()
    twos = torch.ones(quantisers, vocabulary, vocabulary)
    for file in sequences.split("train"):
        tokens = torch.from_numpy(sequences.tokens(file)[:, :quantisers])
        for q in range(quantisers):
            twos[q].index_put_((tokens[:-1, q], tokens[1:, q]), torch.ones(()), accumulate=True)
    bigram = (twos / twos.sum(-1, keepdim=True)).log()
    places = torch.arange(quantisers)

    def repeat(before: Tensor) -> Tensor:
        certain = torch.full((*before.shape, vocabulary), float("-inf"))
        return certain.scatter_(-1, before.unsqueeze(-1), 0.0)

    kinds: dict[str, Callable[[Tensor], Tensor]] = {
        "repeat the last token": repeat,
        "unigram": lambda before: unigram.expand(*before.shape, vocabulary),
        "bigram": lambda before: bigram[places, before],
    }
    found = {}
    for name, rule in kinds.items():
        sums = Sums(quantisers)
        for batch in windows(sequences, split, quantisers, (), segment, PIECES, skip):
            # The first step of a recording has none before it.
            later = Batch(*(part[:, 1:] for part in batch))
            sums.add(rule(batch.tokens[:, :-1]), later)
        found[name] = sums.figures()
    return found
