# SPDX-License-Identifier: MIT
"""What of a model's methods a track can play, and what of it can be turned."""

import shutil
from contextlib import nullcontext
from itertools import pairwise

import numpy as np
import pytest
import torch

import nnbridge
from nnbridge import plugin as nnplugin

from .dpf_state import value, with_model
from .signals import RATE, noise, rendered
from .test_plugin_clap import delayed

RATIO = 2048  # of the codecs among the fixtures
FRAMES = 6 * RATIO


@pytest.fixture
def codec(load, model_file):
    plugin = load()
    nnplugin.set_model(plugin, model_file("rave_v1"))
    return plugin


def test_encode_and_decode_untouched_are_those_of_render(codec, model_file):
    codec.method = "encode+decode"
    signal = noise(2, FRAMES)
    expected = rendered(model_file("rave_v1"), signal, "encode+decode")
    assert expected.any()
    np.testing.assert_array_equal(codec(signal, RATE), expected)


def test_latents_are_scaled_and_moved_between_encoder_and_decoder(codec, model_file):
    codec.method = "encode+decode"
    codec.scale_1, codec.bias_2 = 2.5, -0.75
    signal = noise(1, FRAMES)
    latents = nnbridge.render(
        model_file("rave_v1"), signal, method="encode", sample_rate=RATE, tail=0
    )
    latents.values[0] *= np.float32(codec.scale_1)
    latents.values[1] += np.float32(codec.bias_2)
    expected = rendered(model_file("rave_v1"), latents, "decode")
    np.testing.assert_allclose(codec(signal, RATE), expected[:, :FRAMES], atol=1e-6)


def test_jitter_is_new_at_each_latent_step_and_the_same_at_each_run(codec):
    codec.method = "encode+decode"
    signal = np.zeros((1, FRAMES), "f4")
    assert not codec(signal, RATE).any()
    codec.jitter_1 = 0.5
    first = codec(signal, RATE)
    np.testing.assert_array_equal(codec(signal, RATE), first)
    steps = first.reshape(-1, RATIO)
    assert all((one != other).any() for one, other in pairwise(steps))


def test_a_decoder_plays_from_latent_parameters_alone(codec, model_file):
    codec.method = "decode"
    codec.bias_1, codec.bias_4 = 0.5, -1.5
    latents = torch.zeros(1, 4, FRAMES // RATIO)
    latents[0, 0], latents[0, 3] = codec.bias_1, codec.bias_4
    expected = torch.jit.load(model_file("rave_v1")).decode(latents).numpy()[0]
    output = codec(np.zeros((2, FRAMES), "f4"), RATE)
    np.testing.assert_allclose(output, np.repeat(expected, 2, axis=0), atol=1e-6)


def test_a_prior_is_heard_through_its_decoder(codec, model_file):
    codec.method = "prior"
    output = codec(np.ones((1, FRAMES), "f4"), RATE)
    stream = nnbridge.load(model_file("rave_v1")).stream("prior+decode", sample_rate=RATE, seed=0)
    delay = stream.latency.total
    expected = stream.process(np.ones((1, FRAMES + delay), "f4"))[:, delay:]
    assert output.any()
    np.testing.assert_array_equal(output, expected)


class Codec(torch.nn.Module):
    """Halves going in and takes four times that going out, and no `forward`."""

    def __init__(self):
        super().__init__()
        self.register_buffer("encode_params", torch.tensor([1, 1, 1, 256]))
        self.register_buffer("decode_params", torch.tensor([1, 256, 1, 1]))

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return 0.5 * x[:, :, 255::256]

    @torch.jit.export
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return 4.0 * z.repeat_interleave(256, 2)


def test_a_file_without_forward_plays_its_first_method_and_says_which(clap, tmp_path):
    torch.jit.script(Codec()).save(tmp_path / "codec.ts")
    signal = noise(2, 2048)
    clap.set_model(tmp_path / "codec.ts")
    clap.activate(RATE, 512)
    output = clap.play(signal)
    held = 2.0 * np.repeat(signal[:, 255::256], 256, axis=1)
    np.testing.assert_array_equal(output, delayed(held, clap.latency))
    assert clap.text("Status") == "playing"
    assert clap.text("Method") == "no forward: encode+decode"


def test_a_method_that_a_file_lacks_is_told_and_the_signal_passes(load, model_file):
    plugin = load()
    nnplugin.set_model(plugin, model_file("gain"))
    plugin.method = "prior"
    signal = noise(2, 3000)
    np.testing.assert_array_equal(plugin(signal, RATE), signal)
    assert "prior" in nnplugin.problem(plugin)
    assert plugin.status == "failed"
    plugin.method = "forward"
    np.testing.assert_array_equal(plugin(signal, RATE), rendered(model_file("gain"), signal))
    assert plugin.status == "playing"


def test_a_models_attribute_is_a_parameter_by_its_name(load, model_file, monkeypatch):
    monkeypatch.setenv("NNBRIDGE_MODEL", str(model_file("gain")))
    plugin = load()
    signal = noise(2, 3000)
    own = plugin(signal, RATE)
    assert "gain_model" in plugin.parameters
    shown = float(plugin.parameters["gain_model"].raw_value)
    plugin.parameters["gain_model"].raw_value = 2 * shown
    np.testing.assert_allclose(plugin(signal, RATE), 2 * own, atol=1e-6)


@pytest.fixture
def silenced(load, model_file, monkeypatch):
    """A plugin whose model has its gain turned to 0."""
    monkeypatch.setenv("NNBRIDGE_MODEL", str(model_file("gain")))
    plugin = load()
    plugin(noise(2, 3000), RATE)
    plugin.parameters["gain_model"].raw_value = 0.0
    assert not plugin(noise(2, 3000), RATE).any()
    return plugin


def test_turned_attributes_are_part_of_the_session(load, silenced):
    other = load()
    other.raw_state = silenced.raw_state
    assert not other(noise(2, 3000), RATE).any()


@pytest.mark.parametrize("kind", ["clap", "vst3"])
def test_a_session_turns_no_attribute_that_nobody_had_turned(kind, request, model_file):
    """What it holds for one is what another model or none had: here 0, which would be silence."""
    made = request.getfixturevalue(kind)
    with nullcontext(made) if kind == "clap" else made() as plugin:
        without = plugin.state
        assert value(without, b"turned") == b"0"
        assert float(value(without, b"attribute_1")) == 0.0
        plugin.set_model(model_file("gain"))
        plugin.activate(RATE, 512, offline=True)
        plugin.process(noise(2, 512))
        plugin.load(with_model(without, model_file("gain")))
        signal = noise(2, 512)
        expected = rendered(model_file("gain"), np.concatenate([signal] * 8, axis=1))
        expected = delayed(expected, plugin.latency)
        output = np.concatenate([plugin.process(signal) for _ in range(8)], axis=1)
        assert expected.any()
        np.testing.assert_array_equal(output[:, 2048:], expected[:, 2048:])


def test_another_models_attributes_are_its_own(silenced, model_file, tmp_path):
    signal = noise(2, 3000)
    nnplugin.set_model(silenced, shutil.copy(model_file("gain"), tmp_path / "other.ts"))
    np.testing.assert_array_equal(silenced(signal, RATE), rendered(model_file("gain"), signal))


class Widen(torch.nn.Module):
    """One channel in; out come the channel itself and minus a half of it."""

    def __init__(self):
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 2, 1]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, -0.5 * x], 1)


def test_a_models_channels_and_a_tracks_meet_halfway(load, tmp_path):
    """Two sides into one input are mixed, and two outputs onto a mono track as well."""
    torch.jit.script(Widen()).save(tmp_path / "widen.ts")
    plugin = load()
    nnplugin.set_model(plugin, tmp_path / "widen.ts")
    signal = noise(2, 3000)
    mean = 0.5 * (signal[0] + signal[1])
    np.testing.assert_array_equal(plugin(signal, RATE), np.stack([mean, -0.5 * mean]))
    np.testing.assert_array_equal(plugin(signal[:1], RATE), 0.25 * signal[:1])
