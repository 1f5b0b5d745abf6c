# SPDX-License-Identifier: MIT
"""Real time as fast as the models allow: no block is late, however busy the machine is.

Only for hosts in this process: the engine's threads are told by their names.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

_AT_WORK = ("R", "D")  # of proc(5): runs or waits for its turn, waits for the disk


def until_idle() -> None:
    """Until the engine's workers have done what the last block gave them."""
    while any(map(_is_at_work, Path("/proc/self/task").iterdir())):
        time.sleep(0.0005)


def patiently(plugin, signal: np.ndarray, block: int = 512) -> np.ndarray:
    """All of `signal`, [channels, frames], in calls of up to `block` frames."""
    pieces = []
    for at in range(0, signal.shape[1], block):
        pieces.append(plugin.process(signal[:, at : at + block]))
        until_idle()
    return np.concatenate(pieces, axis=1)


def silence_until(
    plugin, told: Callable[[], object], wanted: object, block: int, seconds: float
) -> None:
    """Plays silence until that is told, and once more, which brings the figures with it."""
    silence = np.zeros((plugin.channels, block), np.float32)
    until = time.monotonic() + seconds
    while told() != wanted:
        assert time.monotonic() < until, f"it stayed at '{told()}'"
        plugin.process(silence)
        time.sleep(0.002)
        until_idle()
    plugin.process(silence)


def _is_at_work(task: Path) -> bool:
    try:
        if (task / "comm").read_text() != "nnbridge worker\n":
            return False
        return (task / "stat").read_text().rpartition(")")[2].split()[0] in _AT_WORK
    except OSError:  # it has ended meanwhile
        return False
