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
from .sequences import Sequences


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

    def knows(self, other: RaveFile | Sequences) -> bool:
        """Whether this RAVE, or that of these sequences, gives the tokens that it has learnt from.

        Weights kept at half precision change a few tokens; another RAVE gives other ones.
        """
        wanted = torch.tensor(self.about.get("probe") or [])
        if isinstance(other, Sequences):
            if other.code != self.about["code"]:
                return False
            given = torch.tensor(other.probe)
        else:
            given = self.code.tokens(other.probe()).T
        if not len(wanted) or not len(given):
            return True
        both = min(wanted.shape[1], given.shape[1])
        given, wanted = given[:, :both], wanted[:, :both]
        return given.shape == wanted.shape and bool((given == wanted).float().mean() > 0.5)

    def check_steps(self, rave: RaveFile) -> None:
        """Refuse a RAVE of another time.

        Raises:
            PriorError: its steps last longer or shorter.
        """
        if (rave.ratio, rave.sample_rate) != (self.ratio, self.sample_rate):
            raise PriorError(
                f"'{rave.path}' has steps of {rave.ratio} samples at {rave.sample_rate} Hz, the "
                f"prior of {self.ratio} at {self.sample_rate}: give the RAVE of its sequences."
            )


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
