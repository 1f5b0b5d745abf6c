# SPDX-License-Identifier: MIT
"""Random numbers, sampling, and the two figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nnbridge.prior import metrics
from nnbridge.prior.random import philox, uniform
from nnbridge.prior.sampling import sample

ANY = torch.tensor([0.5], dtype=torch.float64)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # known answers published with Random123
        ((0x00000000, 0x00000000), 0x00000000, (0xFF1DAE59, 0x6CD10DF2)),
        ((0xFFFFFFFF, 0xFFFFFFFF), 0xFFFFFFFF, (0x2C3F628B, 0xAB4FD7AD)),
        ((0x243F6A88, 0x85A308D3), 0x13198A2E, (0xDD7CE038, 0xF62A4C12)),
    ],
)
def test_philox_gives_the_published_answers_compiled_or_not(
    counter: tuple[int, int], key: int, expected: tuple[int, int]
) -> None:
    assert philox(*counter, key) == expected
    assert torch.jit.script(philox)(*counter, key) == expected


def test_random_numbers_are_uniform_and_independent_of_the_batch() -> None:
    numbers = torch.stack([uniform(7, draw, 3) for draw in range(3000)])
    assert torch.equal(numbers[:, :1], torch.stack([uniform(7, draw, 1) for draw in range(3000)]))
    assert float(numbers.min()) >= 0.0
    assert float(numbers.max()) < 1.0
    counts = np.histogram(numbers.numpy(), bins=20, range=(0, 1))[0]
    assert ((counts - 450) ** 2 / 450).sum() < 43.8  # 1 in 1,000 for 19 degrees of freedom
    assert abs(np.corrcoef(numbers.numpy().T)[0, 1]) < 0.07


def draw_many(logits: list[float], temperature: float, top_k: int, top_p: float) -> list[float]:
    numbers = (torch.arange(10000, dtype=torch.float64) + 0.5) / 10000
    rows = torch.tensor([logits]).expand(10000, -1)
    tokens = sample(rows, temperature, top_k, top_p, numbers)
    return (torch.bincount(tokens, minlength=len(logits)) / 10000).tolist()


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_temperature_divides_the_logits(temperature: float) -> None:
    logits = [0.3, -1.0, 1.7, 0.0]
    weights = [math.exp(x / temperature) for x in logits]
    expected = [weight / sum(weights) for weight in weights]
    assert draw_many(logits, temperature, 0, 1.0) == pytest.approx(expected, abs=2e-4)


def test_temperature_zero_is_greedy_and_nearly_zero_nearly_so() -> None:
    assert draw_many([0.3, -1.0, 1.7, 1.6], 0.0, 0, 1.0) == [0, 0, 1, 0]
    assert draw_many([0.3, -1.0, 1.7, 1.6], 1e-30, 0, 1.0) == [0, 0, 1, 0]


def test_top_k_keeps_the_k_most_likely_tokens() -> None:
    logits = [math.log(p) for p in (0.1, 0.4, 0.2, 0.3)]
    assert draw_many(logits, 1.0, 2, 1.0) == pytest.approx([0, 4 / 7, 0, 3 / 7], abs=2e-4)
    assert draw_many(logits, 1.0, 99, 1.0) == pytest.approx([0.1, 0.4, 0.2, 0.3], abs=2e-4)


def test_top_p_keeps_the_fewest_tokens_that_reach_it() -> None:
    logits = [math.log(p) for p in (0.1, 0.4, 0.2, 0.3)]
    assert draw_many(logits, 1.0, 0, 0.65) == pytest.approx([0, 4 / 7, 0, 3 / 7], abs=2e-4)
    assert draw_many(logits, 1.0, 0, 0.75) == pytest.approx([0, 4 / 9, 2 / 9, 3 / 9], abs=2e-4)
    assert draw_many(logits, 1.0, 0, 0.0) == [0, 1, 0, 0]


def test_what_has_no_probability_is_never_drawn() -> None:
    logits = torch.tensor([[-math.inf, 0.0, -math.inf]])
    for number in (0.0, 0.5, 1.0 - 2**-53):
        drawn = sample(logits, 1.0, 0, 1.0, torch.tensor([number], dtype=torch.float64))
        assert drawn.tolist() == [1]


def test_perplexity_is_the_exponential_of_the_entropy() -> None:
    even = torch.zeros(1, 8)
    assert metrics.perplexity(even).item() == pytest.approx(8.0)
    certain = torch.tensor([[0.0, -math.inf, -math.inf]])
    assert metrics.perplexity(certain).item() == pytest.approx(1.0)
    p = np.array([0.5, 0.25, 0.125, 0.125])
    logits = torch.from_numpy(np.log(p)).float().unsqueeze(0) + 3.0
    assert metrics.perplexity(logits).item() == pytest.approx(np.exp(-(p * np.log(p)).sum()))
    assert metrics.cross_entropy(logits, torch.tensor([2])).item() == pytest.approx(np.log(8))
    assert metrics.accuracy(logits, torch.tensor([0])).item() == 1.0
