# SPDX-License-Identifier: MIT
"""Descriptor curves that somebody draws: a number, a tempo, or a file of points."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .conditioning import Condition
from .errors import PriorError


def drawn(
    condition: Condition, text: str, steps: int, seconds_per_step: float
) -> NDArray[np.float32]:
    """One value per step.

    Args:
        condition: what the curve is of.
        text: a number, for all steps; for beats a tempo such as 120bpm; or a file of lines
            "seconds, value", which are joined by straight lines (for beats: one time per line).
        steps: how many.
        seconds_per_step: their length.

    Raises:
        PriorError: it is none of these.
    """
    times = (np.arange(steps) + 0.5) * seconds_per_step
    if condition.discrete and text.lower().endswith("bpm"):
        tempo = _number(text[:-3])
        if tempo is None or tempo <= 0:
            raise PriorError(f"'{text}' is no tempo: write it like 120bpm.")
        return _marked(
            np.arange(0.0, steps * seconds_per_step, 60.0 / tempo), steps, seconds_per_step
        )
    value = _number(text)
    if value is not None:
        return np.full(steps, np.clip(value, condition.low, condition.high), dtype=np.float32)
    points = _points(Path(text), condition)
    if condition.discrete:
        return _marked(points[:, 0], steps, seconds_per_step)
    if points.shape[1] < 2 or (np.diff(points[:, 0]) < 0).any():
        raise PriorError(f"'{text}' needs lines of seconds and value, in the order of time.")
    return np.interp(times, points[:, 0], points[:, 1]).astype(np.float32)  # type: ignore[no-any-return]


def _marked(times: NDArray[np.float64], steps: int, seconds_per_step: float) -> NDArray[np.float32]:
    made = np.zeros(steps, dtype=np.float32)
    places = np.floor(times / seconds_per_step).astype(int)
    made[places[(places >= 0) & (places < steps)]] = 1.0
    return made


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _points(path: Path, condition: Condition) -> NDArray[np.float64]:
    if not path.is_file():
        tempo = ", a tempo like 120bpm" if condition.discrete else ""
        raise PriorError(
            f"'{path}' is no curve of {condition.name}: give a number{tempo}, or a file of lines "
            "with seconds and value."
        )
    try:
        with warnings.catch_warnings(action="ignore"):  # of an empty file, which is told below
            points = np.loadtxt(path, delimiter=",", ndmin=2)
    except (ValueError, UnicodeDecodeError):
        points = np.zeros((0, 0))
    if not points.size or not np.isfinite(points).all():
        raise PriorError(f"'{path}' holds something else than lines of seconds and value.")
    return points
