# SPDX-License-Identifier: MIT
"""The run folder of a prior; its layout is that of a RAVE's run.

recipe.toml     everything that was chosen
run.json        what the sequences were, and each command that started or resumed it
metrics.csv     step, stage, name, value: every figure that was logged
logs/           the same for TensorBoard
checkpoints/    see `nnbridge.training.checkpoints`
"""

from __future__ import annotations

import json
from pathlib import Path

from nnbridge.training import checkpoints, provenance
from nnbridge.training import facts as run_facts
from nnbridge.training.files import write_text

from . import weights
from .build import facts
from .errors import PriorError
from .recipe import Recipe
from .sequences import Sequences
from .trained import Trained, assemble


class Run:
    """The folder of one training run.

    Args:
        path: of a folder that `create` made.

    Attributes:
        facts: what is in run.json.

    Raises:
        PriorError: it is no run folder of a prior, or a newer program's.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.csv"
        self.logs = self.path / "logs"
        self.facts = run_facts.read(
            self.path / "run.json",
            "a prior",
            "sequences",
            PriorError,
            "nnbridge prior train SEQUENCES",
        )

    @classmethod
    def create(
        cls, path: str | Path, recipe: Recipe, sequences: Sequences, writes: bool = True
    ) -> Run:
        """Make a run folder; a process that does not write only looks at it.

        Raises:
            PriorError: there is a run already.
        """
        folder = Path(path)
        if not writes:
            return cls(folder)
        if (folder / "run.json").exists():
            raise PriorError(
                f"'{path}' holds a run already: go on with it by adding --resume, or give another "
                "folder."
            )
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        write_text(folder / "recipe.toml", recipe.to_toml())
        held = {"format": run_facts.FORMAT, "sequences": facts(sequences), "starts": []}
        write_text(folder / "run.json", json.dumps(held, indent=1) + "\n")
        return cls(folder)

    def recipe(self) -> Recipe:
        """What was chosen."""
        return Recipe.load(self.path / "recipe.toml")

    def change_recipe(self, recipe: Recipe) -> None:
        """Write a recipe that goes on from here."""
        write_text(self.path / "recipe.toml", recipe.to_toml())

    def note_start(self, step: int) -> None:
        """Note which command starts or resumes here."""
        self.facts["starts"].append(provenance.start(step))
        write_text(self.path / "run.json", json.dumps(self.facts, indent=1) + "\n")


def load(path: str | Path, checkpoint: str = "best") -> Trained:
    """Open the prior of a run.

    Args:
        path: a run folder, or a file of weights (see `weights`).
        checkpoint: of a run: best, newest, or a step that is kept. Where no validation was yet,
            the newest.

    Raises:
        PriorError: there is no run.
        TrainingError: there is no such checkpoint, or no such file, that can be read.
    """
    if Path(path).suffix == weights.SUFFIX:
        return weights.load(path)
    run = Run(path)
    recipe = run.recipe()
    if checkpoint == "best" and not (run.checkpoints / "best.ckpt").is_file():
        checkpoint = "newest"
    _, held, _ = checkpoints.find(run.checkpoints, checkpoint)
    prefix = "prior."
    state = held["state_dict"]
    own = {name[len(prefix) :]: state[name] for name in state if name.startswith(prefix)}
    return assemble(recipe, run.facts["sequences"], own, int(held["nnbridge"]["step"]))
