# SPDX-License-Identifier: MIT
"""How many dimensions a latent really has (thesis, section 3.1.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Dimensions:
    """A latent's dimensions in order of importance.

    Attributes:
        mean: [latents], of the latent over a data set.
        basis: [latents, latents], orthonormal; its rows are the dimensions, the most important
            first (the right singular vectors of equation 3.6).
        fidelity: [latents], entry n the share of the singular values in the first n + 1
            (equation 3.7).
    """

    mean: Tensor
    basis: Tensor
    fidelity: Tensor

    def count(self, fidelity: float) -> int:
        """The smallest number of dimensions that holds this share (r_f of equation 3.7)."""
        return count(self.fidelity, fidelity)


def dimensions(means: Tensor) -> Dimensions:
    """Measure a latent.

    Args:
        means: [frames, latents], the most probable latent of many frames (equation 3.5).

    Raises:
        ValueError: fewer than two frames.
    """
    if len(means) < 2:
        raise ValueError(f"a latent is measured on two frames or more, not on {len(means)}")
    size = means.shape[1]
    mean = means.double().mean(0)
    centred = means.double() - mean
    # frames of zeros change no singular value, and give a basis even from a few frames
    centred = F.pad(centred, (0, 0, 0, max(0, size - len(centred))))
    _, values, basis = torch.linalg.svd(centred, full_matrices=False)
    total = values.sum()
    curve = values.cumsum(0) / total if total > 0 else torch.ones_like(values)
    # A direction and its opposite are the same dimension: the largest entry is made positive.
    largest = basis.gather(1, basis.abs().argmax(1, keepdim=True))
    basis = basis * torch.where(largest < 0, -1.0, 1.0)
    return Dimensions(mean.float(), basis.float(), curve.float())


def count(curve: Tensor, fidelity: float) -> int:
    """The smallest r with curve[r - 1] >= fidelity, between 1 and all.

    Raises:
        ValueError: a fidelity that is not between 0 and 1.
    """
    if not 0.0 <= fidelity <= 1.0:
        raise ValueError(f"a fidelity lies between 0 and 1, and {fidelity} does not")
    reached = torch.nonzero(curve >= fidelity - 1e-6)
    return int(reached[0]) + 1 if len(reached) else len(curve)
