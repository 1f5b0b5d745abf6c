# SPDX-License-Identifier: MIT
"""What an author declares is what a host finds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from nn_author import AudioUtils

from nnbridge.contract import Buffer, Module, export

Load = Callable[[Path], Any]


class Everything(Module):
    """One attribute of each type, in generated accessors."""

    def __init__(self, top: float = 4.0) -> None:
        super().__init__()
        self.register_attribute("gain", 1.0, min=0.0, max=top, unit="dB")
        self.register_attribute("count", 3, min=-2)
        self.register_attribute("low", 0.5, min=0.0)
        self.register_attribute("mixed", (True, 5, 0.25, "up"))
        self.register_attribute("curve", torch.tensor([1.0, 2.0]))
        self.register_attribute("waves", (Buffer(None, 2, 8), Buffer(torch.ones(1, 3)), 1.5))
        self.register_method("forward", 1, 1, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * self.gain[0]
        if self.waves[0].has_value:
            y = y + self.waves[0].value.mean()
        return y


@pytest.fixture
def model(tmp_path: Path, bare_load: Load) -> Any:
    return bare_load(export(Everything(), tmp_path / "everything.ts"))


def test_params_are_int64_and_number_the_types_as_nn_does(model: Any) -> None:
    expected = {
        "forward_params": [1, 1, 1, 1],
        "gain_params": [2],
        "count_params": [1],
        "low_params": [2],
        "mixed_params": [0, 1, 2, 3],
        "curve_params": [4],
        "waves_params": [5, 5, 2],
    }
    buffers = dict(model.named_buffers())
    for name, values in expected.items():
        assert buffers[name].dtype == torch.int64
        assert buffers[name].tolist() == values


def test_lists_of_names_come_in_the_order_of_registration(model: Any) -> None:
    assert model.get_methods() == ["forward"]
    assert model.get_attributes() == ["gain", "count", "low", "mixed", "curve", "waves"]


def test_generated_getters_return_tuples(model: Any) -> None:
    assert model.get_gain() == (1.0,)
    assert model.get_mixed() == (True, 5, 0.25, "up")
    assert model.get_curve()[0].tolist() == [1.0, 2.0]


def test_generated_setters_are_typed_and_return_zero(model: Any) -> None:
    assert model.set_mixed(False, 7, 0.5, "down") == 0
    assert model.get_mixed() == (False, 7, 0.5, "down")
    with pytest.raises(RuntimeError):
        model.set_mixed("no", 7, 0.5, "down")
    with pytest.raises(RuntimeError):
        model.set_mixed(False, 7)


@pytest.mark.parametrize("value", [-0.001, 4.001, float("nan"), float("inf"), -float("inf")])
def test_a_number_outside_min_and_max_is_refused_and_the_old_one_stays(
    model: Any, value: float
) -> None:
    assert model.set_gain(2.0) == 0
    assert model.set_gain(value) == -1
    assert model.get_gain() == (2.0,)


@pytest.mark.parametrize("value", [0.0, 4.0])
def test_the_limits_themselves_are_taken(model: Any, value: float) -> None:
    assert model.set_gain(value) == 0


def test_one_limit_alone_works(model: Any) -> None:
    assert model.set_count(-3) == -1
    assert model.set_count(1 << 40) == 0
    assert model.set_low(float("nan")) == -1
    assert model.set_low(1e30) == 0


def test_two_instances_of_one_class_keep_their_own_limits(tmp_path: Path, bare_load: Load) -> None:
    wide = bare_load(export(Everything(8.0), tmp_path / "wide.ts"))
    narrow = bare_load(export(Everything(2.0), tmp_path / "narrow.ts"))
    assert (wide.set_gain(5.0), narrow.set_gain(5.0)) == (0, -1)


def test_a_tensor_is_copied_when_set(model: Any) -> None:
    values = torch.tensor([3.0, 4.0, 5.0])
    assert model.set_curve(values) == 0
    values.zero_()
    assert model.get_curve()[0].tolist() == [3.0, 4.0, 5.0]


def test_buffer_elements_are_found_by_attribute_and_index(model: Any) -> None:
    assert model.get_buffer_attributes() == ["waves#0", "waves#1"]
    assert model.is_buffer_empty("waves#0")
    assert not model.is_buffer_empty("waves#1")


def test_a_buffer_is_set_as_nn_sets_it_and_heard(model: Any) -> None:
    sound = torch.full((2, 4), 0.5)
    assert model.set_buffer_attribute("waves#0", sound, 44100) == 0
    assert model.set_waves("waves#0", "waves#1", 2.5) == 0
    held = model.get_waves()[0]
    assert torch.equal(held.value, torch.full((2, 4), 0.5))
    assert held.sr == 44100
    assert held.to_str() == "Buffer(min=2, max=8, sr=44100, shape=[2, 4])"
    assert model.get_waves()[2] == 2.5
    assert torch.equal(model(torch.zeros(1, 1, 3)), torch.full((1, 1, 3), 0.5))
    sound.zero_()
    assert model.get_waves()[0].value.sum() == 4.0


def test_limits_of_a_buffer_survive_setting_and_clearing(model: Any) -> None:
    for _ in range(3):
        assert model.set_buffer_attribute("waves#0", torch.ones(1, 4), 48000) == 0
        assert model.set_waves("waves#0", "waves#1", 1.5) == 0
        assert model.set_buffer_attribute("waves#0", torch.zeros(1, 9), 48000) == -1
        assert model.set_buffer_attribute("waves#0", torch.zeros(1, 1), 48000) == -1
        assert torch.equal(model.get_waves()[0].value, torch.ones(1, 4))
        assert model.clear_buffer_attribute("waves#0") is None
        assert model.is_buffer_empty("waves#0")
        assert model.get_waves()[0].to_str() == "Buffer(empty)"


def test_unknown_buffer_names_are_refused_without_an_exception(model: Any) -> None:
    assert model.set_buffer_attribute("waves#7", torch.ones(1, 4), 48000) == -1
    assert model.set_waves("curve#0", "waves#1", 1.5) == -1
    assert model.clear_buffer_attribute("nothing") is None
    assert model.is_buffer_empty("nothing")


def test_sample_rate_is_minus_one_until_known(model: Any) -> None:
    assert model.get_sample_rate() == -1
    model.set_sample_rate(44100)
    assert model.get_sample_rate() == 44100
    model.set_sample_rate(None)
    assert model.get_sample_rate() == -1


def test_sr_set_by_the_author_is_the_sample_rate(tmp_path: Path, bare_load: Load) -> None:
    made = Everything()
    made.sr = 32000.0  # type: ignore[assignment]
    assert bare_load(export(made, tmp_path / "rate.ts")).get_sample_rate() == 32000


def test_labels_default_to_those_that_nn_shows(model: Any) -> None:
    assert model.forward_input_labels == ["(signal) model input 0"]
    assert model.forward_output_labels == ["(signal) model output 0"]


def test_a_file_without_attributes_still_answers_every_question(
    tmp_path: Path, bare_load: Load
) -> None:
    class Bare(Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_method("forward", 1, 1, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    model = bare_load(export(Bare(), tmp_path / "bare.ts"))
    assert model.get_attributes() == []
    assert model.get_buffer_attributes() == []
    assert model.is_buffer_empty("x") is True
    assert model.set_buffer_attribute("x", torch.ones(1, 1), 1) == -1


def test_an_attribute_registered_after_an_export_is_in_the_next_one(
    tmp_path: Path, bare_load: Load
) -> None:
    made = Everything()
    export(made, tmp_path / "one.ts")
    made.register_attribute("late", 2)
    export(made, tmp_path / "two.ts")
    assert bare_load(tmp_path / "two.ts").set_late(5) == 0


def test_generated_accessors_work_before_export_too() -> None:
    made = Everything()
    made.finish()
    assert made.set_gain(9.0) == -1  # type: ignore[operator]
    assert made.get_gain() == (1.0,)  # type: ignore[operator]


def test_a_script_written_for_nn_exports_with_its_import_changed(
    tmp_path: Path, bare_load: Load
) -> None:
    AudioUtils().export_to_ts(str(tmp_path / "utils.ts"))  # type: ignore[no-untyped-call]
    model = bare_load(tmp_path / "utils.ts")
    assert model.get_methods() == ["thru", "invert", "rms", "midside", "dummy"]
    assert dict(model.named_buffers())["rms_params"].tolist() == [1, 1, 1, 1024]
    assert model.midside_input_labels == ["left", "right"]
    # Its own accessors are kept, the missing ones written.
    assert model.get_gain_factor() == 1.0
    assert (model.set_gain_factor(-1.0), model.set_gain_factor(0.5)) == (-1, 0)
    assert model.get_invert_signal() == [True]
    assert model.set_invert_signal(False) == 0
    assert model.get_fractal() == (2, 0.5)
    assert model.set_polynomial_factors(1.0, 2.0, 3.0) == 0
    assert model.get_polynomial_factors() == (1.0, 2.0, 3.0)
    assert torch.equal(model.thru(torch.ones(4, 1, 2)), torch.full((4, 1, 2), 0.5))
    assert torch.equal(model.rms(torch.full((1, 1, 2048), 0.5)), torch.full((1, 1, 2), 0.25))
    assert not hasattr(model, "dummy")
    assert dict(model.named_buffers())["dummy_params"].tolist() == [1, 2048, 1, 2048]


def test_names_and_order_of_arguments_are_those_of_nn() -> None:
    import inspect

    method = list(inspect.signature(Module.register_method).parameters)
    assert method[1:10] == [
        "name",
        "in_channels",
        "in_ratio",
        "out_channels",
        "out_ratio",
        "input_labels",
        "output_labels",
        "test_method",
        "test_buffer_size",
    ]
    assert list(inspect.signature(Module.register_attribute).parameters)[1:3] == ["name", "values"]
    assert list(inspect.signature(Buffer).parameters) == [
        "tensor",
        "min_samples",
        "max_samples",
        "sr",
    ]
