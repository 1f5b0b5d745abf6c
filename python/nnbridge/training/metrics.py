# SPDX-License-Identifier: MIT
"""A run's figures: into metrics.csv for anything that reads a table, and into TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

COLUMNS = ("step", "stage", "name", "value")


class Log:
    """Appends figures and sounds of one run.

    What an interrupted run logged after the step it goes on from is taken out first: those steps
    come again.

    Args:
        table: metrics.csv.
        folder: of TensorBoard.
        step: from where training goes on.
    """

    def __init__(self, table: Path, folder: Path, step: int) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        kept = [row for row in rows(table) if int(row[0]) <= step] if table.is_file() else []
        part = table.with_name(table.name + ".part")
        with part.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *kept])
        part.replace(table)
        self._file = table.open("a", newline="", encoding="utf-8")
        self._table = csv.writer(self._file)
        self._board: SummaryWriter = SummaryWriter(str(folder), purge_step=step + 1)

    def figures(self, step: int, stage: int, values: Mapping[str, float]) -> None:
        """Logs figures under their names."""
        for name, value in values.items():
            self._table.writerow((step, stage, name, f"{value:.6g}"))
            self._board.add_scalar(name, value, step)
        self._file.flush()

    def sound(self, step: int, name: str, samples: Tensor, sample_rate: int) -> None:
        """Logs a sound, [channels, frames] at sample_rate in Hz: TensorBoard plays its mono mix."""
        mono = samples.detach().float().cpu().mean(0, keepdim=True).clamp(-1, 1)
        self._board.add_audio(name, mono, step, sample_rate)

    def text(self, name: str, words: str) -> None:
        """Logs a text, kept as it is."""
        self._board.add_text(name, "    " + words.replace("\n", "\n    "))

    def flush(self) -> None:
        """Everything so far is on disk afterwards."""
        self._file.flush()
        self._board.flush()

    def close(self) -> None:
        """Ends the log."""
        self._file.close()
        self._board.close()


class Means:
    """Running means of figures, kept on their device until somebody asks."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """One value of each name."""
        for name, value in values.items():
            value = value.detach().float()
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._counts[name] = self._counts.get(name, 0) + 1

    def take(
        self, over_processes: Callable[[Tensor], Tensor] = lambda means: means
    ) -> dict[str, float]:
        """The means since the last call.

        Args:
            over_processes: gives the mean over all processes, which have the same names; default:
                there is one.
        """
        if not self._sums:
            return {}
        means = torch.stack([value / self._counts[name] for name, value in self._sums.items()])
        taken = dict(zip(self._sums, over_processes(means).tolist(), strict=True))
        self._sums.clear()
        self._counts.clear()
        return taken


def rows(table: Path) -> list[list[str]]:
    """The rows of a metrics.csv, without its heading and without a last line cut short."""
    with table.open(newline="", encoding="utf-8") as file:
        read = [row for row in csv.reader(file) if len(row) == len(COLUMNS)]
    return [row for row in read if row[0].isdecimal()]


def history(table: Path, name: str) -> tuple[list[int], list[float]]:
    """The steps and values of one figure."""
    found = [(int(row[0]), float(row[3])) for row in rows(table) if row[2] == name]
    return [step for step, _ in found], [value for _, value in found]
