# SPDX-License-Identifier: MIT
"""Attributes are typed from the caller to the model's setter, and refusals say why."""

import numpy as np
import pytest

import nnbridge

from .drive import run


@pytest.fixture
def v15(model_file):
    return nnbridge.load(model_file("v15"))


@pytest.fixture
def v16(model_file):
    return nnbridge.load(model_file("v16"))


def test_plain_values_come_back_as_they_were_set(v15, v16):
    v15.set("gain", 1e-5)
    assert v15.get("gain") == [1e-5]  # to the last bit, not to six decimals
    v15.set("invert", False)
    assert v15.get("invert") == [False]
    v15.set("invert", 1)
    assert v15.get("invert") == [True]
    v15.set("invert", 0.0)
    assert v15.get("invert") == [False]
    v15.set("taps", 3.0)
    assert v15.get("taps") == [3]
    v15.set("name", "wet")
    assert v15.get("name") == ["wet"]
    v16.set("range", 0.25, 1)
    assert v16.get("range") == [0.25, 1.0]


def test_numpy_s_numbers_are_numbers(v15):
    v15.set("gain", np.float32(0.5))
    v15.set("taps", np.int16(2))
    v15.set("invert", np.bool_(True))
    assert [v15.get(name) for name in ("gain", "taps", "invert")] == [[0.5], [2], [True]]


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("gain", ["loud"], "'gain' takes a number, not 'loud'"),
        ("invert", [2], "'invert' takes true or false, not 2"),
        ("invert", [0.5], "'invert' takes true or false, not 0.5"),
        ("taps", [1.5], "'taps' takes a whole number, not 1.5"),
        ("name", [3], "'name' takes text, not 3"),
        ("gain", [1.0, 2.0], "'gain' takes 1 value, not 2"),
        ("gain", [], "'gain' takes 1 value, not 0"),
        ("volume", [1.0], "no attribute 'volume'; it has: gain, invert, taps, name"),
        ("gain", [np.zeros(3)], "'gain' takes a number, not a tensor"),
        ("gain", [None], "An attribute takes"),
        ("gain", [-1.0], "refused the value of 'gain'.*-1"),
    ],
)
def test_a_wrong_value_is_refused_in_a_sentence_and_changes_nothing(v15, name, values, words):
    before = {known: v15.get(known) for known in v15.attributes}
    stream = v15.stream()
    for target in (v15, stream):
        with pytest.raises(nnbridge.Error, match=words):
            target.set(name, *values)
        assert {known: target.get(known) for known in v15.attributes} == before


def test_a_setter_that_raises_is_heard_in_its_own_words(model_file):
    model = nnbridge.load(model_file("bad_setter"))
    with pytest.raises(nnbridge.Error, match="a negative number cannot be set"):
        model.set("number", -5)
    model.set("number", 13)
    with pytest.raises(nnbridge.Error, match="13 cannot be read"):
        model.get("number")


def test_a_stream_starts_with_its_model_s_values_and_goes_its_own_way(v15):
    v15.set("gain", 2.0)
    first = v15.stream()
    first.set("gain", 3.0)
    second = v15.stream()
    ones = np.ones((1, 2048), np.float32)
    assert run(first, ones, 512)[0, -1] == 3.0
    assert run(second, ones, 512)[0, -1] == 2.0
    assert v15.get("gain") == [2.0]
    assert first.get("gain") == [3.0]


@pytest.mark.parametrize("realtime", [False, True])
def test_attributes_survive_a_reset(v15, realtime):
    stream = v15.stream(realtime=realtime)
    stream.set("gain", 3.0)
    stream.reset()
    assert stream.get("gain") == [3.0]
    stream.reset_model()
    assert stream.get("gain") == [3.0]


def test_changes_are_applied_in_the_order_given(v15):
    stream = v15.stream(realtime=True)
    for count in range(1, 200):
        stream.set("gain", float(count))
        assert stream.get("gain") == [float(count)]


def test_a_tensor_attribute_takes_an_array(v16):
    curve = np.linspace(0, 1, 5, dtype=np.float32)
    v16.set("curve", curve)
    np.testing.assert_array_equal(v16.get("curve")[0], curve)
    stream = v16.stream()
    np.testing.assert_array_equal(stream.get("curve")[0], curve)


def test_a_buffer_attribute_takes_an_array_with_its_rate_unscrambled(v16):
    sound = np.arange(12, dtype=np.float32).reshape(2, 6)
    v16.set("wave", (sound, 22050))
    heard, rate = v16.get("wave")[0]
    np.testing.assert_array_equal(heard, sound)
    assert rate == 22050


def test_a_buffer_outside_its_bounds_is_refused(v16):
    with pytest.raises(nnbridge.Error, match="refused the value of 'wave'"):
        v16.set("wave", (np.zeros((1, 1_000_000), np.float32), 44100))


def test_a_model_that_asks_for_the_sample_rate_is_told_at_the_first_load(v16):
    stream = v16.stream("rate", sample_rate=48000)
    assert run(stream, np.zeros((1, 2048), np.float32), 512)[0, -1] == 48000
    stream.reset()
    assert run(stream, np.zeros((1, 2048), np.float32), 512)[0, -1] == 48000
