# SPDX-License-Identifier: MIT
"""The CLAP file in a host of ours: offline, and in real time with the model on its own thread."""

import time

import numpy as np
import pytest
import torch

from . import clap_host
from .conftest import BUILT
from .pace import patiently
from .signals import RATE, noise, rendered

BLOCK = 512


def delayed(signal, frames):
    return np.pad(signal, ((0, 0), (frames, 0)))[:, : signal.shape[1]]


@pytest.mark.parametrize("name", ["gain", "cached_conv", "one_pole", "rave_v2_stereo"])
def test_offline_the_samples_are_those_of_render(clap, model_file, name):
    model, signal = model_file(name), noise(2, 6000)
    clap.set_model(model)
    clap.activate(RATE, BLOCK)
    output = clap.play(signal, 300)
    expected = delayed(rendered(model, signal), clap.latency)
    np.testing.assert_array_equal(output, expected)


def test_separate_buffers_give_the_samples_of_shared_ones(clap, model_file):
    signal = noise(2, BLOCK)
    clap.set_model(model_file("gain"))
    clap.activate(RATE, BLOCK)
    shared = clap.process(signal)
    clap.reset()
    np.testing.assert_array_equal(clap.process(signal, in_place=False), shared)


def test_reset_lets_nothing_of_before_be_heard(clap, model_file):
    clap.set_model(model_file("one_pole"))
    clap.activate(RATE, BLOCK)
    first = clap.play(noise(2, 3000))
    clap.reset()
    np.testing.assert_array_equal(clap.play(noise(2, 3000)), first)


def test_bypass_and_dry_are_aligned_with_the_latency(clap, model_file):
    signal = noise(2, 6000)
    clap.set_model(model_file("cached_conv"))
    clap.set("Block", "2048")
    clap.set("Bypass", 1.0)
    clap.activate(RATE, BLOCK)
    output = clap.play(signal)
    assert clap.latency >= 2047
    np.testing.assert_array_equal(output, delayed(signal, clap.latency))


def test_parameters_change_in_calls_without_frames(clap, model_file):
    clap.set_model(model_file("gain"))
    clap.activate(RATE, BLOCK)
    clap.set("Mix", 25.0)
    clap.process(np.zeros((2, 0)))
    assert clap.get("Mix") == 25.0


def test_a_value_out_of_range_becomes_the_nearest(clap):
    for name in ("Method", "Block", "Model", "Mix", "Scale 1"):
        clap.set(name, 1e9)
        assert clap.get(name) == clap.names[name].maximum
        clap.set(name, -1e9)
        assert clap.get(name) == clap.names[name].minimum
    clap.activate(RATE, BLOCK)
    clap.process(noise(2, BLOCK))


def test_what_is_no_parameter_is_passed_over(clap):
    clap.names["Nobody"] = clap_host._ParamInfo(id=5000)
    clap.activate(RATE, BLOCK)
    clap.set("Nobody", 1.0)
    clap.process(noise(2, BLOCK))


def test_a_state_taken_and_given_in_parts_comes_back_whole(clap, model_file, tmp_path):
    clap.set_model(model_file("gain"))
    clap.set("Mix", 12.5)
    clap.set("Bias 3", 1.25)
    with clap_host.plugin(BUILT / "nnbridge.clap") as other:
        assert other.load(clap.state)
        assert other.get("Mix") == 12.5
        assert other.get("Bias 3") == 1.25
        assert other.state == clap.state


def test_another_method_goes_by_its_own_name(clap, model_file):
    model, signal = model_file("oddities"), noise(2, 4000)
    clap.set_model(model)
    clap.set("Method", "other 2")
    clap.activate(RATE, BLOCK)
    output = clap.play(signal)
    assert clap.text("Method") == "saturate"
    np.testing.assert_array_equal(
        output, delayed(rendered(model, signal, "saturate"), clap.latency)
    )


def test_a_host_without_extensions_will_do(model_file, clap):
    with clap_host.plugin(BUILT / "nnbridge.clap", extensions=False) as plain:
        plain.set_model(model_file("gain"))
        plain.activate(RATE, BLOCK)
        plain.play(noise(2, 2000))
        plain.deactivate()


def test_in_real_time_the_samples_are_the_same_later(clap, model_file):
    model, signal = model_file("cached_conv"), noise(2, 40 * BLOCK)
    clap.set_model(model)
    clap.set("Deadline", "block")
    clap.activate(RATE, BLOCK, offline=False)
    clap.wait_for("playing", BLOCK)
    assert clap.restarts > 0
    clap.deactivate()
    assert clap.latency_changes > 0
    clap.activate(RATE, BLOCK, offline=False)
    clap.wait_for("playing", BLOCK)
    clap.reset()
    time.sleep(0.3)  # the stream is made pristine on the control thread
    output = patiently(clap, signal)
    assert clap.told.get("Late blocks", 0) == 0
    expected = delayed(rendered(model, signal), clap.latency)
    after_the_fade = clap.latency + 4 * BLOCK
    np.testing.assert_array_equal(output[:, after_the_fade:], expected[:, after_the_fade:])


def test_a_load_does_not_hold_up_the_host(clap, slow_file):
    """Neither the audio thread, nor whoever reads and writes the state meanwhile."""
    clap.activate(RATE, BLOCK, offline=False)
    clap.process(noise(2, BLOCK))
    clap.set_model(slow_file)
    clap.wait_for("loading", BLOCK)
    for value in (1.0, 0.0):
        clap.set("Method", value)
        clap.process(noise(2, BLOCK))
        assert str(slow_file).encode() in clap.state
    assert clap.text("Status") == "loading"
    clap.wait_for("failed", BLOCK)


class Slow(torch.nn.Module):
    """Takes several times longer than there is."""

    def __init__(self):
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("weight", torch.zeros(512, 512))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.weight
        for _ in range(12):
            y = y @ self.weight
        return x + y.sum()


def test_late_blocks_and_load_are_told(clap, tmp_path):
    torch.jit.script(Slow()).save(tmp_path / "slow.ts")
    clap.set_model(tmp_path / "slow.ts")
    clap.activate(RATE, BLOCK, offline=False)
    clap.wait_for("playing", BLOCK)
    until = time.monotonic() + 30
    while not (clap.told.get("Late blocks") and clap.told.get("Load")) and time.monotonic() < until:
        clap.process(noise(2, BLOCK))
        time.sleep(BLOCK / RATE)
    assert clap.told["Late blocks"] > 0
    assert clap.told["Load"] > 100
    assert clap.told["Latency"] == clap.latency


def test_a_longer_deadline_is_a_longer_latency_and_is_told(clap, model_file):
    clap.set_model(model_file("identity"))
    clap.set("Deadline", "none")
    clap.activate(RATE, BLOCK, offline=False)
    clap.wait_for("playing", BLOCK)
    short, restarts = clap.latency, clap.restarts
    clap.set("Deadline", "block")
    clap.process(noise(2, BLOCK))
    time.sleep(0.2)
    clap.wait_for("playing", BLOCK)
    assert clap.latency == short + BLOCK
    assert clap.restarts > restarts
