# SPDX-License-Identifier: MIT
"""``nnbridge check``: the linter for model files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from . import terminal
from .terminal import Json, ModelFile, Quiet

if TYPE_CHECKING:
    from rich.table import Table

    from nnbridge.contract.check import Report

_COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def command(model: ModelFile, json: Json = False, quiet: Quiet = False) -> None:
    """Check a model file for faults.

    Plays it in every way that hosts do, and says what is wrong with it. Works on any file in the
    nn~ contract, ours or not. Each finding says how to fix it. Ends with 1 if there are errors.

    \b
    Examples:
      nnbridge check model.ts
      nnbridge check model.ts --json | jq '.findings[] | select(.severity == "error")'
    """  # noqa: D301 -- \b keeps the lines of the examples
    from nnbridge.contract.check import check

    with terminal.plainly(), terminal.Bar("checking", quiet=quiet or json) as bar:
        report = check(model, progress=bar)
    if json:
        terminal.print_json(report.as_dict())
    else:
        show(report, brief=quiet)
    raise typer.Exit(0 if report.ok else 1)


def show(report: Report, brief: bool = False) -> None:
    """Prints a report: errors alone when brief."""
    out = terminal.console()
    if report.methods and not brief:
        out.print(_figures(report))
        out.print()
    for finding in report.findings:
        if brief and finding.severity != "error":
            continue
        where = f" {finding.where}:" if finding.where else ""
        out.print(f"[{_COLOURS[finding.severity]}]{finding.severity}[/]:{where} ", end="")
        out.print(finding.message, end="\n", markup=False)
        if finding.fix and not brief:
            out.print(f"    {finding.fix}", style="dim", markup=False)
    if not brief:
        out.print(report.summary, markup=False)


def _figures(report: Report) -> Table:
    figures = terminal.table("method", "delay", "random", "state", ">block", ">ms", ">x real time")
    for name, held in report.methods.items():
        lead = [name, held.delay_text(), held.random_text(), held.state_text()]
        if not held.costs:
            figures.add_row(*lead)
        for cost in held.costs:
            speed = [str(cost.block), f"{cost.median * 1e3:.2f}", f"{cost.realtime:.1f}"]
            figures.add_row(*lead, *speed)
            lead = [""] * len(lead)
    return figures
