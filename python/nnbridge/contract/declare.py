# SPDX-License-Identifier: MIT
"""What an author declares: methods and attributes, and the checks that need no model."""

from __future__ import annotations

import keyword
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import torch

from .buffer import Buffer
from .errors import ContractError


class Kind(IntEnum):
    """Type of one attribute element, numbered as in nn~'s ``<attribute>_params``."""

    BOOL = 0
    INT = 1
    FLOAT = 2
    STR = 3
    TENSOR = 4
    BUFFER = 5


_KINDS: dict[type, Kind] = {
    bool: Kind.BOOL,
    int: Kind.INT,
    float: Kind.FLOAT,
    str: Kind.STR,
    torch.Tensor: Kind.TENSOR,
    torch.nn.Parameter: Kind.TENSOR,
    Buffer: Kind.BUFFER,
}


@dataclass(frozen=True)
class Method:
    """One declared method; ratios, step and delay are in samples at audio rate."""

    name: str
    in_channels: int
    in_ratio: int
    out_channels: int
    out_ratio: int
    step: int
    delay: int | None
    random: bool | None
    description: str
    tested: bool
    test_buffer_size: int

    @property
    def test_samples(self) -> int:
        """The test block: ``test_buffer_size`` rounded up to whole steps, in audio samples."""
        return max(1, math.ceil(self.test_buffer_size / self.step)) * self.step


@dataclass(frozen=True)
class Attribute:
    """One declared attribute: the type of each element, and the limits on its numbers."""

    name: str
    kinds: tuple[Kind, ...]
    minimum: float | None
    maximum: float | None
    unit: str
    description: str

    @property
    def limited(self) -> bool:
        """Whether numbers outside some limit are refused."""
        return self.minimum is not None or self.maximum is not None


@dataclass
class Contract:
    """All that the author of one module has declared."""

    methods: dict[str, Method] = field(default_factory=dict)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    # The author's class, and the name and text of what was written for it.
    generated: tuple[type, str, str] | None = None


def check_name(what: str, name: object) -> str:
    """Refuse a name that Python or TorchScript could not use.

    Raises:
        ContractError: not a string, not an identifier, a keyword, or starting with ``__``.
    """
    if not isinstance(name, str):
        raise ContractError(f"the name of {what} must be a string, not {name!r}")
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
        raise ContractError(
            f"{name!r} cannot name {what}: use letters, digits and _, and no Python keyword"
        )
    return name


def positive(what: str, value: object) -> int:
    """Refuse what is not a whole number from 1.

    Raises:
        ContractError: says what is wrong, with the value.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ContractError(f"{what} must be a positive int, not {value!r}")
    return value


def labels(method: str, way: str, given: Sequence[str] | None, channels: int) -> list[str]:
    """One label per channel; ``(signal) model input i`` and so on when none are given.

    Raises:
        ContractError: their number differs from the number of channels, or one is no string.
    """
    if given is None:
        return [f"(signal) model {way} {i}" for i in range(channels)]
    if isinstance(given, str) or not all(isinstance(label, str) for label in given):
        raise ContractError(f"{way}_labels of method {method!r} must be a list of strings")
    if len(given) != channels:
        raise ContractError(
            f"method {method!r} has {channels} {way} channels but {len(given)} {way}_labels"
        )
    return list(given)


def method(
    name: str,
    shape: tuple[object, object, object, object],
    step: object,
    delay: object,
    random: object,
    description: str,
    tested: bool,
    test_buffer_size: object,
) -> Method:
    """Check and hold the declaration of one method.

    Args:
        name: as a host calls it.
        shape: in_channels, in_ratio, out_channels, out_ratio.
        step: a block must be a multiple of this; None for what the ratios ask.
        delay: what the model itself adds, in samples; None for unknown.
        random: whether it draws random numbers; None to find out by running it.
        description: one sentence for a user.
        tested: whether it is run when registered and exported.
        test_buffer_size: audio samples of that run.

    Raises:
        ContractError: the first thing that is wrong.
    """
    words = ("in_channels", "in_ratio", "out_channels", "out_ratio")
    in_ch, in_r, out_ch, out_r = (
        positive(f"{word} of method {name!r}", value)
        for word, value in zip(words, shape, strict=True)
    )
    least = math.lcm(in_r, out_r)
    whole = least if step is None else positive(f"step of method {name!r}", step)
    if whole % least:
        raise ContractError(
            f"step of method {name!r} must be a multiple of {least}, "
            f"which its ratios {in_r} and {out_r} ask, not {whole}"
        )
    if delay is not None and (isinstance(delay, bool) or not isinstance(delay, int) or delay < 0):
        raise ContractError(
            f"delay of method {name!r} must be a number of samples from 0, not {delay!r}"
        )
    if random is not None and not isinstance(random, bool):
        raise ContractError(f"random of method {name!r} must be True, False or None")
    size = positive(f"test_buffer_size of method {name!r}", test_buffer_size)
    return Method(name, in_ch, in_r, out_ch, out_r, whole, delay, random, description, tested, size)


def values_of(name: str, values: object) -> tuple[Any, ...]:
    """Default values as a tuple, one per element.

    Raises:
        ContractError: there are none.
    """
    result = tuple(values) if isinstance(values, (list, tuple)) else (values,)
    if not result:
        raise ContractError(f"attribute {name!r} needs at least one default value")
    return result


def attribute(
    name: str,
    values: tuple[Any, ...],
    minimum: float | None,
    maximum: float | None,
    unit: str,
    description: str,
) -> Attribute:
    """Check and hold the declaration of one attribute.

    Raises:
        ContractError: a default of a type no host can send, limits that contradict each other
            or a default, or limits on something that is no number.
    """
    kinds = tuple(_kind(name, value) for value in values)
    held = Attribute(name, kinds, minimum, maximum, unit, description)
    if not held.limited:
        return held
    if not all(kind in (Kind.INT, Kind.FLOAT) for kind in kinds):
        raise ContractError(f"attribute {name!r} has min or max, which only int and float take")
    for word, limit in (("min", minimum), ("max", maximum)):
        if limit is None:
            continue
        number = isinstance(limit, (int, float)) and not isinstance(limit, bool)
        if not number or not math.isfinite(limit):
            raise ContractError(f"{word} of attribute {name!r} must be a number, not {limit!r}")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ContractError(f"attribute {name!r} has min {minimum} above max {maximum}")
    for value in values:
        above = minimum is None or value >= minimum
        below = maximum is None or value <= maximum
        if not (above and below):
            raise ContractError(
                f"default {value} of attribute {name!r} is outside {minimum} … {maximum}"
            )
    return held


def _kind(name: str, value: object) -> Kind:
    kind = _KINDS.get(type(value))
    if kind is None:
        raise ContractError(
            f"default {value!r} of attribute {name!r} is of type {type(value).__name__}; "
            "an attribute holds bool, int, float, str, Tensor or Buffer"
        )
    return kind
