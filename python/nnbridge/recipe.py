# SPDX-License-Identifier: MIT
"""Recipes: everything that decides what a training makes, as a readable TOML file.

A model family states its sections as frozen dataclasses, and gathers them in one that derives from
`BaseRecipe`. A file names only what differs from its ``base`` (another file, or a shipped recipe by
name); one without a base starts from the defaults.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Self, TypeVar, get_args, get_origin, get_type_hints


class RecipeError(ValueError):
    """A recipe that cannot be read or made: one sentence."""


def positive(section: str, settings: object, *names: str) -> None:
    """Raise `RecipeError` where one of these settings is not above 0, or not finite."""
    for name in names:
        value = getattr(settings, name)
        if not 0 < value < float("inf"):  # also refuses what is no number at all
            raise RecipeError(f"{section}.{name} must be above 0, not {value}.")


@dataclass(frozen=True)
class BaseRecipe:
    """Reads, changes and writes the sections that a derived class has as fields."""

    SHIPPED: ClassVar[Path]
    """The folder of the recipes that are known by their names."""

    @classmethod
    def load(cls, source: str | Path) -> Self:
        """Read a file, or a shipped recipe by its name.

        Raises:
            RecipeError: it isn't there, or says something a recipe cannot say.
        """
        return cls.from_dict(_resolve(source, cls.SHIPPED, None), str(source))

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """The recipe that `to_toml` wrote."""
        return cls.from_dict(_parsed(text, "the recipe"), "the recipe")

    @classmethod
    def from_dict(cls, content: dict[str, Any], name: str) -> Self:
        """From sections of values; `name` is for the error's sentence."""
        kinds = get_type_hints(cls)
        known = [part.name for part in fields(cls)]
        sections = {}
        for section, values in content.items():
            if section not in known or not isinstance(values, dict):
                there = ", ".join(f"[{key}]" for key in known)
                raise RecipeError(f'{name} has "{section}"; a recipe has the sections {there}.')
            sections[section] = _section(kinds[section], section, values, name)
        return cls(**sections)

    @classmethod
    def names(cls) -> list[str]:
        """The shipped recipes."""
        return _names(cls.SHIPPED)

    def override(self, settings: Sequence[str]) -> Self:
        """With some values changed, each like ``training.batch=4``."""
        content: dict[str, Any] = asdict(self)
        for setting in settings:
            key, equals, value = setting.partition("=")
            section, dot, entry = key.strip().partition(".")
            if not (equals and dot):
                raise RecipeError(f'"{setting}" is no setting; write section.name=value.')
            content.setdefault(section, {})[entry] = _value(value.strip())
        return type(self).from_dict(content, "the settings")

    def to_toml(self) -> str:
        """All values, as a TOML file."""
        parts = []
        for section, values in asdict(self).items():
            lines = "".join(f"{key} = {_written(value)}\n" for key, value in values.items())
            parts.append(f"[{section}]\n{lines}")
        return "\n".join(parts)


T = TypeVar("T")


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.toml"))


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name} is no TOML file: {error}.") from None


def _resolve(
    source: str | Path, shipped: Path, beside: Path | None, above: tuple[Path, ...] = ()
) -> dict[str, Any]:
    path = Path(source)
    if beside is not None and not path.is_absolute() and (beside / path).is_file():
        path = beside / path
    if not path.is_file():
        path = shipped / f"{source}.toml"
    if not path.is_file():
        raise RecipeError(
            f'there is no recipe "{source}": give a file, or one of {", ".join(_names(shipped))}.'
        )
    path = path.resolve()
    if path in above:
        raise RecipeError(f"{path} is its own base.")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} can't be read ({error}).") from None
    content = _parsed(text, str(path))
    base = content.pop("base", None)
    if base is None:
        return content
    if not isinstance(base, str):
        raise RecipeError(f"{path}: base must be the name of a recipe or file, not {base!r}.")
    merged = _resolve(base, shipped, path.parent, (*above, path))
    for section, values in content.items():
        if isinstance(values, dict):
            below = merged.get(section)
            merged[section] = {**below, **values} if isinstance(below, dict) else values
        else:
            merged[section] = values
    return merged


def _section(kind: type[T], section: str, values: dict[str, Any], name: str) -> T:
    types = get_type_hints(kind)
    checked = {}
    for key, value in values.items():
        if key not in types:
            raise RecipeError(
                f"{name} has {section}.{key}, which is unknown; [{section}] has {', '.join(types)}."
            )
        checked[key] = _checked(types[key], value, f"{section}.{key}")
    return kind(**checked)


def _checked(kind: Any, value: Any, name: str) -> Any:
    if get_origin(kind) is tuple:
        element = get_args(kind)[0]
        if isinstance(value, list | tuple):
            return tuple(_checked(element, item, name) for item in value)
        raise RecipeError(f"{name} must be a list, not {value!r}.")
    assert not isinstance(kind, UnionType)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}
        raise RecipeError(f"{name} must be {words[kind]}, not {value!r}.")
    return value


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(_written(item) for item in value)}]"
    return repr(value)
