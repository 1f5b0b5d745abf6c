# SPDX-License-Identifier: MIT
"""What each prediction depends on: exactly what its equation says, and never on itself."""

from __future__ import annotations

import itertools

import pytest
import torch
from tiny_priors import COMBINATIONS, tiny

Q, V, T = 3, 4, 5


def may_see(parametrisation: str, t: int, q: int, other: int, i: int) -> bool:
    """Whether token q of step t may depend on token i of step `other`."""
    if parametrisation == "shifted":
        return other < t + q - i  # equation 4.9
    return (other, i) < (t, q)


@pytest.mark.parametrize(("temporal", "parametrisation"), COMBINATIONS)
def test_a_prediction_depends_on_what_its_equation_says_and_nothing_else(
    temporal: str, parametrisation: str
) -> None:
    prior = tiny(temporal, parametrisation, Q, V, cycle=3, layers=3).double()
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, V, (1, T, Q), generator=generator)
    with torch.no_grad():
        before = prior(tokens)
        for other, i in itertools.product(range(T), range(Q)):
            changed = tokens.clone()
            changed[0, other, i] = (changed[0, other, i] + 1) % V
            differs = (prior(changed) != before).any(-1)[0]
            for t, q in itertools.product(range(T), range(Q)):
                expected = may_see(parametrisation, t, q, other, i)
                assert bool(differs[t, q]) == expected, (t, q, other, i)


@pytest.mark.parametrize(("temporal", "parametrisation"), COMBINATIONS)
def test_a_prediction_follows_the_descriptors_of_its_step_but_not_later_ones(
    temporal: str, parametrisation: str
) -> None:
    prior = tiny(temporal, parametrisation, Q, V, ("centroid", "beat"), cycle=3, layers=3).double()
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, V, (1, T, Q), generator=generator)
    curves = torch.rand(1, T, 2, generator=generator).double() * torch.tensor([20000.0, 1.0])
    late = prior.layout.lookahead
    with torch.no_grad():
        before = prior(tokens, curves)
        for step, channel in itertools.product(range(T), range(2)):
            changed = curves.clone()
            changed[0, step, channel] = 9000.0 if channel == 0 else 1.0 - curves[0, step, 1].round()
            differs = (prior(tokens, changed) != before).any(-1)[0]
            for t, q in itertools.product(range(T), range(Q)):
                row = t + (q if late else 0)
                assert bool(differs[t, q]) == (step <= row), (t, q, step)
