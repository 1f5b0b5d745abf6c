# SPDX-License-Identifier: MIT
"""The four latents and their regularisations, against computations made otherwise."""

from __future__ import annotations

import math
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from nnbridge.rave.fidelity import count, dimensions
from nnbridge.rave.latent import Discrete, Variational, latent_space, maximum_mean_discrepancy
from nnbridge.rave.network import RAVE
from nnbridge.rave.quantiser import Quantiser
from nnbridge.rave.recipe import Recipe
from nnbridge.rave.sphere import from_angles, to_angles


def discrete(*settings: str) -> Quantiser:
    recipe = Recipe.load("discrete").override(
        ["network.latents=4", "latent.codes=16", "latent.quantisers=3", *settings]
    )
    latent = latent_space(recipe)
    assert isinstance(latent, Discrete)
    return latent.quantiser


def test_the_divergence_is_that_of_two_normal_distributions() -> None:
    latent = Variational()
    statistics = torch.randn(3, 10, 7)
    _, divergence, _ = latent.sample(statistics)
    mean, scale = latent.moments(statistics)
    expected = kl_divergence(Normal(mean, scale), Normal(0.0, 1.0)).mean((0, 2)).sum()
    assert divergence.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_variational_latent_is_drawn_from_its_distribution() -> None:
    latent = Variational()
    statistics = torch.cat([torch.full((1, 1, 200_000), 0.5), torch.zeros(1, 1, 200_000)], 1)
    z, _, _ = latent.sample(statistics)
    assert z.mean().item() == pytest.approx(0.5, abs=0.01)
    assert z.std().item() == pytest.approx(math.log1p(math.exp(-4.0)), rel=0.01)
    assert torch.equal(latent.mean(statistics), statistics[:, :1])


def test_the_discrepancy_is_the_double_sum_of_its_definition() -> None:
    x, y = torch.randn(6, 3).double(), torch.randn(6, 3).double() + 1.0

    def mean_kernel(a: torch.Tensor, b: torch.Tensor) -> float:
        values = [
            math.exp(-sum((p - q) ** 2 for p, q in zip(u, v, strict=True)) / (2 * 3))
            for u in a.tolist()
            for v in b.tolist()
        ]
        return sum(values) / len(values)

    expected = mean_kernel(x, x) + mean_kernel(y, y) - 2 * mean_kernel(x, y)
    assert maximum_mean_discrepancy(x, y).item() == pytest.approx(expected, abs=1e-12)


def test_the_discrepancy_tells_a_normal_distribution_from_another() -> None:
    torch.manual_seed(0)
    normal = torch.randn(512, 8)
    same = maximum_mean_discrepancy(torch.randn(512, 8), normal)
    assert maximum_mean_discrepancy(torch.randn(512, 8) + 0.5, normal) > 5 * same
    assert maximum_mean_discrepancy(0.5 * torch.randn(512, 8), normal) > 5 * same


def test_each_codebook_takes_the_nearest_entry_to_what_is_left() -> None:
    quantiser = discrete()
    quantiser.codebooks.normal_()
    z = torch.randn(2, 4, 5)
    codes = quantiser.codes(z)
    assert codes.shape == (2, 3, 5)
    for b in range(2):
        for t in range(5):
            left = z[b, :, t].clone()
            for q in range(3):
                distances = [
                    float((left - entry).square().sum()) for entry in quantiser.codebooks[q]
                ]
                best = int(np.argmin(distances))
                assert int(codes[b, q, t]) == best
                left = left - quantiser.codebooks[q, best]
            assert torch.allclose(z[b, :, t] - left, quantiser(z)[b, :, t], atol=1e-5)


def test_fewer_codebooks_give_a_coarser_latent_and_numbers_beyond_are_taken_to_the_end() -> None:
    quantiser = discrete()
    quantiser.codebooks.normal_()
    codes = torch.randint(0, 16, (1, 3, 4))
    assert torch.allclose(
        quantiser.lookup(codes[:, :1]), quantiser.codebooks[0][codes[:, 0]].transpose(1, 2)
    )
    assert torch.equal(
        quantiser.lookup(torch.tensor([[[99]], [[-3]]])),
        quantiser.lookup(torch.tensor([[[15]], [[0]]])),
    )


def test_codebooks_learn_the_clusters_that_are_there() -> None:
    torch.manual_seed(0)
    quantiser = discrete("latent.quantiser_dropout=false").train()
    centres = 3.0 * torch.randn(16, 4)
    for _ in range(200):
        which = torch.randint(0, 16, (4, 32))
        vectors = centres[which] + 0.05 * torch.randn(4, 32, 4)
        _, commitment, figures = quantiser.learn(vectors.transpose(1, 2))
    assert float(commitment) < 0.01 * float(centres.square().mean())
    assert float(figures["code_perplexity"]) > 8


def test_a_dead_entry_comes_back_to_life() -> None:
    torch.manual_seed(0)
    quantiser = discrete("latent.quantiser_dropout=false").train()
    quantiser.learn(torch.randn(2, 4, 64))
    assert bool(quantiser.begun)
    quantiser.codebooks[0, 3] = 1e3
    quantiser.sums[0, 3] = 1e3 * quantiser.counts[0, 3]
    for _ in range(400):
        quantiser.learn(torch.randn(2, 4, 64))
    assert quantiser.codebooks[0, 3].abs().max() < 10


def test_the_gradient_goes_straight_through() -> None:
    quantiser = discrete().train()
    quantiser.learn(torch.randn(2, 4, 64))
    z = torch.randn(2, 4, 8, requires_grad=True)
    through, _, _ = quantiser.learn(z)
    (through * torch.arange(8.0)).sum().backward()
    assert z.grad is not None
    assert torch.equal(z.grad, torch.arange(8.0).expand(2, 4, 8))


def test_playing_changes_no_codebook() -> None:
    quantiser = discrete().train()
    quantiser.learn(torch.randn(2, 4, 64))
    quantiser.eval()
    before = quantiser.codebooks.clone()
    quantiser.learn(torch.randn(2, 4, 8))
    quantiser(torch.randn(2, 4, 8))
    assert torch.equal(before, quantiser.codebooks)


def test_the_first_batches_pass_unquantised_and_become_the_codebooks() -> None:
    torch.manual_seed(0)
    quantiser = discrete("latent.quantiser_dropout=false").train()
    centres = 10.0 * torch.randn(16, 4)
    batches = centres[torch.arange(160) % 16].view(2, 1, 80, 4) + 0.01 * torch.randn(2, 1, 80, 4)
    first, second = batches.transpose(2, 3)
    through, commitment, _ = quantiser.learn(first[..., :40])
    assert torch.equal(through, first[..., :40])
    assert float(commitment) == 0.0
    quantiser.learn(second)
    assert quantiser.collected.numel() == 0
    with torch.no_grad():
        quantiser.eval()
        assert (quantiser(second) - second).square().mean() < 0.05 * second.square().mean()


def test_a_training_interrupted_while_it_collects_goes_on() -> None:
    quantiser, other = discrete().train(), discrete().train()
    quantiser.learn(torch.randn(1, 4, 40))
    other.load_state_dict(quantiser.state_dict())
    assert torch.equal(other.collected, quantiser.collected)
    assert len(other.collected) == 40
    z = torch.randn(1, 4, 40)
    for resumed in (quantiser, other):
        torch.manual_seed(3)
        resumed.learn(z)
    assert bool(other.begun)
    assert torch.equal(other.codebooks, quantiser.codebooks)


def test_quantiser_dropout_trains_with_every_depth() -> None:
    torch.manual_seed(0)
    quantiser = discrete().train()
    quantiser.learn(torch.randn(64, 4, 16))
    z = torch.randn(64, 4, 16)
    codes = quantiser.codes(z)
    by_depth = [quantiser.lookup(codes[:, : depth + 1]) for depth in range(3)]
    through, _, _ = quantiser.learn(z)
    near = torch.stack([(through - coarse).abs().amax((1, 2)) < 1e-5 for coarse in by_depth])
    assert (near.sum(0) == 1).all()
    assert near.any(1).all()


def learn_in_a_process(rank: int, begun: dict[str, Any], file: str, results: Any) -> None:
    """One of two processes, each with half of the batch; gives its codebooks."""
    torch.distributed.init_process_group("gloo", f"file://{file}", rank=rank, world_size=2)
    torch.manual_seed(rank)  # chance is not the same, the codebooks are to be
    found = []
    for state in (None, begun):
        quantiser = discrete("latent.quantiser_dropout=false").train()
        if state is not None:
            quantiser.load_state_dict(state)
        generator = torch.Generator().manual_seed(1)
        for _ in range(4):
            batch = torch.randn(4, 4, 16, generator=generator)
            quantiser.learn(batch[2 * rank : 2 * rank + 2])
        found.append(quantiser.codebooks.tolist())
    results[rank] = found
    torch.distributed.destroy_process_group()


def test_two_processes_keep_the_codebooks_that_one_would_have(tmp_path: Path) -> None:
    one = discrete("latent.quantiser_dropout=false").train()
    one.learn(torch.randn(2, 4, 64))
    begun = {name: value.clone() for name, value in one.state_dict().items()}
    generator = torch.Generator().manual_seed(1)
    for _ in range(4):
        one.learn(torch.randn(4, 4, 16, generator=generator))
    with multiprocessing.get_context("spawn").Manager() as manager:
        results = manager.dict()
        torch.multiprocessing.spawn(
            learn_in_a_process, (begun, str(tmp_path / "meet"), results), nprocs=2
        )
        (fresh_0, gone_on_0), (fresh_1, gone_on_1) = results[0], results[1]
    assert fresh_0 == fresh_1  # from the first batch on
    assert gone_on_0 == gone_on_1
    assert torch.tensor(gone_on_0).allclose(one.codebooks, atol=1e-5)


@pytest.mark.parametrize("size", [2, 3, 16])
def test_angles_name_every_direction(size: int) -> None:
    z = torch.nn.functional.normalize(torch.randn(4, size, 100, dtype=torch.float64), dim=1)
    angles = to_angles(z)
    assert angles.shape == (4, size - 1, 100)
    assert angles.abs().max() <= 1.0
    assert (from_angles(angles) - z).abs().max() < 1e-12
    anywhere = from_angles(3.0 * torch.randn(4, size - 1, 100, dtype=torch.float64))
    assert (anywhere.square().sum(1) - 1.0).abs().max() < 1e-12


def test_fidelity_is_the_share_of_the_singular_values() -> None:
    rng = np.random.default_rng(0)
    means = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 8)) + rng.normal(size=8)
    found = dimensions(torch.from_numpy(means))
    values = np.linalg.svd(means - means.mean(0), compute_uv=False)
    assert np.allclose(found.fidelity.numpy(), np.cumsum(values) / values.sum(), atol=1e-6)
    assert found.count(0.999) == 3
    share = values[0] / values.sum()
    assert count(found.fidelity, share - 0.01) == 1
    assert count(found.fidelity, share + 0.01) == 2
    assert count(found.fidelity, 1.0) <= 8
    with pytest.raises(ValueError, match="between 0 and 1"):
        count(found.fidelity, 1.5)


def test_fewer_frames_than_dimensions_can_be_measured() -> None:
    found = dimensions(torch.randn(5, 8))
    assert found.basis.shape == (8, 8)
    assert torch.allclose(found.basis @ found.basis.T, torch.eye(8), atol=1e-5)


def test_what_is_kept_and_what_is_dropped_make_the_latent() -> None:
    rave = RAVE(Recipe.load("small").override(["network.capacity=2", "network.latents=8"]))
    rave.set_dimensions(dimensions(torch.randn(100, 8) @ torch.randn(8, 8)))
    z = torch.randn(2, 8, 6)
    whole = rave.compact(z, 8)
    assert torch.allclose(rave.restore(whole[:, :3], whole[:, 3:]), z, atol=1e-5)
    assert torch.allclose(rave.compact(z, 3), whole[:, :3], atol=1e-6)
