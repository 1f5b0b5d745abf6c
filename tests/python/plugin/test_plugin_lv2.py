# SPDX-License-Identifier: MIT
"""The LV2 bundle in a host of ours, and its description as lilv reads it."""

import shutil
import subprocess

import numpy as np
import pytest

from .conftest import BUILT, URI, plugin_file
from .pace import patiently
from .signals import RATE, noise, rendered
from .test_plugin_clap import delayed

BLOCK = 512
PLAYING = 2  # of the port `status`


@pytest.mark.parametrize("name", ["gain", "cached_conv", "rave_v2_stereo"])
def test_free_wheeling_the_samples_are_those_of_render(lv2, model_file, name):
    model, signal = model_file(name), noise(2, 6000)
    with lv2(RATE, BLOCK) as plugin:
        plugin.set_model(model)
        plugin.activate()
        output = plugin.play(signal, 300)
        expected = delayed(rendered(model, signal), plugin.latency)
    np.testing.assert_array_equal(output, expected)


def test_latents_and_method_are_control_ports(lv2, model_file):
    model, signal = model_file("rave_v1"), noise(2, 12288)
    with lv2(RATE, BLOCK) as plugin:
        plugin.set_model(model)
        plugin.controls["method"].value = 1.0
        plugin.activate()
        plugin.process(signal[:, :0])
        output = plugin.play(signal)
        expected = delayed(rendered(model, signal, "encode+decode"), plugin.latency)
        np.testing.assert_array_equal(output, expected)
        plugin.controls["scale_1"].value = 3.0
        assert (plugin.play(signal) != output).any()


def test_a_state_comes_back_in_another_instance(lv2, model_file):
    signal = noise(2, 3000)
    with lv2(RATE, BLOCK) as one, lv2(RATE, BLOCK) as other:
        one.set_model(model_file("gain"))
        one.activate()
        output = one.play(signal)
        other.load({other.urid(one._uris[key - 1]): kept for key, kept in one.state.items()})
        other.activate()
        np.testing.assert_array_equal(other.play(signal), output)


def test_a_message_with_a_path_loads_a_model_in_real_time(lv2, model_file):
    signal = noise(2, 60 * BLOCK)
    with lv2(RATE, BLOCK) as plugin:
        plugin.activate(offline=False)
        plugin.controls["deadline"].value = 5.0  # a block
        plugin.process(signal[:, :BLOCK])
        plugin.send_model(model_file("identity"), signal[:, :BLOCK])
        plugin.wait_for(PLAYING)
        output = patiently(plugin, signal, BLOCK)
        assert plugin.controls["late"].value == 0
        past = 20 * BLOCK  # of what the fade hears
        np.testing.assert_array_equal(output[:, past:], delayed(signal, plugin.latency)[:, past:])


def test_lilv_reads_the_description():
    plugin_file("nnbridge.lv2")
    if not shutil.which("lv2info"):
        pytest.skip("no lv2info here")
    done = subprocess.run(
        ["lv2info", URI],
        env={"LV2_PATH": str(BUILT), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
    )
    assert "Has latency:       yes" in done.stdout
    assert "Free wheeling" in done.stdout
