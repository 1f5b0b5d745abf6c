# SPDX-License-Identifier: MIT
"""A trained network as one small file, to be given away: safetensors, with its recipe inside.

Matrices are kept at half precision, weight normalisation folded into them; what only training
needs stays behind. The file holds numbers and text only: opening it runs no program.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .errors import TrainingError
from .network import RAVE
from .recipe import Recipe, RecipeError

SUFFIX = ".safetensors"
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
    target = Path(path)
    made = _plain(RAVE(network.recipe))
    held = {name: _kept(name, value) for name, value in _folded(network, made).items()}
    part = target.with_name(target.name + ".part")
    try:
        save_file(held, part, {"format": _FORMAT, "recipe": network.recipe.to_toml()})
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def load(path: str | os.PathLike[str]) -> RAVE:
    """The network of a file that `save` wrote, ready to use: evaluation mode, float32.

    Raises:
        TrainingError: there is no such file, or it is damaged, or none of ours.
    """
    if not Path(path).is_file():
        raise TrainingError(f"there is no file '{path}'.")
    try:
        with safe_open(path, framework="pt") as file:
            facts = file.metadata() or {}
            held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise TrainingError(f"'{path}' is damaged, or no safetensors file ({error}).") from None
    if facts.get("format") != _FORMAT:
        raise TrainingError(
            f"'{path}' holds no RAVE that this nnbridge can read: it says format "
            f"{facts.get('format', 'nothing')!r}, and {_FORMAT!r} is needed."
        )
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


def _kept(name: str, value: Tensor) -> Tensor:
    half = value.dim() > 1 and value.is_floating_point() and name not in _PRECISE
    return value.half().contiguous() if half else value.clone().contiguous()
