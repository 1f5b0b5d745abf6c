# SPDX-License-Identifier: MIT
"""The VST3 in real time, with the model on its own thread, in a host of ours."""

import time

import numpy as np
import pytest

from .pace import patiently
from .signals import RATE, noise, rendered
from .test_plugin_clap import delayed
from .vst3_host import LATENCY_CHANGED, TITLES_CHANGED, VALUES_CHANGED

BLOCK = 512


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("block", [BLOCK, 300])
def test_in_real_time_the_samples_are_the_same_later(vst3, model_file, channels, block):
    model, signal = model_file("cached_conv"), noise(channels, 30 * BLOCK)
    with vst3(channels=channels) as plugin:
        plugin.set_model(model)
        plugin.set("Deadline", "block")
        plugin.activate(RATE, BLOCK)
        plugin.wait_for("playing", BLOCK)
        plugin.process(np.zeros((channels, BLOCK), "f4"))
        plugin.deactivate()
        plugin.activate(RATE, BLOCK)
        time.sleep(0.3)  # the stream is made pristine on a thread of the engine's
        output = patiently(plugin, signal, block)
        assert plugin.get("Late blocks") == 0
        latency = plugin.latency
    assert latency == 2 * BLOCK - 1
    expected = delayed(rendered(model, signal), latency)
    past = 4 * BLOCK + latency  # of the fade that begins it
    np.testing.assert_array_equal(output[:, past:], expected[:, past:])


def test_offline_the_samples_are_those_of_render(vst3, model_file):
    model, signal = model_file("cached_conv"), noise(2, 6000)
    with vst3() as plugin:
        plugin.set_model(model)
        plugin.activate(RATE, BLOCK, offline=True)
        output = np.concatenate(
            [plugin.process(signal[:, at : at + BLOCK]) for at in range(0, 6000, BLOCK)], axis=1
        )
        expected = delayed(rendered(model, signal), plugin.latency)
    np.testing.assert_array_equal(output, expected)


def test_bypass_and_dry_are_aligned_with_the_latency(vst3, model_file):
    signal = noise(2, 30 * BLOCK)
    with vst3() as plugin:
        plugin.set_model(model_file("identity"))
        plugin.set("Deadline", "block")
        plugin.set("Mix", 0.5)
        plugin.activate(RATE, BLOCK)
        plugin.wait_for("playing", BLOCK)
        output = patiently(plugin, signal)
        past = 6 * BLOCK + plugin.latency
        expected = delayed(signal, plugin.latency)
        np.testing.assert_allclose(output[:, past:], expected[:, past:], atol=1e-7)
        plugin.set("Bypass", 1.0)
        plugin.process(noise(2, BLOCK))
        again = patiently(plugin, noise(2, 8 * BLOCK, seed=2))
        expected = delayed(noise(2, 8 * BLOCK, seed=2), plugin.latency)
        np.testing.assert_array_equal(again[:, plugin.latency :], expected[:, plugin.latency :])


def test_a_new_latency_and_new_names_are_told_on_the_main_thread(vst3, model_file):
    with vst3() as plugin:
        plugin.activate(RATE, BLOCK)
        plugin.process(noise(2, BLOCK))
        plugin.set_model(model_file("gain"))
        plugin.wait_for("playing", BLOCK)
        wanted = LATENCY_CHANGED | TITLES_CHANGED | VALUES_CHANGED
        until = time.monotonic() + 20
        while plugin.restarts & wanted != wanted and time.monotonic() < until:
            plugin.process(noise(2, BLOCK))
            time.sleep(0.01)
        assert plugin.restarts & wanted == wanted
        assert "gain (model)" in plugin.parameters()
        assert plugin.latency > 0
        plugin.restarts = 0
        plugin.set("Block", "4096")
        plugin.process(noise(2, BLOCK))
        before = plugin.latency
        until = time.monotonic() + 20
        while plugin.latency == before and time.monotonic() < until:
            plugin.process(noise(2, BLOCK))
            time.sleep(0.01)
        assert plugin.restarts & LATENCY_CHANGED


def test_parameters_change_in_calls_without_frames(vst3):
    with vst3() as plugin:
        plugin.activate(RATE, BLOCK)
        plugin.set("Mix", 0.25)
        plugin.process(np.zeros((2, 0)))
        assert plugin.get("Mix") == 0.25


def test_a_state_taken_and_given_in_parts_comes_back_whole(vst3, model_file):
    with vst3() as one, vst3() as other:
        one.set_model(model_file("gain"))
        one.activate(RATE, BLOCK)
        one.set("Mix", 0.125)
        one.process(np.zeros((2, 0)))
        other.load(one.state)
        assert other.get("Mix") == 0.125
        assert b"gain.ts" in other.state


def test_a_load_does_not_hold_up_the_host(vst3, slow_file):
    """Neither the audio thread, nor whoever reads and writes the state meanwhile."""
    with vst3() as plugin:
        plugin.activate(RATE, BLOCK)
        plugin.process(noise(2, BLOCK))
        plugin.set_model(slow_file)
        plugin.wait_for("loading", BLOCK)
        for value in (0.5, 0.0):
            plugin.set("Method", value)
            plugin.process(noise(2, BLOCK))
            assert str(slow_file).encode() in plugin.state
        assert plugin.text("Status") == "loading"
        plugin.wait_for("failed", BLOCK)
