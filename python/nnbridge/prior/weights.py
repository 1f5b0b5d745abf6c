# SPDX-License-Identifier: MIT
"""A trained prior as one small file, to be given away, with its recipe inside.

Matrices are kept at half precision (docs/prior.md says what that costs).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from nnbridge.recipe import RecipeError
from nnbridge.training import weights
from nnbridge.training.errors import TrainingError

from .errors import PriorError
from .recipe import Recipe
from .trained import Trained, assemble

SUFFIX = weights.SUFFIX
_FORMAT = "nnbridge prior 1"
_PRECISE = ("output.log_prior",)  # rare tokens' logarithms are large
_LEFT_OUT = ("path", "hash", "rave")  # of the machine that trained it


def save(trained: Trained, path: str | os.PathLike[str]) -> Path:
    """Write a prior, its recipe, and what its tokens are, all or nothing."""
    state = trained.prior.state_dict()
    held = {name: weights.kept(value, name in _PRECISE) for name, value in state.items()}
    about = {name: fact for name, fact in trained.about.items() if name not in _LEFT_OUT}
    facts = {
        "format": _FORMAT,
        "recipe": trained.recipe.to_toml(),
        "sequences": json.dumps(about),
        "step": str(trained.step),
    }
    return weights.write(path, held, facts)


def load(path: str | os.PathLike[str]) -> Trained:
    """The prior of a file that `save` wrote, ready to use: evaluation mode, float32.

    Raises:
        TrainingError: there is no such file, or it is damaged, or none of ours.
    """
    held, facts = weights.read(path, "prior", _FORMAT)
    try:
        return assemble(
            Recipe.from_toml(facts["recipe"]),
            json.loads(facts["sequences"]),
            {name: value.float() for name, value in held.items()},
            int(facts["step"]),
        )
    except (KeyError, ValueError, RecipeError, PriorError) as error:
        raise TrainingError(f"'{path}' does not fit its own recipe ({error}).") from None
