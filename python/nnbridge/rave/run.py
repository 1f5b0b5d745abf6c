# SPDX-License-Identifier: MIT
"""A run folder: what was made, by what, from what, and how it went.

recipe.toml     everything that was chosen
run.json        dataset, versions, machine, and each command that started or resumed it
metrics.csv     step, stage, name, value: every figure that was logged
logs/           the same for TensorBoard, with audio examples
checkpoints/    see `checkpoints`

recipe, network = run.load("runs/drums")     # the newest checkpoint, ready to use
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from . import checkpoints
from .errors import TrainingError
from .network import RAVE
from .recipe import Recipe

if TYPE_CHECKING:
    from nnbridge.audio.dataset import Dataset

FORMAT = 1
_PACKAGES = ("nnbridge", "torch", "pytorch-lightning", "numpy", "scipy")


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
        self.facts = _read_facts(self._facts) if facts is None else facts

    @classmethod
    def create(cls, path: str | Path, recipe: Recipe, dataset: Dataset) -> Run:
        """Makes a run folder, which must not hold a run yet."""
        folder = Path(path)
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        (folder / "logs").mkdir(exist_ok=True)
        write_text(folder / "recipe.toml", recipe.to_toml())
        # Last: what makes it a run.
        facts = {"format": FORMAT, "dataset": identity(dataset), "starts": []}
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
        self.facts["starts"].append(
            {
                "step": step,
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
                "changes": changes,
                **_circumstances(),
            }
        )
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


def write_text(path: Path, text: str) -> None:
    """Writes a file so that it is either the old one or the new one."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise TrainingError(
            f"'{path.parent}' is no run folder (it has no {path.name}): make one with "
            "nnbridge rave train DATASET --out RUN."
        ) from None
    except (OSError, ValueError) as error:
        raise TrainingError(f"'{path}' can't be read ({error}).") from None
    if facts.get("format") != FORMAT:
        raise TrainingError(f"'{path.parent}' was made by a newer nnbridge: update this one.")
    return facts


def _circumstances() -> dict[str, Any]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed as a package"
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "versions": versions,
        "commit": _commit(),
        "machine": {
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "gpus": devices,
        },
    }


def _commit() -> str | None:
    """Of the program, where it runs from its repository; with + where that was changed."""
    here = Path(__file__)
    git = ("git", "-C", str(here.parent))
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 10, "check": True}
    try:  # a repository that merely contains the environment we are installed in tells nothing
        subprocess.run([*git, "ls-files", "--error-unmatch", here.name], **options)
        asked = subprocess.run(
            [*git, "describe", "--always", "--dirty=+", "--exclude=*"], **options
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return str(asked.stdout).strip() or None
