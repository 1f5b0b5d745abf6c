# SPDX-License-Identifier: MIT
"""Getters and setters written for the author.

TorchScript compiles from source text. It asks ``inspect``, which asks ``linecache``, so a text
registered there needs no file: nothing is written anywhere, and a read-only installation works.
"""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Callable, Iterable
from typing import Any

import torch

from .buffer import Buffer
from .declare import Attribute, Kind

_WRITTEN = {
    Kind.BOOL: "bool",
    Kind.INT: "int",
    Kind.FLOAT: "float",
    Kind.STR: "str",
    Kind.TENSOR: "Tensor",
    Kind.BUFFER: "Buffer",
}


def getter(attribute: Attribute) -> str:
    """Source of ``get_<name>() -> tuple[…]``."""
    types = ", ".join(_WRITTEN[kind] for kind in attribute.kinds)
    return (
        f"def get_{attribute.name}(self) -> tuple[{types}]:\n"  #
        f"    return self.{attribute.name}\n"
    )


def setter(attribute: Attribute) -> str:
    """Source of ``set_<name>(name0: T, …) -> int``: 0 when taken, -1 when refused."""
    name = attribute.name
    arguments: list[str] = []
    checks: list[str] = []
    kept: list[str] = []
    for i, kind in enumerate(attribute.kinds):
        value = f"{name}{i}"
        taken = "str" if kind is Kind.BUFFER else _WRITTEN[kind]
        arguments.append(f"{value}: {taken}")
        if kind is Kind.BUFFER:
            # The sound itself came through set_buffer_attribute; this names it.
            checks.append(f'    if {value} != "{name}#{i}":\n        return -1\n')
            kept.append(f"self.{name}[{i}]")
        else:
            # Written so that NaN, which compares false with everything, is refused.
            if attribute.minimum is not None:
                checks.append(f"    if not {value} >= {attribute.minimum!r}:\n        return -1\n")
            if attribute.maximum is not None:
                checks.append(f"    if not {value} <= {attribute.maximum!r}:\n        return -1\n")
            kept.append(f"{value}.clone()" if kind is Kind.TENSOR else value)
    return (
        f"def set_{name}(self, {', '.join(arguments)}) -> int:\n"
        f"{''.join(checks)}"
        f"    self.{name} = ({', '.join(kept)},)\n"
        "    return 0\n"
    )


def buffer_functions(attributes: Iterable[Attribute]) -> str:
    """Source of the four functions through which a host reaches Buffer elements."""
    ids = [
        (f"{attribute.name}#{i}", f"self.{attribute.name}[{i}]")
        for attribute in attributes
        for i, kind in enumerate(attribute.kinds)
        if kind is Kind.BUFFER
    ]

    def each(line: str) -> str:
        return "".join(
            f'    if buffer_name == "{element}":\n        {line.format(place)}\n'
            for element, place in ids
        )

    listed = ", ".join(f'"{name}"' for name, _ in ids)
    return (
        "def get_buffer_attributes(self) -> list[str]:\n"
        f"    names: list[str] = [{listed}]\n"
        "    return names\n"
        "def set_buffer_attribute(self, buffer_name: str, buffer: Tensor, sr: int) -> int:\n"
        f"{each('return {}.set_value(buffer, sr)')}"
        "    return -1\n"
        "def clear_buffer_attribute(self, buffer_name: str) -> None:\n"
        f"{each('{}.init_value()')}"
        "    return None\n"
        "def is_buffer_empty(self, buffer_name: str) -> bool:\n"
        f"{each('return not {}.has_value')}"
        "    return True\n"
    )


def compile_source(owner: str, source: str) -> tuple[dict[str, Callable[..., Any]], str]:
    """Turn source text into exported functions that TorchScript can read back.

    Args:
        owner: the author's class, for tracebacks.
        source: one or several ``def`` at module level.

    Returns:
        The functions by name, each marked as ``torch.jit.export`` does, and the name under
        which their text is registered.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    filename = f"<nnbridge accessors of {owner} {digest}>"
    remember_source(filename, source)
    space: dict[str, Any] = {
        "__name__": __name__,
        "torch": torch,
        "Tensor": torch.Tensor,
        "Buffer": Buffer,
    }
    before = set(space)
    exec(compile(source, filename, "exec"), space)
    made = {
        name: torch.jit.export(function)
        for name, function in space.items()
        if name not in before and callable(function)
    }
    return made, filename


def remember_source(filename: str, source: str) -> None:
    """Let ``inspect`` find the text of a file that does not exist."""
    # No modification time: linecache.checkcache then leaves the entry alone.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
