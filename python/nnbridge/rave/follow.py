# SPDX-License-Identifier: MIT
"""Following a training: each checkpoint as it appears."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from nnbridge.training import checkpoints
from nnbridge.training.errors import TrainingError

from . import run
from .network import RAVE

FOLLOWED = ("newest", *checkpoints.NAMED)
"""The checkpoints that training writes again."""
Stamp = tuple[str, int]
"""Which file a checkpoint is, and when it was written."""


def follow(
    folder: str | Path, which: str = "newest", pause: float = 1.0
) -> Iterator[tuple[str, RAVE]]:
    """The network of a run now, and again whenever there is a newer one. Never ends.

    A checkpoint that disappears or is found damaged while it is opened is passed over: the next
    one follows.

    Args:
        folder: of the run.
        which: newest, best, stage-one or stage-two; one of these may be yet to come.
        pause: seconds from look to look.

    Yields:
        The name of the checkpoint, and its network.

    Raises:
        TrainingError: there is no run, or a checkpoint of this name never comes.
    """
    found = run.Run(folder)
    if which not in FOLLOWED:
        raise TrainingError(
            f"a checkpoint '{which}' can't be followed: choose one of {', '.join(FOLLOWED)}."
        )
    seen: Stamp | None = None
    while True:
        stamp = _stamp(found.checkpoints, which)
        if stamp is not None and stamp != seen:
            seen = stamp
            try:
                _, network = run.load(folder, which)
                yield stamp[0], network
            except TrainingError:
                pass
        time.sleep(pause)


def _stamp(folder: Path, which: str) -> Stamp | None:
    paths = checkpoints.newest(folder) if which == "newest" else [folder / f"{which}.ckpt"]
    for path in paths:
        try:
            return path.stem, path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return None
