# SPDX-License-Identifier: MIT
"""The manifest: what a model file says about itself beyond the nn~ contract.

It is JSON in the TorchScript extra file ``nnbridge.json``, which other hosts ignore.
"""

from __future__ import annotations

import json
import os
import zipfile
from typing import Any, TypedDict, cast

from .errors import ContractError

SCHEMA = 1
EXTRA_FILE = "nnbridge.json"


class MethodEntry(TypedDict):
    """``step`` and ``delay`` in samples at audio rate."""

    step: int
    delay: int | None
    random: bool
    description: str


class AttributeEntry(TypedDict):
    """Limits hold for every number; ``default`` has None where a Tensor or Buffer stands."""

    min: float | None
    max: float | None
    unit: str
    default: list[Any]
    description: str


class Manifest(TypedDict):
    """Schema 1. ``sample_rate`` in hertz, None when the model plays at any rate."""

    schema: int
    sample_rate: int | None
    methods: dict[str, MethodEntry]
    attributes: dict[str, AttributeEntry]
    torch: str
    nnbridge: str
    name: str
    authors: list[str]
    license: str
    citation: str
    description: str


def read_manifest(path: str | os.PathLike[str]) -> Manifest | None:
    """Read the manifest of a model file without loading, let alone running, the model.

    Args:
        path: a ``.ts`` file, ours or foreign.

    Returns:
        The manifest, or None when the file has none.

    Raises:
        ContractError: there is no such file, it is no TorchScript archive, or its manifest is
            damaged or written by a newer nnbridge.
    """
    shown = os.fspath(path)
    try:
        with zipfile.ZipFile(shown) as archive:
            names = [n for n in archive.namelist() if n.endswith(f"/extra/{EXTRA_FILE}")]
            text = archive.read(names[0]).decode() if names else None
    except FileNotFoundError:
        raise ContractError(f"there is no file {shown}") from None
    except (OSError, zipfile.BadZipFile, EOFError, UnicodeDecodeError) as error:
        raise ContractError(f"{shown} is not a model file: {error}") from error
    if text is None:
        return None
    try:
        found = json.loads(text)
        schema = found["schema"]
    except (ValueError, TypeError, KeyError) as error:
        raise ContractError(f"the manifest in {shown} is damaged") from error
    if not isinstance(schema, int) or schema > SCHEMA:
        raise ContractError(
            f"the manifest in {shown} has schema {schema}, this nnbridge reads {SCHEMA}; "
            "a newer nnbridge reads it"
        )
    return cast(Manifest, found)
