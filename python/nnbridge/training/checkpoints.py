# SPDX-License-Identifier: MIT
"""The checkpoints of a run: written whole or not at all, read with a check, found by name.

A run's ``checkpoints/`` holds

    step-000012000.ckpt   the newest state and the one before it
    best.ckpt             the best validation so far
    stage-one.ckpt        of a RAVE: the end of representation learning; best.ckpt begins anew
    stage-two.ckpt        of a RAVE: the end of adversarial training

Each is all that training needs to go on (weights, optimisers, step), and a plain dictionary of
tensors and numbers: it is opened without running code from the file.
"""

from __future__ import annotations

import io
import os
import pickle
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .errors import TrainingError

_KEPT = 2  # a corrupt newest one leaves the one before
NAMED = ("best", "stage-one", "stage-two")


def path_of_step(folder: Path, step: int) -> Path:
    """Where the state after so many steps belongs."""
    return folder / f"step-{step:09d}.ckpt"


def write(path: Path, checkpoint: Mapping[str, Any]) -> None:
    """Writes a checkpoint so that the file is complete whenever it exists.

    A process killed, or a disk that fills up, leaves what was there before.

    Raises:
        OSError: as the system gave it; nothing half-written stays.
    """
    held = io.BytesIO()  # torch's own file writer loses the system's reason
    torch.save(dict(checkpoint), held)
    _replace(path, held.getbuffer())


def duplicate(path: Path, name: str) -> None:
    """Keeps a checkpoint under one of the names as well."""
    _link(path, path.with_name(f"{name}.ckpt"))


def _link(path: Path, target: Path) -> None:
    part = _part(target)
    part.unlink(missing_ok=True)
    try:
        os.link(path, part)  # the same bytes: no file here is ever changed in place
    except OSError:
        shutil.copyfile(path, part)
    part.replace(target)


def prune(folder: Path) -> None:
    """Removes all but the newest states, and what killed processes left half-written."""
    for old in _steps(folder)[_KEPT:]:
        old.unlink(missing_ok=True)
    for part in folder.glob("*.part"):
        part.unlink(missing_ok=True)


def forget_after(path: Path, step: int) -> Path:
    """Removes what came after a checkpoint, and what is damaged: training goes on from this one.

    Args:
        path: of the checkpoint.
        step: that it holds.

    Returns:
        Where it is now: among the states.
    """
    state = path_of_step(path.parent, step)
    if not state.is_file():
        _link(path, state)
    for other in newest(path.parent):
        try:
            later = other != state and int(read(other)["nnbridge"]["step"]) > step
        except TrainingError:
            later = True
        if later:
            other.unlink()
    return state


def read(path: Path) -> dict[str, Any]:
    """Reads a checkpoint.

    Raises:
        TrainingError: it is missing, damaged, or none.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not look at the check sums
            damaged = archive.testzip()
        if damaged is None:
            held = torch.load(path, map_location="cpu", weights_only=True)
            if isinstance(held, dict) and "state_dict" in held and "nnbridge" in held:
                return held
    except FileNotFoundError:
        raise TrainingError(f"there is no checkpoint '{path}'.") from None
    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError, EOFError, KeyError):
        pass
    except pickle.UnpicklingError:
        pass
    raise TrainingError(f"the checkpoint '{path}' is damaged.")


def find(folder: Path, which: str = "newest") -> tuple[Path, dict[str, Any], list[str]]:
    """Finds and reads a checkpoint.

    Args:
        folder: ``checkpoints/`` of a run.
        which: newest, best, stage-one, stage-two, or a step that is kept.

    Returns:
        Its path, its content, and the complaints about damaged newer ones that were passed over.

    Raises:
        TrainingError: there is none that can be read.
    """
    if which != "newest":
        path = path_of_step(folder, int(which)) if which.isdecimal() else folder / f"{which}.ckpt"
        if not path.is_file():
            names = ", ".join(["newest", *available(folder)])
            raise TrainingError(f"'{folder}' has no checkpoint '{which}'; it has: {names}.")
        return path, read(path), []
    complaints: list[str] = []
    for path in newest(folder):
        try:
            return path, read(path), complaints
        except TrainingError as error:
            complaints.append(str(error))
    if complaints:
        raise TrainingError(f"none of the checkpoints in '{folder}' can be read: {complaints[0]}")
    raise TrainingError(f"there is no checkpoint in '{folder}'.")


def available(folder: Path) -> list[str]:
    """The names that `find` takes."""
    named = [name for name in NAMED if (folder / f"{name}.ckpt").is_file()]
    return [*named, *(str(step_of(path)) for path in _steps(folder))]


def newest(folder: Path) -> list[Path]:
    """Every checkpoint, the newest state first, those kept by name last."""
    ends = [folder / f"{name}.ckpt" for name in reversed(NAMED)]
    return _steps(folder) + [path for path in ends if path.is_file()]


def step_of(path: Path) -> int:
    """The step that a file's name states."""
    return int(path.stem.partition("-")[2])


def _steps(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.ckpt"), reverse=True)


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _replace(path: Path, content: memoryview) -> None:
    part = _part(path)
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
