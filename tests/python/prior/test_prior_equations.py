# SPDX-License-Identifier: MIT
"""Equations 4.7, 4.8 and 4.9 by brute force on three values and two quantisers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from tiny_priors import COMBINATIONS, all_sequences, joint, tiny

from nnbridge.prior.network import PARAMETRISATIONS, Prior
from nnbridge.prior.player import player

Q, V, T = 2, 3, 2
NOTHING = V


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max())
    return e / e.sum()


def selu(x: np.ndarray) -> np.ndarray:
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return scale * np.where(x > 0, x, alpha * (np.exp(x) - 1))


def numbers(parameter: torch.Tensor) -> np.ndarray:
    return parameter.detach().double().numpy()


def context_after(prior: Prior, rows: list[tuple[int, ...]]) -> np.ndarray:
    """What the temporal model says after these rows, which begin with the empty one."""
    table = prior.embedding.table.view(Q, V + 1, -1)
    vectors = torch.stack([sum(table[q, row[q]] for q in range(Q)) for row in rows])
    with torch.no_grad():
        return numbers(prior.temporal(vectors.unsqueeze(0))[0, -1])


def perceptron(prior: Prior, which: int, x: np.ndarray) -> np.ndarray:
    for name in ("first", "second", "third"):
        layer = getattr(prior.output.depth, name)
        x = numbers(layer.weight[which]) @ x + numbers(layer.bias[which])
        if name != "third":
            x = selu(x)
    return x


def head(prior: Prior, q: int, context: np.ndarray) -> np.ndarray:
    heads = prior.output.heads
    return softmax(numbers(heads.weight[q]) @ context + numbers(heads.bias[q]))


@pytest.mark.parametrize(("temporal", "parametrisation"), COMBINATIONS)
def test_the_probabilities_of_all_sequences_sum_to_one(temporal: str, parametrisation: str) -> None:
    prior = tiny(temporal, parametrisation)
    total = joint(prior, all_sequences(T, Q, V)).sum().item()
    assert total == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("temporal", ["wavenet", "gru", "transformer"])
def test_decoupled_is_temporal_times_depthwise_over_prior(temporal: str) -> None:
    prior = tiny(temporal, "decoupled")
    counts = np.array([[5, 1, 0], [2, 9, 4]])
    prior.output.set_prior(torch.from_numpy(counts))
    p_p = (counts + 1) / (counts + 1).sum(1, keepdims=True)
    sequences = all_sequences(T, Q, V)
    expected = []
    for tokens in sequences.tolist():
        probability = 1.0
        for t in range(T):
            context = context_after(prior, [(NOTHING, NOTHING), *map(tuple, tokens[:t])])
            first, second = tokens[t]
            probability *= head(prior, 0, context)[first]
            codebook = numbers(prior.output.depth.codebooks[0])
            p_q = softmax(perceptron(prior, 0, codebook[first]))
            product = head(prior, 1, context) * p_q / p_p[1]
            probability *= product[second] / product.sum()  # alpha
        expected.append(probability)
    np.testing.assert_allclose(joint(prior, sequences).numpy(), expected, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("temporal", ["wavenet", "gru", "transformer"])
def test_residual_reads_context_and_earlier_tokens(temporal: str) -> None:
    prior = tiny(temporal, "residual")
    sequences = all_sequences(T, Q, V)
    expected = []
    for tokens in sequences.tolist():
        probability = 1.0
        for t in range(T):
            context = context_after(prior, [(NOTHING, NOTHING), *map(tuple, tokens[:t])])
            first, second = tokens[t]
            probability *= softmax(perceptron(prior, 0, context))[first]
            known = context + numbers(prior.output.depth.codebooks[0])[first]
            probability *= softmax(perceptron(prior, 1, known))[second]
        expected.append(probability)
    np.testing.assert_allclose(joint(prior, sequences).numpy(), expected, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("temporal", ["wavenet", "gru", "transformer"])
def test_shifted_reads_rows_where_later_quantisers_come_later(temporal: str) -> None:
    prior = tiny(temporal, "shifted")
    sequences = all_sequences(T, Q, V)
    expected = []
    for (a, b), (c, d) in sequences.tolist():
        # Figure 4.2: (a, -) (c, b) (-, d); the last is predicted only.
        rows = [(NOTHING, NOTHING), (a, NOTHING), (c, b)]
        contexts = [context_after(prior, rows[: n + 1]) for n in range(3)]
        expected.append(
            head(prior, 0, contexts[0])[a]
            * head(prior, 0, contexts[1])[c]
            * head(prior, 1, contexts[1])[b]
            * head(prior, 1, contexts[2])[d]
        )
    np.testing.assert_allclose(joint(prior, sequences).numpy(), expected, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("temporal", ["wavenet", "gru", "transformer"])
def test_flattened_reads_one_token_after_the_other(temporal: str) -> None:
    prior = tiny(temporal, "flattened")
    sequences = all_sequences(T, Q, V)
    expected = []
    for (a, b), (c, d) in sequences.tolist():
        rows = [(NOTHING, NOTHING), (a, NOTHING), (NOTHING, b), (c, NOTHING)]
        contexts = [context_after(prior, rows[: n + 1]) for n in range(4)]
        chosen = itertools.product(range(T), range(Q))
        probability = 1.0
        for context, (_, q), token in zip(contexts, chosen, (a, b, c, d), strict=True):
            probability *= head(prior, q, context)[token]
        expected.append(probability)
    np.testing.assert_allclose(joint(prior, sequences).numpy(), expected, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("parametrisation", PARAMETRISATIONS)
def test_what_is_played_follows_the_modelled_distribution(parametrisation: str) -> None:
    prior = tiny("gru", parametrisation, layers=1)
    sequences = all_sequences(T, Q, V)
    modelled = joint(prior, sequences).numpy()
    draws = 6000
    playing = player(prior)
    with torch.inference_mode():
        steps = [
            playing(torch.zeros(draws, Q, dtype=torch.long), torch.zeros(draws, 0), False)[0]
            for _ in range(T)
        ]
    played = torch.stack(steps, 1).flatten(1)
    index = (played * V ** torch.arange(T * Q - 1, -1, -1)).sum(1)
    counts = np.bincount(index.numpy(), minlength=V ** (T * Q))
    # Chi-squared over 80 degrees of freedom: 1 in 1,000 is above 125.
    assert ((counts - draws * modelled) ** 2 / (draws * modelled)).sum() < 125
