# SPDX-License-Identifier: MIT
"""The recipe of a prior: everything that decides what a training makes, as a TOML file.

See `nnbridge.recipe`. The defaults are those of the thesis (sections 4.4 and 4.5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nnbridge.recipe import BaseRecipe, RecipeError, positive

from .network import Network


@dataclass(frozen=True)
class Material:
    """What of the sequences is used."""

    quantisers: int = 0
    """Only the first so many; 0: all that there are."""
    descriptors: tuple[str, ...] = ()
    """What the prior is told for each step: any of centroid, loudness, flatness, beat."""
    rave_codebooks: bool = False
    """The embedding begins with the RAVE's codebooks instead of random ones."""


@dataclass(frozen=True)
class Training:
    """How long and how fast (thesis, section 4.5)."""

    segment: int = 256
    """Steps of an example."""
    batch: int = 128
    """Examples per training step, over all processes."""
    steps: int = 300_000
    """At most; early stopping may come first."""
    learning_rate: float = 5e-4
    """Adam's, at the end of the ramp."""
    learning_rate_begin: float = 1e-6
    ramp: int = 30_000
    """Training steps from the one to the other, linearly."""
    half_life: int = 100_000
    """Training steps in which the learning rate then halves, exponentially."""
    patience: int = 10
    """Validations without a smaller cross-entropy after which training stops; 0: never."""
    seed: int = 1
    validate_every: int = 2_000
    """Training steps."""
    checkpoint_every: int = 2_000
    log_every: int = 100

    def check(self) -> None:
        """Raise `RecipeError` for numbers that train nothing."""
        positive(
            "training", self, "segment", "batch", "steps", "half_life", "validate_every",
            "checkpoint_every", "log_every", "learning_rate",
        )  # fmt: skip
        if not 0 <= self.learning_rate_begin < float("inf"):
            raise RecipeError("training.learning_rate_begin must not be negative.")
        if min(self.ramp, self.patience, self.seed) < 0:
            raise RecipeError("training: ramp, patience and seed must not be negative.")

    def rate(self, step: int) -> float:
        """The learning rate after so many steps."""
        if step < self.ramp:
            share = step / self.ramp
            return self.learning_rate_begin + share * (
                self.learning_rate - self.learning_rate_begin
            )
        return float(self.learning_rate * 0.5 ** ((step - self.ramp) / self.half_life))


@dataclass(frozen=True)
class Recipe(BaseRecipe):
    """All of it."""

    SHIPPED = Path(__file__).parent / "recipes"

    network: Network = field(default_factory=Network)
    material: Material = field(default_factory=Material)
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        sizes = ("width", "layers", "heads", "window", "kernel", "cycle")
        positive("network", self.network, *sizes)
        if not 0 <= self.network.dropout < 1:
            raise RecipeError(
                f"network.dropout is a share, from 0 to below 1, not {self.network.dropout}."
            )
        if self.material.quantisers < 0:
            raise RecipeError("material.quantisers must not be negative (0: all).")
        self.training.check()
