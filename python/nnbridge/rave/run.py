# SPDX-License-Identifier: MIT
"""A run folder: what was made, by what, from what, and how it went.

recipe.toml     everything that was chosen
run.json        dataset, versions, machine, and each command that started or resumed it
metrics.csv     step, stage, name, value: every figure that was logged
logs/           the same for TensorBoard, with audio examples
checkpoints/    see `nnbridge.training.checkpoints`

recipe, network = run.load("runs/drums")     # the newest checkpoint, ready to use
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnbridge.training import checkpoints, provenance
from nnbridge.training import facts as run_facts
from nnbridge.training.errors import TrainingError
from nnbridge.training.files import write_text

from .network import RAVE
from .recipe import Recipe

if TYPE_CHECKING:
    from nnbridge.audio.dataset import Dataset


class Run:
    """The folder of one training run.

    Args:
        path: of the folder.
        facts: what run.json says; default: what it says there.

    Raises:
        TrainingError: it is no run folder, or a newer program's.
    """

    def __init__(self, path: str | Path, facts: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.csv"
        self.logs = self.path / "logs"
        self._facts = self.path / "run.json"
        if facts is None:
            facts = run_facts.read(
                self._facts, "a RAVE", "dataset", TrainingError, "nnbridge rave train DATASET"
            )
        self.facts = facts

    @classmethod
    def create(cls, path: str | Path, recipe: Recipe, dataset: Dataset) -> Run:
        """Makes a run folder, which must not hold a run yet."""
        folder = Path(path)
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        (folder / "logs").mkdir(exist_ok=True)
        write_text(folder / "recipe.toml", recipe.to_toml())
        # Last: what makes it a run.
        facts = {"format": run_facts.FORMAT, "dataset": identity(dataset), "starts": []}
        write_text(folder / "run.json", json.dumps(facts, indent=1) + "\n")
        return cls(folder, facts)

    def recipe(self) -> Recipe:
        """What was chosen."""
        return Recipe.load(self.path / "recipe.toml")

    def change_recipe(self, recipe: Recipe) -> None:
        """Writes a recipe that goes on from here."""
        write_text(self.path / "recipe.toml", recipe.to_toml())

    def note_start(self, step: int, changes: list[str]) -> None:
        """Notes which command, on what machine, starts or resumes here."""
        self.facts["starts"].append({**provenance.start(step), "changes": changes})
        write_text(self._facts, json.dumps(self.facts, indent=1) + "\n")

    def find(self, which: str = "newest") -> tuple[Path, dict[str, Any], list[str]]:
        """See `checkpoints.find`."""
        return checkpoints.find(self.checkpoints, which)


def exists(path: str | Path) -> bool:
    """Whether there is a run in this folder."""
    return (Path(path) / "run.json").is_file()


def load(path: str | Path, checkpoint: str = "newest") -> tuple[Recipe, RAVE]:
    """Opens the network of a run, for use: in evaluation mode, on the CPU.

    Args:
        path: a run folder.
        checkpoint: newest, best, stage-one, stage-two, or a step that is kept.

    Raises:
        TrainingError: there is no run, or no such checkpoint that can be read.
    """
    run = Run(path)
    recipe = run.recipe()
    _, held, _ = run.find(checkpoint)
    return recipe, network(recipe, held)


def network(recipe: Recipe, checkpoint: dict[str, Any]) -> RAVE:
    """The network of a checkpoint, in evaluation mode, on the CPU."""
    made = RAVE(recipe)
    prefix = "rave."
    state = checkpoint["state_dict"]
    weights = {name[len(prefix) :]: state[name] for name in state if name.startswith(prefix)}
    try:
        made.load_state_dict(weights)
    except RuntimeError as error:
        raise TrainingError(
            f"the checkpoint does not fit the recipe beside it ({str(error).splitlines()[-1]})."
        ) from None
    made.decoder.noisy = checkpoint["nnbridge"]["step"] >= recipe.training.noise_after
    return made.eval()


def identity(dataset: Dataset) -> dict[str, Any]:
    """What tells one dataset from another, and where it lies."""
    return {
        "path": str(dataset.path.resolve()),
        "sample_rate": dataset.sample_rate,
        "channels": dataset.channels,
        "seconds": round(dataset.seconds, 3),
        "hash": dataset.hash,
    }
