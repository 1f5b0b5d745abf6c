# SPDX-License-Identifier: MIT
"""The untrained prior of a recipe and of what is known of the sequences.

Apart from training, so that a prior plays where no training library is installed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .conditioning import conditions
from .errors import PriorError
from .network import Prior
from .recipe import Recipe
from .sequences import Sequences


def facts(sequences: Sequences) -> dict[str, Any]:
    """What a run keeps of its sequences: enough to build the prior, and to play it."""
    held = sequences.codebooks()
    return {
        "path": str(sequences.path.resolve()),
        "hash": sequences.hash,
        "quantisers": sequences.quantisers,
        "vocabulary": sequences.vocabulary,
        "code": sequences.code,
        "ratio": sequences.ratio,
        "sample_rate": sequences.sample_rate,
        "codebook_size": 0 if held is None else held.shape[2],
        "rave": sequences.rave,
        "probe": sequences.probe,
    }


def build(recipe: Recipe, about: dict[str, Any], codebooks: Tensor | None = None) -> Prior:
    """The untrained prior of a recipe for sequences described by `facts`.

    Raises:
        PriorError: they don't fit together.
    """
    quantisers = recipe.material.quantisers or about["quantisers"]
    if quantisers > about["quantisers"]:
        raise PriorError(
            f"material.quantisers is {quantisers}, but the sequences have {about['quantisers']}."
        )
    followed = conditions(recipe.material.descriptors, about["sample_rate"])
    if not recipe.material.rave_codebooks:
        codebooks = None
    elif codebooks is None:  # only their size matters: weights are loaded over them
        codebooks = torch.zeros(about["quantisers"], about["vocabulary"], about["codebook_size"])
    if codebooks is not None:
        codebooks = codebooks[:quantisers]
    return Prior(recipe.network, quantisers, about["vocabulary"], followed, codebooks)
