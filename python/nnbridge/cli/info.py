# SPDX-License-Identifier: MIT
"""``nnbridge info``: what is in a model file."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from . import terminal
from .terminal import Json, ModelFile

if TYPE_CHECKING:
    from nnbridge.host import Attribute, Method, Model


def command(model: ModelFile, json: Json = False) -> None:
    """Show what a model file contains.

    \b
    Examples:
      nnbridge info model.ts
      nnbridge info model.ts --json | jq '.methods[].name'
    """  # noqa: D301 -- \b keeps the lines of the examples
    with terminal.plainly():
        opened = terminal.open_model(model)
        values = {name: _value(opened, name) for name in opened.attributes}
        if json:
            terminal.print_json(_machine(opened, values))
        else:
            _human(opened, values)


def _value(model: Model, name: str) -> list[Any] | None:
    from nnbridge.host import Error

    try:
        return model.get(name)
    except Error:
        return None  # `check` says why


def _machine(model: Model, values: dict[str, list[Any] | None]) -> dict[str, Any]:
    attributes = [
        {**asdict(held), "values": values[name]} for name, held in model.attributes.items()
    ]
    return {
        "path": model.path,
        "sample_rate": model.sample_rate,
        "about": model.about,
        "methods": [asdict(method) for method in model.methods.values()],
        "attributes": attributes,
    }


def _human(model: Model, values: dict[str, list[Any] | None]) -> None:
    out = terminal.console()
    about = model.about or {}
    head = terminal.table("", "")
    head.show_header = False
    rate = f"{model.sample_rate} Hz" if model.sample_rate else "any: the file says none"
    for label, text in (
        ("file", model.path),
        ("name", about.get("name")),
        ("", about.get("description")),
        ("authors", ", ".join(about.get("authors", []))),
        ("licence", about.get("license")),
        ("citation", about.get("citation")),
        ("torch", about.get("torch")),
        ("sample rate", rate),
    ):
        if text:
            head.add_row(label, str(text))
    out.print(head)
    methods = terminal.table("method", "in", "out", ">step", ">delay", "random", "description")
    for method in model.methods.values():
        methods.add_row(*_method_row(method))
    out.print()
    out.print(methods)
    if not model.attributes:
        return
    attributes = terminal.table("attribute", "type", "value", "range", "unit", "description")
    for name, attribute in model.attributes.items():
        attributes.add_row(*_attribute_row(attribute, values[name]))
    out.print()
    out.print(attributes)


def _method_row(method: Method) -> list[str]:
    def side(channels: int, ratio: int) -> str:
        return f"{channels}" if ratio == 1 else f"{channels} at 1/{ratio}"

    return [
        method.name,
        side(method.in_channels, method.in_ratio),
        side(method.out_channels, method.out_ratio),
        str(method.step),
        "?" if method.delay is None else str(method.delay),
        {None: "?", True: "yes", False: "no"}[method.random],
        method.description if method.callable else "(listed, but not in the file)",
    ]


def _attribute_row(attribute: Attribute, values: list[Any] | None) -> list[str]:
    low, high = attribute.minimum, attribute.maximum
    span = "" if low is None and high is None else f"{_bound(low)} … {_bound(high)}"
    shown = "(can't be read)" if values is None else " ".join(_shown(value) for value in values)
    return [
        attribute.name,
        " ".join(attribute.types),
        shown,
        span,
        attribute.unit,
        attribute.description,
    ]


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        channels, frames = value[0].shape
        return f"{channels} x {frames} at {value[1]} Hz" if frames else "(empty)"
    if hasattr(value, "shape"):
        return "tensor " + " x ".join(str(size) for size in value.shape)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
