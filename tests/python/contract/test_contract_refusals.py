# SPDX-License-Identifier: MIT
"""Every mistake gets one sentence, in the author's terms."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from mistaken_author import Author

from nnbridge.contract import Buffer, ContractError, Module


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
        f"(mistaken_author.py, line {line})"
    )


def test_a_method_that_is_registered_before_its_attribute_says_so() -> None:
    class Early(Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_method("forward", 1, 1, 1, 1)
            self.register_attribute("gain", 2.0)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.gain[0]

    with pytest.raises(
        ContractError, match=r"no attribute 'gain'.*; a method is tried at once, so"
    ):
        Early()


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


def test_a_buffer_attribute_takes_a_buffer_not_its_class() -> None:
    with pytest.raises(ContractError, match="is of type type; an attribute holds bool"):
        Author().register_attribute("wave", Buffer)
