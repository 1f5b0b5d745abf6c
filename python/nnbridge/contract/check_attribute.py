# SPDX-License-Identifier: MIT
"""What is wrong with one attribute, found by reading and setting it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .check_report import Report

if TYPE_CHECKING:
    from nnbridge.host import Attribute, Model


def check_attribute(model: Model, attribute: Attribute, report: Report) -> None:
    """Adds to a report what there is to say about an attribute; leaves it as it was."""
    from nnbridge.host import Error

    name = attribute.name
    try:
        values = model.get(name)
    except Error as error:
        report.add(
            "error",
            "attribute",
            name,
            f"it can't be read: {str(error).rstrip('.')}.",
            f"Make get_{name} return its values, and export it.",
        )
        return
    if len(values) != len(attribute.types):
        report.add(
            "error",
            "attribute",
            name,
            f"it declares {len(attribute.types)} values and gives {len(values)}.",
            f"Make get_{name} return one value for each that is registered.",
        )
        return
    if any(isinstance(value, tuple) and value[0].size == 0 for value in values):
        return  # an empty buffer; it can't be set to nothing
    if (said := _refused(model, name, values)) is not None:
        report.add(
            "error",
            "attribute",
            name,
            f"it refuses its own value: {said}.",
            f"Make set_{name} take what get_{name} gives, and return 0.",
        )
        return
    if not _same(values, model.get(name)):
        report.add(
            "error",
            "attribute",
            name,
            f"it reads {_shown(model.get(name))} after being set to {_shown(values)}.",
            f"Make set_{name} keep what it takes, or refuse it with -1.",
        )
    _range(model, attribute, values, report)
    _refused(model, name, values)


def _refused(model: Model, name: str, values: list[Any]) -> str | None:
    from nnbridge.host import Error

    try:
        model.set(name, *values)
    except Error as error:
        return str(error).rstrip(".")
    return None


def _range(model: Model, attribute: Attribute, values: list[Any], report: Report) -> None:
    name = attribute.name
    numbers = [i for i, kind in enumerate(attribute.types) if kind in ("int", "float")]
    if not numbers:
        return
    for bound, outwards in ((attribute.minimum, -1.0), (attribute.maximum, 1.0)):
        if bound is None:
            continue
        if (said := _refused(model, name, _with(attribute, values, numbers, bound))) is not None:
            report.add(
                "error",
                "range",
                name,
                f"it declares a range that ends at {bound:g} and refuses {bound:g}: {said}.",
                f"Make set_{name} take the ends of its range, or declare another.",
            )
        beyond = bound + outwards * max(1.0, abs(bound) * 0.1)
        if _refused(model, name, _with(attribute, values, numbers, beyond)) is None:
            report.add(
                "warning",
                "range",
                name,
                f"it declares a range that ends at {bound:g} and takes {beyond:g}.",
                f"Make set_{name} return -1 for what is outside.",
            )


def _with(attribute: Attribute, values: list[Any], numbers: list[int], number: float) -> list[Any]:
    changed = list(values)
    for i in numbers:
        whole = attribute.types[i] == "int"
        changed[i] = (math.ceil(number) if number < 0 else math.floor(number)) if whole else number
    return changed


def _same(one: list[Any], other: list[Any]) -> bool:
    return all(_equal(a, b) for a, b in zip(one, other, strict=True))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return _equal(one[0], other[0]) and one[1] == other[1]
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other))
    return bool(one == other)


def _shown(values: list[Any]) -> str:
    plain = [value for value in values if isinstance(value, bool | int | float | str)]
    return " ".join(str(value) for value in plain) or "something else"
