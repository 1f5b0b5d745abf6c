# SPDX-License-Identifier: MIT
"""A trained network as one small file, to be given away: safetensors, with its recipe inside.

Matrices are kept at half precision, weight normalisation folded into them; what only training
needs stays behind. The file holds numbers and text only: opening it runs no program.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from nnbridge.recipe import RecipeError
from nnbridge.training import weights
from nnbridge.training.errors import TrainingError

from .network import RAVE
from .recipe import Recipe

SUFFIX = weights.SUFFIX
_FORMAT = "nnbridge rave 1"
# filters that follow from the recipe, and what quantisers learn by
_LEFT_OUT = ("analysis.", "synthesis.")
_TRAINING = ("counts", "sums", "begun", "num_batches_tracked")
_PRECISE = ("latent_mean", "latent_basis", "fidelity")


def save(network: RAVE, path: str | os.PathLike[str]) -> Path:
    """Write a network and its recipe, all or nothing.

    Args:
        network: it stays as it is.
        path: of the file.
    """
    made = _plain(RAVE(network.recipe))
    held = {
        name: weights.kept(value, name in _PRECISE)
        for name, value in _folded(network, made).items()
    }
    return weights.write(path, held, {"format": _FORMAT, "recipe": network.recipe.to_toml()})


def load(path: str | os.PathLike[str]) -> RAVE:
    """The network of a file that `save` wrote, ready to use: evaluation mode, float32.

    Raises:
        TrainingError: there is no such file, or it is damaged, or none of ours.
    """
    held, facts = weights.read(path, "RAVE", _FORMAT)
    try:
        network = _plain(RAVE(Recipe.from_toml(facts["recipe"])))
        missing, unknown = network.load_state_dict(held, strict=False)
    except (KeyError, RecipeError, RuntimeError) as error:
        text = str(error).splitlines()[-1].strip()
        raise TrainingError(f"'{path}' does not fit its own recipe ({text}).") from None
    lacking = [name for name in missing if _wanted(name)]
    if lacking or unknown:
        raise TrainingError(
            f"'{path}' does not fit its own recipe ({(lacking + list(unknown))[0]})."
        )
    return network.eval()


def _plain(network: RAVE) -> RAVE:
    """Without weight normalisation: the weights themselves are kept."""
    for module in network.modules():
        if parametrize.is_parametrized(module):
            assert isinstance(module.parametrizations, nn.ModuleDict)
            for name in list(module.parametrizations):
                parametrize.remove_parametrizations(module, name, leave_parametrized=True)
    return network


def _folded(network: RAVE, plain: RAVE) -> dict[str, Tensor]:
    """The tensors of `network` under the names that `plain` has for them."""
    found = {}
    with torch.no_grad():
        for name in plain.state_dict():
            if not _wanted(name):
                continue
            owner, _, tensor = name.rpartition(".")
            value = getattr(network.get_submodule(owner), tensor)
            assert isinstance(value, Tensor)
            found[name] = value.detach().cpu()
    return found


def _wanted(name: str) -> bool:
    return not name.startswith(_LEFT_OUT) and name.rpartition(".")[2] not in _TRAINING
