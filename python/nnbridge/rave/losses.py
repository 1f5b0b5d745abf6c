# SPDX-License-Identifier: MIT
"""What training minimises, and the distance that results are told in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .recipe import Latent, Losses
from .spectra import amplitudes

Features = list[list[Tensor]]
"""Per scale of the discriminator its feature maps; the last one is the score."""


class SpectralDistance(nn.Module):
    """The multiscale spectral distance S of equation 3.1, averaged over the batch.

    Per scale n, X and Y being amplitudes of the STFT with a Hann window of n and a hop of n / 4:
    the relative Frobenius distance of X and Y, plus

    * ``norm``: log(|X - Y|_1 + 1), as printed;
    * ``amplitude``: the mean of |log(X + floor) - log(Y + floor)|, which hears quiet bins as well.
      Amplitudes are divided by the root of the window's energy, so that noise of a given level
      reads the same at every scale and the floor is a level.

    Args:
        scales: window lengths; those longer than the signal are left out.
        kind: norm or amplitude.
        floor: see above.
    """

    def __init__(self, scales: Sequence[int], kind: str = "norm", floor: float = 1e-3) -> None:
        super().__init__()
        self.scales = tuple(scales)
        self.kind = kind
        self.floor = floor
        # what silence is divided by: the reading of noise at -60 dB of full scale
        self._quietest: dict[int, float] = {}
        for scale in self.scales:
            window = torch.hann_window(scale)
            if kind == "amplitude":
                window /= window.square().sum().sqrt()
            self.register_buffer(f"window_{scale}", window, persistent=False)
            self._quietest[scale] = 1e-3 * float(window.square().sum().sqrt())

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Two of [batch, channels, time], the target first -> a scalar.

        The gradient goes to the second only.
        """
        total = y.new_zeros(())
        for scale in self.scales:
            if x.shape[-1] >= scale:
                total = total + self._at(scale, x.detach(), y).mean()
        return total

    def _at(self, scale: int, x: Tensor, y: Tensor) -> Tensor:
        """The distance at one scale for each of the batch."""
        window = self.get_buffer(f"window_{scale}").to(x.dtype)
        target, made = (
            amplitudes(signal.flatten(0, 1), window).reshape(len(signal), -1) for signal in (x, y)
        )
        difference = made - target
        quietest = self._quietest[scale] * math.sqrt(target.shape[1])
        relative = _norm(difference, 2) / (_norm(target, 2) + quietest)
        if self.kind == "norm":
            return relative + torch.log(_norm(difference, 1) + 1.0)
        logarithms = torch.log(made + self.floor) - torch.log(target.add_(self.floor))
        return relative + _norm(logarithms, 1) / logarithms.shape[1]


def _norm(x: Tensor, order: int) -> Tensor:
    """Of each row."""
    found: Tensor = torch.linalg.vector_norm(x, order, dim=1)
    return found


class ReconstructionLoss(nn.Module):
    """The spectral distance before and after the band synthesis."""

    def __init__(self, losses: Losses) -> None:
        super().__init__()
        self.audio = SpectralDistance(losses.scales, losses.distance, losses.floor)
        self.bands = SpectralDistance(losses.band_scales, losses.distance, losses.floor)

    def forward(self, x: Tensor, y: Tensor, x_bands: Tensor, y_bands: Tensor) -> Tensor:
        """Target and result, as audio and as bands, each [batch, channels, time]."""
        total: Tensor = self.audio(x, y) + self.bands(x_bands, y_bands)
        return total


def evaluation_distance(x: Tensor, y: Tensor, window: int = 2048) -> Tensor:
    """Equation 5.4: the norm of log(S(x) + 1) - log(S(y) + 1), with 75 % overlap.

    Args:
        x: [channels, time]; the reference.
        y: [channels, time].
        window: Hann, samples.

    Returns:
        The Frobenius norm divided by the root of the number of bins and frames, so that
        recordings of different lengths compare. A scalar.
    """
    hann = torch.hann_window(window, device=x.device)
    spectra = [
        torch.log1p(torch.stft(s, window, window // 4, window=hann, return_complex=True).abs())
        for s in (x.float(), y.float())
    ]
    return (spectra[0] - spectra[1]).square().mean().sqrt()


def discriminator_loss(real: Features, made: Features) -> Tensor:
    """Hinge, equation 3.3, mean over the scales."""
    losses = [
        F.relu(1.0 - r[-1]).mean() + F.relu(1.0 + m[-1]).mean()
        for r, m in zip(real, made, strict=True)
    ]
    return torch.stack(losses).mean()


def generator_loss(made: Features) -> Tensor:
    """Hinge, equation 3.3, mean over the scales."""
    return torch.stack([-m[-1].mean() for m in made]).mean()


def feature_matching(real: Features, made: Features) -> Tensor:
    """Mean absolute difference of the feature maps (Kumar et al. 2019), mean over all maps."""
    distances = [
        F.l1_loss(b, a.detach())
        for r, m in zip(real, made, strict=True)
        for a, b in zip(r[:-1], m[:-1], strict=True)
    ]
    return torch.stack(distances).mean()


def annealing(latent: Latent, step: int) -> float:
    """Weight of the regularisation at a step of stage one (Fu et al. 2019, cyclic annealing).

    It rises geometrically from the floor to the peak in the first half of each cycle, and stays
    there in the second. What is not variational keeps its weight.
    """
    if latent.kind != "variational" or latent.weight <= 0.0:
        return latent.weight
    phase = min(1.0, 2.0 * (step % latent.cycle) / latent.cycle)
    floor = min(latent.weight_floor, latent.weight)
    return float(floor ** (1.0 - phase) * latent.weight**phase)
