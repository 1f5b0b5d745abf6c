# SPDX-License-Identifier: MIT
"""A mixture of Gaussians with diagonal covariances: the divergence of equations 3.10 and 3.11."""

from __future__ import annotations

import math

import torch
from torch import Tensor

ITERATIONS = 200
ENOUGH = 1e-5
"""Nats per point: less gain than this ends the fit."""
SMALLEST = 1e-4
"""Added to every variance: no component may shrink onto one point."""


class Mixture:
    """Fitted by expectation and maximisation (Dempster, Laird and Rubin 1977).

    Args:
        points: [points, dimensions].
        components: at most so many Gaussians.
        seed: of the points that they begin at.
    """

    def __init__(self, points: Tensor, components: int, seed: int = 0) -> None:
        points = points.double()
        self._chance = torch.Generator().manual_seed(seed)
        begin = torch.randperm(len(points), generator=self._chance)[:components]
        self.means = points[begin].clone()
        self.variances = points.var(0, correction=0).expand_as(self.means) + SMALLEST
        self.shares = torch.full((components,), 1.0 / components, dtype=torch.double)
        before = -math.inf
        for _ in range(ITERATIONS):
            joint = self._joint(points)
            total = joint.logsumexp(1, keepdim=True)
            self._maximise(points, (joint - total).exp())
            now = float(total.mean())
            if now - before < ENOUGH:
                break
            before = now

    def log_density(self, points: Tensor) -> Tensor:
        """In nats, [points]."""
        return self._joint(points.double()).logsumexp(1)

    def draw(self, count: int) -> Tensor:
        """Points of the mixture, [count, dimensions]."""
        chosen = torch.multinomial(self.shares, count, replacement=True, generator=self._chance)
        shape = (count, self.means.shape[1])
        normal = torch.randn(shape, generator=self._chance, dtype=torch.double)
        return self.means[chosen] + normal * self.variances[chosen].sqrt()

    def _joint(self, points: Tensor) -> Tensor:
        """log(share * density) of every component, [points, components]."""
        precision = 1.0 / self.variances
        far = (
            points.square() @ precision.T
            - 2.0 * points @ (self.means * precision).T
            + (self.means.square() * precision).sum(1)
        )
        volume = (2.0 * math.pi * self.variances).log().sum(1)
        joint: Tensor = self.shares.log() - 0.5 * (far + volume)
        return joint

    def _maximise(self, points: Tensor, belongs: Tensor) -> None:
        weight = belongs.sum(0).clamp(min=1e-9)[:, None]
        self.shares = (weight[:, 0] / weight.sum()).clamp(min=1e-12)
        self.means = belongs.T @ points / weight
        spread = belongs.T @ points.square() / weight - self.means.square()
        self.variances = spread.clamp(min=0.0) + SMALLEST
