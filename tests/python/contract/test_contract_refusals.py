# SPDX-License-Identifier: MIT
"""Every mistake gets one sentence, in the author's terms."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnbridge.contract import Buffer, ContractError, Module, export, read_manifest

OUTSIDE = 2.0


class Author(Module):
    """What the mistakes below start from."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    @torch.jit.export
    def half_length(self, x: torch.Tensor) -> torch.Tensor:
        return x[..., ::2]

    def two(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, x], 1)

    def batch(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, x], 0)

    def flat(self, x: torch.Tensor) -> torch.Tensor:
        return x[0]

    def wide(self, x: torch.Tensor) -> torch.Tensor:
        return x.double()

    def nothing(self, x: torch.Tensor) -> None:
        return None

    def pair(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x

    def log(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log(x.abs())

    def divide(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x == 0.0, x, x / 0.0)

    def fails(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(3, -1)


def method(name: str = "forward", *shape: Any, **more: Any) -> Callable[[Author], None]:
    return lambda made: made.register_method(name, *(shape or (1, 1, 1, 1)), **more)


def attribute(name: str, value: Any, **more: Any) -> Callable[[Author], None]:
    return lambda made: made.register_attribute(name, value, **more)


def twice(step: Callable[[Author], None]) -> Callable[[Author], None]:
    def run(made: Author) -> None:
        step(made)
        step(made)

    return run


REGISTRATION = [
    (
        method("two"),
        "method 'two' returned 2 channels, but declares 1",
    ),
    (
        method("half_length"),
        "method 'half_length' returned 4096 values for 8192 audio samples; at its out_ratio of 1 "
        "it must return 8192",
    ),
    (method("batch"), "method 'batch' returned a batch of 2 for a batch of 1"),
    (
        method("flat"),
        "method 'flat' returned a tensor of shape [1, 8192]; it must have three dimensions, "
        "[batch, channels, time] = [1, 1, 8192]",
    ),
    (
        method("wide"),
        "method 'wide' returned float64; it must return float32 (call .float() on the result)",
    ),
    (
        method("nothing"),
        "method 'nothing' returned NoneType; it must return one tensor [batch, channels, time]",
    ),
    (
        method("pair"),
        "method 'pair' returned tuple; it must return one tensor [batch, channels, time]",
    ),
    (method("log"), "method 'log' returned NaN or infinity for a silent block"),
    (method("divide"), "method 'divide' returned NaN or infinity for a noisy block"),
    (
        method("forwards"),
        "there is no method 'forwards' in Author: define it, or check the spelling",
    ),
    (twice(method()), "'forward' is registered twice"),
    (
        method("forward", 2, 1, 1, 1, input_labels=["left"]),
        "method 'forward' has 2 input channels but 1 input_labels",
    ),
    (
        method("forward", 1, 1, 1, 1, output_labels=["a", "b"]),
        "method 'forward' has 1 output channels but 2 output_labels",
    ),
    (
        method("forward", 1, 1, 1, 1, input_labels="in"),
        "input_labels of method 'forward' must be a list of strings",
    ),
    (
        method("forward", 0, 1, 1, 1),
        "in_channels of method 'forward' must be a positive int, not 0",
    ),
    (
        method("forward", 1, 0.5, 1, 1),
        "in_ratio of method 'forward' must be a positive int, not 0.5",
    ),
    (
        method("forward", 1, 1, 1, -4),
        "out_ratio of method 'forward' must be a positive int, not -4",
    ),
    (
        method("forward", 1, 1, True, 1),
        "out_channels of method 'forward' must be a positive int, not True",
    ),
    (
        method("forward", 1, 1, 1, 1, test_buffer_size=0),
        "test_buffer_size of method 'forward' must be a positive int, not 0",
    ),
    (
        method("forward", 1, 6, 1, 4, step=16, test_method=False),
        "step of method 'forward' must be a multiple of 12, which its ratios 6 and 4 ask, not 16",
    ),
    (
        method("forward", 1, 1, 1, 1, delay=-1),
        "delay of method 'forward' must be a number of samples from 0, not -1",
    ),
    (
        method("forward", 1, 1, 1, 1, delay=0.5),
        "delay of method 'forward' must be a number of samples from 0, not 0.5",
    ),
    (
        method("forward", 1, 1, 1, 1, random="yes"),
        "random of method 'forward' must be True, False or None",
    ),
    (method("train"), "method 'train' would hide torch.nn.Module.train; choose another name"),
    (
        method("get_methods"),
        "method 'get_methods' has the name of a part of the contract; choose another",
    ),
    (
        method("my method"),
        "'my method' cannot name a method: use letters, digits and _, and no Python keyword",
    ),
    (method(3), "the name of a method must be a string, not 3"),  # type: ignore[arg-type]
    (
        attribute("lambda", 1.0),
        "'lambda' cannot name an attribute: use letters, digits and _, and no Python keyword",
    ),
    (
        attribute("float", 1.0),
        "attribute 'float' would hide torch.nn.Module.float; choose another name",
    ),
    (
        attribute("training", True),
        "attribute 'training' would hide torch.nn.Module.training; choose another name",
    ),
    (
        attribute("metadata", 1.0),
        "attribute 'metadata' has the name of a part of the contract; choose another",
    ),
    (
        attribute("sr", 1),
        "attribute 'sr' is the model's sample rate; choose another name",
    ),
    (
        attribute("sample_rate", 1),
        "attribute 'sample_rate' would need get_sample_rate, which every module already has",
    ),
    (
        attribute("buffer", 1),
        "attribute 'buffer' would need get_buffer, which every module already has",
    ),
    (attribute("two", 1), "attribute 'two' has the name of a method; choose another"),
    (
        attribute("layer", 1.0),
        "attribute 'layer' has the name of a parameter, buffer or layer; choose another",
    ),
    (twice(attribute("gain", 1.0)), "'gain' is registered twice"),
    (attribute("gain", ()), "attribute 'gain' needs at least one default value"),
    (
        attribute("gain", None),
        "default None of attribute 'gain' is of type NoneType; an attribute holds bool, int, "
        "float, str, Tensor or Buffer",
    ),
    (
        attribute("gain", [np.float32(0.5)]),
        "default np.float32(0.5) of attribute 'gain' is of type float32; an attribute holds bool, "
        "int, float, str, Tensor or Buffer",
    ),
    (
        attribute("mode", "soft", max=3),
        "attribute 'mode' has min or max, which only int and float take",
    ),
    (
        attribute("on", (0.5, True), min=0),
        "attribute 'on' has min or max, which only int and float take",
    ),
    (attribute("gain", 1.0, min=2, max=1), "attribute 'gain' has min 2 above max 1"),
    (attribute("gain", 5.0, max=1.0), "default 5.0 of attribute 'gain' is outside None … 1.0"),
    (
        attribute("gain", float("nan"), min=0.0, max=1.0),
        "default nan of attribute 'gain' is outside 0.0 … 1.0",
    ),
    (
        attribute("gain", 1.0, min="low"),
        "min of attribute 'gain' must be a number, not 'low'",
    ),
    (
        attribute("gain", 1.0, max=float("inf")),
        "max of attribute 'gain' must be a number, not inf",
    ),
    (
        lambda made: made.metadata(license=3),  # type: ignore[arg-type]
        "license in the metadata must be a string, not 3",
    ),
    (
        lambda made: made.metadata(sample_rate=0),
        "sample_rate of the model must be a positive int, not 0",
    ),
]


@pytest.mark.parametrize(("mistake", "sentence"), REGISTRATION, ids=[s for _, s in REGISTRATION])
def test_registration_says(mistake: Callable[[Author], None], sentence: str) -> None:
    with pytest.raises(ContractError) as error:
        mistake(Author())
    assert str(error.value) == sentence


def test_a_method_that_raises_is_named_with_its_line() -> None:
    with pytest.raises(ContractError) as error:
        Author().register_method("fails", 1, 1, 1, 1)
    line = Author.fails.__code__.co_firstlineno + 1
    assert str(error.value) == (
        "method 'fails' failed on a silent block of shape [1, 1, 8192]: RuntimeError: "
        "shape '[3, -1]' is invalid for input of size 8192 "
        f"(test_contract_refusals.py, line {line})"
    )


def test_contract_error_is_a_value_error() -> None:
    assert issubclass(ContractError, ValueError)


def test_a_failed_registration_leaves_nothing_behind() -> None:
    made = Author()
    with pytest.raises(ContractError):
        made.register_method("two", 1, 1, 1, 1)
    with pytest.raises(ContractError):
        made.register_attribute("gain", None)
    assert made.get_methods() == []
    assert made.get_attributes() == []
    assert not [name for name, _ in made.named_buffers()]
    made.register_method("two", 1, 1, 2, 1)


# Mistakes that only the export can see.


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


HERE = "test_contract_refusals.py, line"
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


def test_a_buffer_attribute_takes_a_buffer_not_its_class() -> None:
    with pytest.raises(ContractError, match="is of type type; an attribute holds bool"):
        Author().register_attribute("wave", Buffer)
