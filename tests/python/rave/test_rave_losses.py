# SPDX-License-Identifier: MIT
"""The losses, against the thesis's equations computed with numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nnbridge.rave import spectra
from nnbridge.rave.discriminator import Discriminator
from nnbridge.rave.losses import (
    ReconstructionLoss,
    SpectralDistance,
    annealing,
    discriminator_loss,
    evaluation_distance,
    feature_matching,
    generator_loss,
)
from nnbridge.rave.recipe import Latent, Losses, Recipe


def amplitudes(x: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """|STFT| with a Hann window of n, a hop of n / 4, reflected at the ends."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    padded = np.pad(x, n // 2, mode="reflect")
    frames = [padded[i : i + n] * window for i in range(0, len(padded) - n + 1, n // 4)]
    return np.abs(np.fft.rfft(np.stack(frames)))


@pytest.mark.parametrize(("frames", "n"), [(300, 64), (301, 128), (1000, 256), (130, 256)])
def test_our_amplitudes_and_their_gradient_are_those_of_torch(frames: int, n: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, frames, dtype=torch.float64, requires_grad=True)
    window = torch.hann_window(n, dtype=torch.float64)
    ours = spectra.amplitudes(x, window)
    theirs = torch.stft(x, n, n // 4, window=window, return_complex=True).abs().transpose(1, 2)
    assert torch.allclose(ours, theirs, atol=1e-8)
    weights = torch.randn_like(ours)
    gradients = [torch.autograd.grad(a, x, weights)[0] for a in (ours, theirs)]
    assert torch.allclose(*gradients, atol=1e-7)


def test_the_amplitude_distance_compares_levels_of_every_bin() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 2000)) * 0.3
    expected = 0.0
    for n in (512, 128):
        energy = np.sqrt(np.square(np.hanning(n + 1)[:-1]).sum())
        a, b = amplitudes(x, n) / energy, amplitudes(y, n) / energy
        expected += np.linalg.norm(a - b) / np.linalg.norm(a)
        expected += np.abs(np.log(a + 1e-3) - np.log(b + 1e-3)).mean()
    distance = SpectralDistance((512, 128), "amplitude", 1e-3)
    found = distance(*(torch.from_numpy(s).float()[None, None] for s in (x, y)))
    assert float(found) == pytest.approx(expected, rel=5e-3)


def test_the_spectral_distance_is_equation_3_1() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 2000)) * 0.3
    expected = 0.0
    for n in (512, 128):
        a, b = amplitudes(x, n), amplitudes(y, n)
        expected += np.linalg.norm(a - b) / np.linalg.norm(a) + np.log(np.abs(a - b).sum() + 1)
    distance = SpectralDistance((512, 128))
    found = distance(*(torch.from_numpy(s).float()[None, None] for s in (x, y)))
    # silence is given a level of -60 dB to be divided by, which is 0.3 % of this noise
    assert float(found) == pytest.approx(expected, rel=2e-3)


def test_the_distance_of_an_example_does_not_depend_on_the_others() -> None:
    for kind in ("norm", "amplitude"):
        distance = SpectralDistance((256, 64), kind)
        x, y = 0.1 * torch.randn(2, 4, 1, 2048)
        each = torch.stack([distance(x[i : i + 1], y[i : i + 1]) for i in range(4)])
        assert float(distance(x, y)) == pytest.approx(float(each.mean()), rel=1e-5)


@pytest.mark.parametrize("kind", ["norm", "amplitude"])
def test_silence_has_a_finite_distance_and_gradient(kind: str) -> None:
    distance = SpectralDistance((256, 64), kind)
    for target in (torch.zeros(1, 1, 2048), torch.randn(1, 1, 2048)):
        made = torch.zeros(1, 1, 2048, requires_grad=True)
        loss = distance(target, made)
        loss.backward()
        assert made.grad is not None
        assert torch.isfinite(loss)
        assert torch.isfinite(made.grad).all()


def test_a_scale_longer_than_the_signal_is_left_out() -> None:
    x, y = torch.randn(2, 1, 1, 500)
    assert SpectralDistance((2048, 128))(x, y) == SpectralDistance((128,))(x, y)


def test_reconstruction_is_compared_before_and_after_the_synthesis() -> None:
    losses = Losses(scales=(128,), band_scales=(32,))
    x, y, a, b = torch.randn(2, 1, 512), torch.randn(2, 1, 512), *torch.randn(2, 2, 16, 128)
    expected = SpectralDistance((128,))(x, y) + SpectralDistance((32,))(a, b)
    assert torch.allclose(ReconstructionLoss(losses)(x, y, a, b), expected)


def test_the_evaluation_distance_is_equation_5_4_per_bin_and_frame() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 10_000))
    a, b = amplitudes(x, 2048), amplitudes(y, 2048)
    expected = np.sqrt(np.mean((np.log(a + 1) - np.log(b + 1)) ** 2))
    found = evaluation_distance(*(torch.from_numpy(s)[None] for s in (x, y)))
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_the_hinge_losses_are_equation_3_3() -> None:
    real = [[torch.zeros(1), torch.tensor([2.0, 0.5])], [torch.zeros(1), torch.tensor([-1.0])]]
    made = [[torch.zeros(1), torch.tensor([-2.0, 0.5])], [torch.zeros(1), torch.tensor([0.0])]]
    # scale 1: mean(0, 0.5) + mean(0, 1.5); scale 2: 2 + 1
    assert float(discriminator_loss(real, made)) == pytest.approx(((0.25 + 0.75) + 3.0) / 2)
    assert float(generator_loss(made)) == pytest.approx((0.75 + 0.0) / 2)


def test_features_are_matched_without_the_score_and_only_the_made_ones_learn() -> None:
    real = [[torch.ones(2, requires_grad=True), torch.zeros(1)]]
    made = [[torch.full((2,), 4.0, requires_grad=True), torch.full((1,), 100.0)]]
    loss = feature_matching(real, made)
    loss.backward()
    assert loss.item() == 3.0
    assert real[0][0].grad is None
    assert made[0][0].grad is not None


def test_the_regularisation_cycles() -> None:
    latent = Latent(weight=0.1, weight_floor=1e-3, cycle=100)
    assert annealing(latent, 0) == pytest.approx(1e-3)
    assert annealing(latent, 25) == pytest.approx(1e-2)
    assert annealing(latent, 50) == pytest.approx(0.1)
    assert annealing(latent, 99) == pytest.approx(0.1)
    assert annealing(latent, 100) == pytest.approx(1e-3)
    assert annealing(Latent(kind="wasserstein", weight=3.0), 0) == 3.0


def test_the_discriminator_looks_at_three_rates() -> None:
    discriminator = Discriminator(Recipe.load("small"))
    found = discriminator(torch.randn(2, 1, 8192))
    assert [len(scale) for scale in found] == [5, 5, 5]
    assert [scale[0].shape[-1] for scale in found] == [8192, 4096, 2048]
    assert [scale[-1].shape for scale in found] == [(2, 1, 128), (2, 1, 64), (2, 1, 32)]
