# SPDX-License-Identifier: MIT
"""The linter for model files, ours and foreign: ``nnbridge check FILE``.

It plays a file as hosts do, with the engine, which is imported when first needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from .check_player import FailedError
from .check_report import Cost, Delay, Finding, MethodReport, Report, Severity

if TYPE_CHECKING:
    from nnbridge.host import Model

__all__ = ["Cost", "Delay", "Finding", "MethodReport", "Report", "Severity", "check"]

Progress = Callable[[int, int], None]
"""Called with the number of methods and attributes done, and of all."""


def check(path: str | os.PathLike[str], progress: Progress | None = None) -> Report:
    """Plays a model file in every way that hosts do.

    Every method: that it runs in blocks of all legal sizes and in batches, with the shapes that it
    declares; that it stays finite on silence, noise, impulses, full scale and a constant; that it
    is not silent; that it keeps its state from block to block, and nowhere else; its delay, its
    random draws, its cost. Every attribute: that it can be read and set, and keeps to its range.

    Args:
        path: the file.
        progress: called after each method and attribute.

    Returns:
        What was found. A file that can't be opened is a finding as well.
    """
    from nnbridge.host import Error, load

    from .check_attribute import check_attribute
    from .check_method import check_method

    report = Report(os.fspath(path))
    try:
        model = load(path)
    except Error as error:
        there = os.path.isfile(path)  # noqa: PTH113 -- the path may be text
        fix = "Export it again, with nnbridge or nn~." if there else "Check the path."
        report.add("error", "open", "", str(error), fix)
        return report
    methods, attributes = model.methods, model.attributes
    total = len(methods) + len(attributes)
    _check_file(model, report)
    for done, method in enumerate(methods.values()):
        if method.callable:
            try:
                check_method(model, method, report)
            except (Error, FailedError) as error:
                # It ran before, so this is the model's, and whatever it is, it will happen live.
                report.add("error", "run", method.name, f"it fails at times: {error}", "")
        else:
            report.add(
                "warning",
                "callable",
                method.name,
                "it is listed but not in the file: whoever chooses it gets an error.",
                "Export it, or drop its registration. (Some files list one to ask for larger "
                "blocks; register_method(…, step=…) does that.)",
            )
        if progress:
            progress(done + 1, total)
    for done, attribute in enumerate(attributes.values()):
        check_attribute(model, attribute, report)
        if progress:
            progress(len(methods) + done + 1, total)
    return report


def _check_file(model: Model, report: Report) -> None:
    import torch

    if model.about is None:
        report.add(
            "note",
            "manifest",
            "",
            "it has no manifest, so delays, ranges, authors and licence are unknown.",
            "Export it with nnbridge.contract, which writes one.",
        )
    else:
        made = _version(str(model.about.get("torch", "")))
        if made > _version(torch.__version__):
            report.add(
                "warning",
                "torch",
                "",
                f"it was made with torch {model.about['torch']}, newer than the "
                f"{torch.__version__} that plays it here.",
                "Older hosts may refuse it: export with the oldest torch that you want to serve.",
            )
    if model.sample_rate is None and not model.follows_sample_rate:
        report.add(
            "note",
            "rate",
            "",
            "it states no sample rate, so it runs at that of the host.",
            "If it was trained at one rate, state it: metadata(sample_rate=…).",
        )
    for method in model.methods.values():
        labels = [*method.in_labels, *method.out_labels]
        if all(label.startswith("(signal) model ") for label in labels):
            report.add(
                "note",
                "labels",
                method.name,
                "its channels have no labels.",
                "Give register_method input_labels and output_labels: hosts show them.",
            )


def _version(text: str) -> tuple[int, ...]:
    parts = text.partition("+")[0].split(".")
    return tuple(int(part) for part in parts[:2] if part.isdigit())
