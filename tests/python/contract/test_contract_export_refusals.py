# SPDX-License-Identifier: MIT
"""Mistakes that only the export, or the reader of a file, can see."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mistaken_author import Author

from nnbridge.contract import ContractError, export, read_manifest

OUTSIDE = 2.0


class Outside(Author):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * OUTSIDE


class SetInside(Author):
    def __init__(self) -> None:
        super().__init__()
        self.things = {1, 2}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.helper(x)

    def helper(self, x: torch.Tensor) -> torch.Tensor:
        return x * len(self.things)


class Yields(Author):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        try:
            return x
        except ValueError:
            return x


class SetterNotExported(Author):
    def __init__(self) -> None:
        super().__init__()
        self.register_attribute("gain", 1.0)

    def set_gain(self, gain: float) -> int:
        return 0


class SetterUntyped(SetterNotExported):
    @torch.jit.export
    def set_gain(self, gain):  # type: ignore[no-untyped-def]
        return 0


class SetterTakesTwo(SetterNotExported):
    @torch.jit.export
    def set_gain(self, gain: float, more: float) -> int:  # type: ignore[override]
        return 0


class SetterReturnsNone(SetterNotExported):
    @torch.jit.export
    def set_gain(self, gain: float) -> None:  # type: ignore[override]
        self.gain = (gain,)


class GetterReturnsNone(Author):
    def __init__(self) -> None:
        super().__init__()
        self.register_attribute("gain", 1.0)

    @torch.jit.export
    def get_gain(self) -> None:
        return None


class ScriptedOtherwise(Author):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.jit.is_scripting():
            return x[..., :5]
        return x


class ScriptedRaises(Author):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.jit.is_scripting():
            return x.reshape(3, -1)
        return x


def line(body: Callable[..., Any], offset: int) -> int:
    return body.__code__.co_firstlineno + offset


HERE = "test_contract_export_refusals.py, line"
EXPORT: list[tuple[type[Author], str]] = [
    (
        Outside,
        f"TorchScript cannot compile Outside: {HERE} {line(Outside.forward, 1)}, "
        '"return x * OUTSIDE": OUTSIDE lives outside the module; keep it as self.outside in '
        "__init__",
    ),
    (
        SetInside,
        f"TorchScript cannot compile SetInside: {HERE} {line(SetInside.helper, 1)}, "
        "\"return x * len(self.things)\": Module 'SetInside' has no attribute 'things' (This "
        "attribute exists on the Python module, but we failed to convert Python type: 'set' to a "
        "TorchScript type)",
    ),
    (
        Yields,
        f'TorchScript cannot compile Yields: {HERE} {line(Yields.forward, 1)}, "try:": try '
        "blocks aren't supported",
    ),
    (
        SetterNotExported,
        "set_gain is not exported: write @torch.jit.export above def set_gain",
    ),
    (
        SetterUntyped,
        "set_gain takes 'gain' as Tensor, but its default is of type float: annotate it, "
        "gain: float",
    ),
    (SetterTakesTwo, "set_gain takes 2 values, but attribute 'gain' has 1"),
    (
        SetterReturnsNone,
        "set_gain must return an int: 0 when it takes the value, -1 when not",
    ),
    (GetterReturnsNone, "get_gain must take nothing and return the value of 'gain'"),
    (
        ScriptedOtherwise,
        "method 'forward' returned 5 values for 8192 audio samples; at its out_ratio of 1 it must "
        "return 8192",
    ),
    (
        ScriptedRaises,
        "method 'forward' failed on a silent block of shape [1, 1, 8192]: shape '[3, -1]' is "
        f"invalid for input of size 8192 ({HERE} {line(ScriptedRaises.forward, 2)})",
    ),
]


@pytest.mark.parametrize(("author", "sentence"), EXPORT, ids=[a.__name__ for a, _ in EXPORT])
def test_export_says(author: type[Author], sentence: str, tmp_path: Path) -> None:
    made = author()
    made.register_method("forward", 1, 1, 1, 1)
    with pytest.raises(ContractError) as error:
        export(made, tmp_path / "model.ts")
    assert str(error.value) == sentence
    assert list(tmp_path.iterdir()) == []


def test_export_names_a_method_that_lacks_its_mark(tmp_path: Path) -> None:
    made = Author()
    made.register_method("two", 1, 1, 2, 1)
    with pytest.raises(ContractError) as error:
        export(made, tmp_path / "model.ts")
    assert str(error.value) == (
        "method 'two' is registered but not exported: write @torch.jit.export above def two"
    )


def test_export_asks_for_a_method(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"^Author registers no method; call register_method$"):
        export(Author(), tmp_path / "model.ts")


def test_export_asks_for_our_base_class(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as error:
        export(torch.nn.Linear(1, 1), tmp_path / "model.ts")  # type: ignore[arg-type]
    assert str(error.value) == (
        "Linear is no nnbridge.contract.Module; extend that class instead of torch.nn.Module"
    )


def test_export_says_which_folder_is_missing(tmp_path: Path) -> None:
    made = Author()
    made.register_method("forward", 1, 1, 1, 1)
    with pytest.raises(ContractError) as error:
        export(made, tmp_path / "none" / "model.ts")
    assert str(error.value) == f"there is no folder {tmp_path / 'none'} to write model.ts into"
    with pytest.raises(ContractError) as error:
        export(made, tmp_path)
    assert str(error.value) == f"{tmp_path} is a folder: name the file to write"


@pytest.mark.parametrize("rate", [44100.5, "44100", True, 0])
def test_export_refuses_a_sample_rate_that_is_none(rate: object, tmp_path: Path) -> None:
    made = Author()
    made.register_method("forward", 1, 1, 1, 1)
    made.sr = rate  # type: ignore[assignment]
    with pytest.raises(ContractError) as error:
        export(made, tmp_path / "model.ts")
    assert str(error.value) == f"sr must be a sample rate in whole hertz, not {rate!r}"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("empty", "{path} is not a model file: File is not a zip file"),
        ("truncated", "{path} is not a model file: File is not a zip file"),
        ("png", "{path} is not a model file: File is not a zip file"),
        ("damaged_manifest", "the manifest in {path} is damaged"),
        (
            "newer_manifest",
            "the manifest in {path} has schema 99, this nnbridge reads 1; a newer nnbridge "
            "reads it",
        ),
    ],
)
def test_read_manifest_says(name: str, sentence: str, tmp_path: Path) -> None:
    from fixtures import build

    path = build(name, tmp_path)
    with pytest.raises(ContractError) as error:
        read_manifest(path)
    assert str(error.value) == sentence.format(path=path)


def test_read_manifest_says_that_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"^there is no file .*none\.ts$"):
        read_manifest(tmp_path / "none.ts")
