# SPDX-License-Identifier: MIT
"""The recipe of a prior: everything that decides what a training makes, as a TOML file.

Read, checked and changed like a RAVE's; a file names only what differs from the thesis's values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nnbridge.rave.recipe import RecipeError, _section, _value, _written

from .network import Network

_SHIPPED = Path(__file__).parent / "recipes"


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
        for name in ("segment", "batch", "steps", "half_life", "validate_every",
                     "checkpoint_every", "log_every"):  # fmt: skip
            if getattr(self, name) < 1:
                raise RecipeError(f"training.{name} must be at least 1.")

    def rate(self, step: int) -> float:
        """The learning rate after so many steps."""
        if step < self.ramp:
            share = step / self.ramp
            return self.learning_rate_begin + share * (
                self.learning_rate - self.learning_rate_begin
            )
        return float(self.learning_rate * 0.5 ** ((step - self.ramp) / self.half_life))


@dataclass(frozen=True)
class Recipe:
    """All of it."""

    network: Network = field(default_factory=Network)
    material: Material = field(default_factory=Material)
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        self.training.check()

    @staticmethod
    def load(source: str | Path) -> Recipe:
        """Read a file, or a shipped recipe by its name.

        Raises:
            RecipeError: it isn't there, or says something a recipe cannot say.
        """
        path = Path(source) if Path(source).is_file() else _SHIPPED / f"{source}.toml"
        if not path.is_file():
            raise RecipeError(
                f"there is no recipe '{source}': give a file, or one of {', '.join(names())}."
            )
        try:
            return Recipe.from_dict(tomllib.loads(path.read_text("utf-8")), str(path))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RecipeError(f"{path} is no TOML file: {error}.") from None

    @staticmethod
    def from_dict(content: dict[str, Any], name: str) -> Recipe:
        """From sections of values; `name` is for the error's sentence."""
        kinds = {"network": Network, "material": Material, "training": Training}
        made: dict[str, Any] = {}
        for section, values in content.items():
            if section not in kinds or not isinstance(values, dict):
                raise RecipeError(
                    f'{name} has "{section}"; a prior\'s recipe has the sections '
                    f"{', '.join(f'[{kind}]' for kind in kinds)}."
                )
            made[section] = _section(kinds[section], section, values, name)
        return Recipe(**made)

    def override(self, settings: Sequence[str]) -> Recipe:
        """With some values changed, each like ``training.batch=4``."""
        content: dict[str, Any] = asdict(self)
        for setting in settings:
            key, equals, value = setting.partition("=")
            section, dot, entry = key.strip().partition(".")
            if not (equals and dot):
                raise RecipeError(f'"{setting}" is no setting; write section.name=value.')
            content.setdefault(section, {})[entry] = _value(value.strip())
        return Recipe.from_dict(content, "the settings")

    def to_toml(self) -> str:
        """All values, as a TOML file."""
        parts = []
        for section, values in asdict(self).items():
            lines = "".join(f"{key} = {_written(value)}\n" for key, value in values.items())
            parts.append(f"[{section}]\n{lines}")
        return "\n".join(parts)


def names() -> list[str]:
    """The shipped recipes."""
    return sorted(path.stem for path in _SHIPPED.glob("*.toml"))
