# SPDX-License-Identifier: MIT
"""Playing step by step is the full computation, listened to or played, for ever."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny_priors import COMBINATIONS, tiny

from nnbridge.prior import metrics
from nnbridge.prior.network import Network, Prior
from nnbridge.prior.player import player

Q, V = 2, 5
DESCRIPTORS = ("loudness", "flatness")


def material(steps: int, batch: int = 1, quantisers: int = Q) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(steps)
    tokens = torch.randint(0, V, (batch, steps, quantisers), generator=generator)
    curves = torch.rand(batch, steps, 2, generator=generator) * torch.tensor([-60.0, 1.0])
    return tokens, curves


def recorded(playing: Any) -> list[torch.Tensor]:
    """The list into which the player's logits go from now on, in the order of its choices."""
    kept: list[torch.Tensor] = []
    choose = playing.choose

    def choose_and_keep(logits: torch.Tensor, given: torch.Tensor, listen: bool) -> torch.Tensor:
        kept.append(logits)
        return choose(logits, given, listen)

    playing.choose = choose_and_keep
    return kept


def in_order_of_choice(prior: Prior, full: torch.Tensor) -> list[torch.Tensor]:
    late = 1 if prior.layout.lookahead else 0
    steps, quantisers = full.shape[1:3]
    return [
        full[:, row - late * q, q]
        for row in range(steps)
        for q in range(quantisers)
        if row - late * q >= 0
    ]


@pytest.mark.parametrize("layers", [1, pytest.param(3, marks=pytest.mark.extended)])
@pytest.mark.parametrize(("temporal", "parametrisation"), COMBINATIONS)
def test_cached_logits_equal_full_ones_over_2000_steps(
    temporal: str, parametrisation: str, layers: int
) -> None:
    prior = tiny(temporal, parametrisation, Q, V, DESCRIPTORS, layers=layers)
    tokens, curves = material(2000)
    playing = player(prior)
    kept = recorded(playing)
    with torch.inference_mode():
        expected = in_order_of_choice(prior, prior(tokens, curves))
        for t in range(tokens.shape[1]):
            playing(tokens[:, t], curves[:, t], True)
    # Random weights spread logits over several units: the tolerance is not one of silence.
    assert torch.stack(expected).std() > 0.3
    torch.testing.assert_close(torch.stack(kept), torch.stack(expected), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("temporal", "parametrisation"), COMBINATIONS)
def test_greedy_playing_takes_the_most_likely_tokens_of_the_full_computation(
    temporal: str, parametrisation: str
) -> None:
    prior = tiny(temporal, parametrisation, 3, V, DESCRIPTORS)
    tokens, curves = material(60, quantisers=3)
    # Conditions that stand still: a shifted model runs ahead with those of now.
    curves = curves[:, :1].expand(-1, 60, -1)
    playing = player(prior)
    playing.temperature = 0.0
    with torch.inference_mode():
        for t in range(20):
            playing(tokens[:, t], curves[:, t], True)
        for t in range(20, 60):
            tokens[:, t] = playing(tokens[:, t], curves[:, t], False)[0]
        likely = prior(tokens, curves).argmax(-1)
    end = 60 - prior.layout.lookahead
    assert torch.equal(tokens[:, 20:end], likely[:, 20:end])
    assert len(tokens[0, 20:end].unique()) > 1


@pytest.mark.parametrize(("temporal", "parametrisation"), COMBINATIONS)
def test_what_was_played_is_remembered_as_if_it_had_been_heard(
    temporal: str, parametrisation: str
) -> None:
    prior = tiny(temporal, parametrisation, 3, V, DESCRIPTORS)
    tokens, curves = material(60, batch=2, quantisers=3)
    if parametrisation == "shifted":  # runs ahead with the descriptors of now
        curves = curves[:, :1].expand(-1, 60, -1)
    playing, hearing = player(prior), player(prior)
    plays = {*range(7, 9), *range(20, 41), *range(50, 51)}  # listens in between
    with torch.inference_mode():
        for t in range(60):
            if t in plays:
                tokens[:, t] = playing(tokens[:, t], curves[:, t], False)[0]
                hearing(tokens[:, t], curves[:, t], True)
            else:
                _, *one = playing(tokens[:, t], curves[:, t], True)
                _, *other = hearing(tokens[:, t], curves[:, t], True)
                torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("temporal", "parametrisation"), COMBINATIONS)
def test_the_compiled_player_plays_the_same_tokens(temporal: str, parametrisation: str) -> None:
    prior = tiny(temporal, parametrisation, Q, V, DESCRIPTORS)
    tokens, curves = material(40, batch=2)
    playing = player(prior)
    compiled = torch.jit.script(playing)
    with torch.inference_mode():
        for t in range(40):
            listen = t % 13 < 5
            one = playing(tokens[:, t], curves[:, t], listen)
            other = compiled(tokens[:, t], curves[:, t], listen)
            assert torch.equal(one[0], other[0])
            torch.testing.assert_close(one[1:], other[1:], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("temporal", "parametrisation"), COMBINATIONS)
def test_the_memory_of_a_player_does_not_grow(temporal: str, parametrisation: str) -> None:
    playing = player(tiny(temporal, parametrisation, Q, V))
    sizes = []
    with torch.inference_mode():
        for _ in range(100):
            playing(torch.zeros(1, Q, dtype=torch.long), torch.zeros(1, 0), False)
            sizes.append(sum(held.numel() for held in playing.state))
    assert len(set(sizes)) == 1


@pytest.mark.parametrize(("temporal", "parametrisation"), COMBINATIONS)
def test_forgetting_begins_anew_and_keeps_nothing(temporal: str, parametrisation: str) -> None:
    playing = player(tiny(temporal, parametrisation, Q, V))
    nothing = torch.zeros(1, Q, dtype=torch.long)

    def play() -> torch.Tensor:
        playing.draws = 0
        with torch.inference_mode():
            played = [playing(nothing, torch.zeros(1, 0), False) for _ in range(20)]
        return torch.stack([torch.cat([tokens[0], wide]) for tokens, _, wide in played])

    first = play()
    assert not torch.equal(play(), first)  # it went on
    playing.forget()
    assert torch.equal(play(), first)


@pytest.mark.parametrize("parametrisation", ["flattened", "decoupled", "residual", "shifted"])
def test_the_figures_are_those_of_what_is_heard(parametrisation: str) -> None:
    prior = tiny("transformer", parametrisation, Q, V)
    tokens, _ = material(50)
    playing = player(prior)
    with torch.inference_mode():
        full = prior(tokens)
        heard = [playing(tokens[:, t], torch.zeros(1, 0), True) for t in range(50)]
    right = torch.stack([step[1] for step in heard])
    wide = torch.stack([step[2] for step in heard])
    if parametrisation == "shifted":  # row t: token q of step t - q
        full = torch.stack([full[:, 1:, 0], full[:, :-1, 1]], -2)
        tokens = torch.stack([tokens[:, 1:, 0], tokens[:, :-1, 1]], -1)
        right, wide = right[1:], wide[1:]
    assert right.mean().item() == pytest.approx(metrics.accuracy(full, tokens).mean().item())
    assert wide.mean().item() == pytest.approx(metrics.perplexity(full).mean().item(), rel=1e-4)


@pytest.mark.parametrize("aggregation", ["sum", "weighted", "concatenate"])
@pytest.mark.parametrize("size", [None, 6])
@pytest.mark.parametrize("quantisers", [1, 3])
@pytest.mark.parametrize("parametrisation", ["decoupled", "shifted"])
def test_every_embedding_and_number_of_quantisers_plays_what_it_computes(
    aggregation: str, size: int | None, quantisers: int, parametrisation: str
) -> None:
    codebooks = None if size is None else torch.randn(quantisers, V, size)
    network = Network("gru", parametrisation, 16, 1, aggregation=aggregation)
    prior = Prior(network, quantisers, V, codebooks=codebooks).eval()
    if codebooks is not None:
        held = prior.embedding.table.view(quantisers, V + 1, -1)[:, :V]
        assert torch.equal(held, codebooks)
    playing = player(prior)
    kept = recorded(playing)
    tokens, _ = material(6, quantisers=quantisers)
    with torch.inference_mode():
        full = prior(tokens)
        for t in range(6):
            playing(tokens[:, t], torch.zeros(1, 0), True)
    late = 1 if prior.layout.lookahead else 0
    expected = [full[:, row - late * q, q] for row in range(6) for q in range(quantisers)
                if row - late * q >= 0]  # fmt: skip
    torch.testing.assert_close(torch.stack(kept), torch.stack(expected), atol=1e-5, rtol=1e-5)
    torch.jit.script(player(prior))
