# SPDX-License-Identifier: MIT
"""``--set name=value``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from nnbridge.host import Error, Model

from .terminal import StopError


def apply(model: Model, setting: str) -> None:
    """Sets an attribute from ``name=value``, each element by its own type."""
    name, equals, text = setting.partition("=")
    name = name.strip()
    if not equals or not name:
        raise StopError(f"--set takes NAME=VALUE, not '{setting}'.", 2)
    model._engine.parse(name, [])  # which says what attributes there are
    model.set(name, *_values(model, name, text))


def _values(model: Model, name: str, text: str) -> list[Any]:
    types = model.attributes[name].types
    texts = [text] if len(types) == 1 else text.replace(",", " ").split()
    if len(texts) != len(types):
        raise Error(f"'{name}' takes {len(types)} values ({', '.join(types)}), not {len(texts)}.")
    if not {"tensor", "buffer"} & set(types):
        return model._engine.parse(name, texts)
    values: list[Any] = []
    for kind, item in zip(types, texts, strict=True):
        if kind == "buffer":
            values.append(_buffer(name, Path(item)))
        elif kind == "tensor":
            values.append(_tensor(name, Path(item)))
        else:
            raise Error(f"'{name}' mixes numbers with a tensor or buffer: set it from Python.")
    return values


def _buffer(name: str, path: Path) -> tuple[Any, int]:
    if not path.exists():
        raise Error(f"'{name}' takes an audio file, and there is no file '{path}'.")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        reason = getattr(error, "error_string", None) or error
        raise Error(
            f"'{name}' takes an audio file, and '{path}' can't be read as one "
            f"({str(reason).rstrip('.')})."
        ) from None
    return np.ascontiguousarray(samples.T), int(rate)


def _tensor(name: str, path: Path) -> Any:
    try:
        array = np.load(path, allow_pickle=False)
        return np.ascontiguousarray(array, dtype=np.float32)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise Error(
            f"'{name}' takes a .npy file of numbers, and '{path}' can't be read as one ({error})."
        ) from None
