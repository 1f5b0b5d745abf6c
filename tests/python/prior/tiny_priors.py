# SPDX-License-Identifier: MIT
"""Priors small enough to enumerate, with random weights."""

from __future__ import annotations

import itertools

import torch

from nnbridge.prior.conditioning import conditions
from nnbridge.prior.network import PARAMETRISATIONS, TEMPORALS, Network, Prior

TINY = [
    "network.width=16",
    "network.layers=2",
    "network.heads=2",
    "network.window=16",
    "training.segment=24",
    "training.batch=4",
    "training.ramp=5",
    "training.learning_rate=5e-3",
    "training.validate_every=10",
    "training.checkpoint_every=5",
    "training.log_every=5",
    "training.steps=40",
    'material.descriptors=["centroid"]',
]
"""Settings of a recipe that trains in seconds."""

COMBINATIONS = list(itertools.product(TEMPORALS, PARAMETRISATIONS))


def tiny(
    temporal: str,
    parametrisation: str,
    quantisers: int = 2,
    vocabulary: int = 3,
    followed: tuple[str, ...] = (),
    seed: int = 0,
    **sizes: object,
) -> Prior:
    """Sharp enough random weights that everything that can matter does."""
    given: dict[str, object] = {"width": 16, "layers": 2, "heads": 2, "window": 8, "cycle": 2}
    network = Network(temporal, parametrisation, **{**given, **sizes})  # type: ignore[arg-type]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        prior = Prior(network, quantisers, vocabulary, conditions(followed, 44100))
        for parameter in prior.parameters():
            parameter.data *= 2.0
        if parametrisation == "decoupled":
            prior.output.set_prior(torch.randint(0, 30, (quantisers, vocabulary)))
    return prior.eval()


def all_sequences(steps: int, quantisers: int, vocabulary: int) -> torch.Tensor:
    """Every sequence there is: [vocabulary ** (steps * quantisers), steps, quantisers]."""
    values = itertools.product(range(vocabulary), repeat=steps * quantisers)
    return torch.tensor(list(values)).view(-1, steps, quantisers)


def joint(prior: Prior, tokens: torch.Tensor) -> torch.Tensor:
    """The modelled probability of each sequence: the product of its tokens' probabilities."""
    with torch.no_grad():
        logs = prior(tokens).log_softmax(-1).gather(-1, tokens.unsqueeze(-1))
    return logs.double().sum((1, 2, 3)).exp()
