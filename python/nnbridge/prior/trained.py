# SPDX-License-Identifier: MIT
"""A trained prior, and what is needed to play it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .build import build
from .code import Bins, Codes, code
from .errors import PriorError
from .network import Prior
from .rave_file import RaveFile
from .recipe import Recipe


@dataclass(frozen=True)
class Trained:
    """A prior that can be played."""

    prior: Prior
    """In evaluation mode, on the CPU."""
    recipe: Recipe
    about: dict[str, Any]
    """What is known of the sequences it learnt from; see `build.facts`."""
    step: int
    """Training steps that were done."""

    @property
    def code(self) -> Codes | Bins:
        """Between tokens and latents."""
        return code(self.about["code"], self.about["vocabulary"])

    @property
    def ratio(self) -> int:
        """Audio samples per step."""
        return int(self.about["ratio"])

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return int(self.about["sample_rate"])

    @property
    def rave(self) -> Path | None:
        """The model file that its sequences were made with, where that is known."""
        held = self.about.get("rave")
        return Path(held["path"]) if held else None

    def knows(self, rave: RaveFile) -> bool:
        """Whether this RAVE gives the tokens that the prior has learnt from.

        Weights kept at half precision change a few tokens; another RAVE gives other ones.
        """
        wanted = torch.tensor(self.about.get("probe") or [])
        if not len(wanted):
            return True
        given = self.code.tokens(rave.probe()[: wanted.shape[1]]).T
        return given.shape == wanted.shape and bool((given == wanted).float().mean() > 0.5)


def assemble(recipe: Recipe, about: dict[str, Any], state: dict[str, Tensor], step: int) -> Trained:
    """The prior of a recipe with these weights.

    Raises:
        PriorError: they don't fit together.
    """
    prior = build(recipe, about)
    try:
        prior.load_state_dict(state)
    except RuntimeError as error:
        raise PriorError(
            "its weights do not fit the recipe beside them "
            f"({str(error).splitlines()[-1].strip()})."
        ) from None
    return Trained(prior.eval(), recipe, about, step)
