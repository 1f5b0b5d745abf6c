# SPDX-License-Identifier: MIT
"""Small RAVEs for the export tests: every kind of latent, weights as lively as training's."""

from __future__ import annotations

import torch
from torch import nn

from nnbridge.rave.fidelity import Dimensions
from nnbridge.rave.network import RAVE
from nnbridge.rave.recipe import Recipe

KINDS = ("variational", "wasserstein", "discrete", "spherical")
RATIO = 16
CURVE = torch.tensor([0.5, 0.7, 0.8, 0.9, 0.96, 1.0])


def network(kind: str = "variational", causal: bool = False, *settings: str) -> RAVE:
    """Four bands and one stride, so that a latent frame has 16 samples."""
    torch.manual_seed(1)
    recipe = Recipe.load("small").override(
        [
            f'latent.kind="{kind}"',
            f"network.causal={str(causal).lower()}",
            "network.bands=4",
            "network.strides=[4]",
            "network.capacity=4",
            "network.latents=6",
            "network.dilations=[3]",
            "network.noise_bands=3",
            "network.noise_strides=[4]",
            "latent.codes=16",
            "latent.quantisers=4",
            *settings,
        ]
    )
    rave = RAVE(recipe)
    for module in rave.modules():
        if isinstance(module, nn.BatchNorm1d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2.0)
    for parameter in rave.decoder.parameters():
        parameter.data *= 1.5
    rave.train()
    channels = recipe.network.channels
    rave.latent.sample(rave.encode_statistics(0.3 * torch.randn(2, channels, 8192)))
    if kind in ("variational", "wasserstein"):
        measure(rave)
    return rave.eval()


def measure(rave: RAVE) -> None:
    """Axes as an analysis finds them: any rotation, five of them for a fidelity of 0.95."""
    size = rave.recipe.network.latents
    basis = torch.linalg.qr(torch.randn(size, size))[0]
    rave.set_dimensions(Dimensions(0.1 * torch.randn(size), basis, CURVE))


def sound(frames: int, channels: int = 1, seed: int = 0) -> torch.Tensor:
    """Noise [1, channels, frames]."""
    generator = torch.Generator().manual_seed(seed)
    return 0.3 * torch.randn(1, channels, frames, generator=generator)
