# SPDX-License-Identifier: MIT
"""Trained networks as small files, to be given away: safetensors, with what made them inside.

Such a file holds numbers and text only: opening it runs no program.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .errors import TrainingError

SUFFIX = ".safetensors"


def write(
    path: str | os.PathLike[str], tensors: Mapping[str, Tensor], facts: Mapping[str, str]
) -> Path:
    """Write tensors and facts, all or nothing.

    Raises:
        TrainingError: the disk is full, or there is no such folder.
    """
    target = Path(path)
    part = target.with_name(target.name + ".part")
    try:
        save_file(dict(tensors), part, dict(facts))
        part.replace(target)
    except SafetensorError as error:
        reason = str(error).rpartition(": ")[2]
        raise TrainingError(f"'{target}' can't be written ({reason}).") from None
    finally:
        part.unlink(missing_ok=True)
    return target


def read(
    path: str | os.PathLike[str], kind: str, wanted: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and facts of a file that `write` wrote.

    Args:
        path: of the file.
        kind: what it should hold, for the error's sentence.
        wanted: its fact "format".

    Raises:
        TrainingError: there is no such file, or it is damaged, or of another format.
    """
    if not Path(path).is_file():
        raise TrainingError(f"there is no file '{path}'.")
    try:
        with safe_open(path, framework="pt") as file:
            facts = file.metadata() or {}
            held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise TrainingError(f"'{path}' is damaged, or no safetensors file ({error}).") from None
    if facts.get("format") != wanted:
        raise TrainingError(
            f"'{path}' holds no {kind} that this nnbridge can read: it says format "
            f"{facts.get('format', 'nothing')!r}, and {wanted!r} is needed."
        )
    return held, facts


def kept(value: Tensor, precise: bool = False) -> Tensor:
    """As it is stored: matrices at half precision, unless they have to be precise."""
    half = value.dim() > 1 and value.is_floating_point() and not precise
    value = value.detach().cpu()
    return value.half().contiguous() if half else value.clone().contiguous()
