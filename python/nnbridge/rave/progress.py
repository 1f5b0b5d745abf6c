# SPDX-License-Identifier: MIT
"""How far a training is: one line that is redrawn on a terminal, one per validation in a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

_SMOOTHING = 0.02


class Display:
    """Shows steps done, the loss, and the time that is left, on stderr.

    Args:
        steps: where each of the two stages ends, in steps.
        quiet: shows nothing.
    """

    def __init__(self, steps: tuple[int, int], quiet: bool = False) -> None:
        self._ends = steps
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False)
        self._live = self._console.is_terminal and not quiet
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            console=self._console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._bar.add_task("", total=steps[1], figures="")
        self._costs: dict[int, float] = {}  # of a step, by stage
        self._last: float | None = None

    def start(self, costs: Mapping[int, float]) -> None:
        """Begins, with the seconds that a step of each stage was measured to take."""
        self._costs = dict(costs)
        self._last = None
        self._bar.start()

    def stop(self) -> None:
        """Ends the display."""
        self._bar.stop()

    def pause(self) -> None:
        """What comes now is no training step: it is not counted in the time of one."""
        self._last = None

    def step(self, step: int, stage: int, loss: float | None) -> None:
        """Steps are done; loss is the newest mean, if there is one."""
        now = time.perf_counter()
        if self._last is not None:
            took = now - self._last
            known = self._costs.get(stage, took)
            self._costs[stage] = known + _SMOOTHING * (took - known)
        self._last = now
        if self._live:
            shown = "" if loss is None else f"loss {loss:.3f}, "
            cost = self._costs.get(stage)
            speed = f"{1 / cost:.1f} steps/s, " if cost else ""
            self._bar.update(
                self._task,
                description=f"stage {'one' if stage == 1 else 'two'}",
                completed=step,
                figures=f"{shown}{speed}{duration(self.left(step))} left",
            )

    def left(self, step: int) -> float:
        """Seconds to the end, as steps have cost so far."""
        one = max(0, self._ends[0] - step)
        two = self._ends[1] - max(step, self._ends[0])
        known = self._costs.get(1) or self._costs.get(2) or 0.0
        return one * self._costs.get(1, known) + two * self._costs.get(2, known)

    def say(self, words: str) -> None:
        """One line that stays."""
        if not self._quiet:
            self._bar.console.print(words, markup=False, soft_wrap=True)
            sys.stderr.flush()


def duration(seconds: float) -> str:
    """As people say it: 40 s, 12 min, 3 h 20 min, 5.1 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 172800:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
    return f"{seconds / 86400:.1f} days"
