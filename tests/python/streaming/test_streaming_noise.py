# SPDX-License-Identifier: MIT
"""Counted noise: white, repeatable, and the same in any pieces."""

from __future__ import annotations

import torch

from nnbridge.streaming import noise


def test_noise_is_the_same_in_any_pieces_and_scripted() -> None:
    for draw in (noise.uniform, noise.normal):
        whole = draw(3, 0, 100, 5)
        scripted = torch.jit.script(draw)
        assert torch.equal(torch.cat([scripted(3, 0, 33, 5), scripted(3, 33, 67, 5)]), whole)
        assert not torch.equal(draw(4, 0, 100, 5), whole)
        assert torch.isfinite(draw(2**62, 2**40, 4, 2)).all()
        assert torch.isfinite(draw(-5, -7, 4, 2)).all()


def test_noise_is_uniform_white_and_independent_between_channels() -> None:
    x = noise.uniform(1, 0, 40000, 8)
    assert -1.0 <= float(x.min()) < -0.999 < 0.999 < float(x.max()) < 1.0
    counts = torch.histc(x, 100, -1.0, 1.0)
    expected = x.numel() / 100
    assert float(((counts - expected) ** 2 / expected).sum()) < 160  # chi squared, 99 degrees
    together = torch.corrcoef(x.T) - torch.eye(8)
    assert float(together.abs().max()) < 0.025  # five deviations
    for lag in (1, 2, 16, 64):
        likeness = (x[:-lag] * x[lag:]).mean(0) * 3.0
        assert float(likeness.abs().max()) < 0.025


def test_normal_noise_has_the_moments_of_a_normal_distribution() -> None:
    x = noise.normal(1, 0, 100000, 4).double()
    for power, moment, tolerance in ((1, 0.0, 0.01), (2, 1.0, 0.02), (3, 0.0, 0.05), (4, 3.0, 0.1)):
        assert abs(float((x**power).mean()) - moment) < tolerance
