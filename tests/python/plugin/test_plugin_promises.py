# SPDX-License-Identifier: MIT
"""What validators of plugins look for (pluginval, Steinberg's, clap-validator), in every format."""

import time
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from .instances import FORMATS, instance
from .signals import RATE, noise, rendered
from .test_plugin_clap import delayed
from .vst3_host import LATENCY_CHANGED, MONO, STEREO

every_format = pytest.mark.parametrize("format", FORMATS)


@every_format
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("rate", "block"), [(22050, 64), (44100, 300), (96000, 1024)])
def test_any_rate_and_any_block_give_the_samples_of_render(
    model_file, format, channels, rate, block
):
    model, signal = model_file("cached_conv"), noise(channels, 5000)
    with instance(format, channels, rate, block) as plugin:
        plugin.host.set_model(model)
        plugin.activate(rate)
        output = plugin.play(signal)
        expected = delayed(rendered(model, signal, rate=rate), plugin.host.latency)
    np.testing.assert_array_equal(output, expected)


@every_format
def test_blocks_of_changing_sizes_change_no_sample(model_file, format):
    model, signal = model_file("cached_conv"), noise(2, 6000)
    random = np.random.default_rng(2)
    with instance(format) as plugin:
        plugin.host.set_model(model)
        plugin.activate()
        pieces, at = [], 0
        while at < signal.shape[1]:
            size = int(random.integers(0, plugin.block + 1))
            pieces.append(plugin.host.process(signal[:, at : at + size]))
            at += size
        expected = delayed(rendered(model, signal), plugin.host.latency)
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), expected)


@every_format
@pytest.mark.parametrize("rounds", [15, pytest.param(300, marks=pytest.mark.extended)])
def test_any_values_of_all_parameters_are_survived(model_file, monkeypatch, format, rounds):
    """While audio runs, and with something else than numbers in none of the samples."""
    monkeypatch.setenv("NNBRIDGE_MODELS", str(Path(model_file("gain")).parent))
    random = np.random.default_rng(3)
    with instance(format) as plugin:
        plugin.host.set_model(model_file("rave_v1"))
        plugin.activate()
        for _ in range(rounds):
            for name in random.choice(plugin.names, 8):
                if name not in ("Model", "model_slot", "Block", "block"):  # each takes its time
                    plugin.turn(str(name), float(random.choice([0.0, 1.0, random.random()])))
            frames = int(random.integers(0, plugin.block + 1))
            assert np.isfinite(plugin.host.process(noise(2, frames))).all()


@pytest.mark.parametrize("format", ["vst3", "clap"])  # LV2's hosts keep the parameters themselves
def test_the_state_brings_every_parameter_to_another_instance(model_file, format):
    random = np.random.default_rng(4)
    with instance(format) as one, instance(format) as other:
        one.host.set_model(model_file("gain"))
        for name in one.names:
            if name not in ("Model", "model_slot"):
                one.turn(name, float(random.random()))
        one.activate()
        one.play(noise(2, 600))
        other.load(one.state)
        other.activate()
        other.host.process(np.zeros((2, 0), np.float32))
        assert other.shares() == pytest.approx(one.shares(), abs=1e-5)
        assert one.state == other.state


@every_format
@pytest.mark.parametrize("rounds", [25, pytest.param(500, marks=pytest.mark.extended)])
def test_a_damaged_state_harms_nothing(model_file, format, rounds):
    random = np.random.default_rng(5)
    model, signal = model_file("gain"), noise(2, 1500)
    with instance(format) as plugin:
        plugin.host.set_model(model)
        whole = plugin.state
        plugin.activate()
        for _ in range(rounds):
            plugin.load(plugin.damaged(whole, random), anyhow=True)
            assert np.isfinite(plugin.host.process(noise(2, 300))).all()
    with instance(format) as plugin:
        plugin.load(whole)
        plugin.activate()
        output = plugin.play(signal)
        np.testing.assert_array_equal(output, delayed(rendered(model, signal), plugin.host.latency))


@every_format
def test_it_plays_the_same_after_every_way_of_stopping(model_file, format):
    model, signal = model_file("one_pole"), noise(2, 3000)
    with instance(format) as plugin:
        plugin.host.set_model(model)
        plugin.activate()
        first = plugin.play(signal)
        for _ in range(3):
            plugin.host.deactivate()
            plugin.activate()
            np.testing.assert_array_equal(plugin.play(signal), first)
        plugin.host.deactivate()
        plugin.activate()
        plugin.host.deactivate()  # and nothing was played
        if format == "vst3":
            plugin.host.renew()  # it begins without a model again
            plugin.host.set_model(model)
        plugin.activate()
        np.testing.assert_array_equal(plugin.play(signal), first)


@every_format
def test_silence_stays_silence_and_tiny_numbers_do_no_harm(model_file, format):
    with instance(format) as plugin:
        plugin.host.set_model(model_file("one_pole"))
        plugin.activate()
        assert not plugin.play(np.zeros((2, 3000), np.float32)).any()
        output = plugin.play(np.full((2, 3000), 1e-40, np.float32))
        assert (np.abs(output) < 1e-30).all()


@every_format
def test_a_mono_track_is_played_by_one_copy_of_a_mono_model(model_file, format):
    """And by both inputs of a stereo model: what it gives is mixed down."""
    signal = noise(1, 12288)
    for name, expected in (
        ("one_pole", rendered(model_file("one_pole"), signal)),
        ("rave_v2_stereo", None),
    ):
        with instance(format, channels=1) as plugin:
            plugin.host.set_model(model_file(name))
            plugin.activate()
            output = plugin.play(signal)
            if expected is None:
                both = rendered(model_file(name), np.repeat(signal, 2, axis=0))
                expected = 0.5 * (both[:1] + both[1:])
            np.testing.assert_array_equal(output, delayed(expected, plugin.host.latency))


class Large(torch.nn.Module):
    """23 MB of weights."""

    def __init__(self):
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.weight = torch.nn.Parameter(torch.zeros(2400, 2400))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.weight[0, 0]


def resident() -> float:
    """Memory of this process, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


@pytest.mark.parametrize(
    "format", ["vst3", *(pytest.param(name, marks=pytest.mark.extended) for name in FORMATS[1:])]
)
def test_fifty_instances_share_the_weights_of_one_file(tmp_path, format):
    torch.jit.script(Large()).save(tmp_path / "large.ts")
    signal = noise(2, 1024)
    with ExitStack() as stack:
        for number in range(50):
            plugin = stack.enter_context(instance(format))
            plugin.host.set_model(tmp_path / "large.ts")
            plugin.activate()
            output = plugin.play(signal)
            np.testing.assert_array_equal(output, delayed(signal, plugin.host.latency))
            if number == 0:
                first = resident()
        each = (resident() - first) / 49
    assert each < 5.76, "MB, a quarter of the weights"


@every_format
@pytest.mark.parametrize("cycles", [20, pytest.param(500, marks=pytest.mark.extended)])
def test_loads_and_unloads_leave_nothing_behind(model_file, format, cycles):
    """In real time, with blocks under way; half of them before the model is ready."""

    def cycle(number):
        with instance(format) as plugin:
            plugin.host.set_model(model_file("gain"))
            plugin.activate(offline=False)
            plugin.host.process(noise(2, 512))
            if number % 2:
                plugin.wait_until_playing()

    for number in range(10):
        cycle(number)
    before, threads = resident(), len(list(Path("/proc/self/task").iterdir()))
    for number in range(cycles):
        cycle(number)
    assert resident() - before < 10.0, "MB"
    assert len(list(Path("/proc/self/task").iterdir())) <= threads + 1


def test_a_call_for_parameters_alone_needs_no_bus(vst3):
    with vst3() as plugin:
        plugin.activate(RATE, 512)
        plugin.set("Mix", 0.25)
        plugin.flush()
        assert plugin.get("Mix") == 0.25


def test_a_change_of_a_parameter_that_there_is_not_costs_no_other(vst3, capfd):
    with vst3() as plugin:
        plugin.activate(RATE, 512)
        plugin.names["none"] = 0xFFFFFFFF
        plugin.set("none", 0.5)
        plugin.set("Mix", 0.25)
        plugin.process(np.zeros((2, 512), np.float32))
        assert plugin.get("Mix") == 0.25
    assert capfd.readouterr().err == ""


def test_every_parameter_has_a_name_and_takes_its_own_text_back(clap):
    names = list(clap.names)
    assert len(set(names)) == len(names)
    assert all(names)
    for name, info in clap.names.items():
        for share in (0.0, 0.3, 1.0):
            value = info.minimum + share * (info.maximum - info.minimum)
            if clap.is_stepped(name):
                value = round(value)
            text = clap.text_of(name, value)
            assert clap.value_of(name, text) == pytest.approx(value, abs=2e-6), (name, text)


def test_every_parameter_of_vst3_is_sound(vst3):
    """As the SDK's validator looks at them."""
    with vst3() as plugin:
        infos = plugin.parameters()
        assert len({info.id for info in infos.values()}) == len(infos)
        assert sum(bool(info.flags & 1 << 16) for info in infos.values()) == 1  # the bypass
        for name, info in infos.items():
            assert name
            assert 0.0 <= info.default <= 1.0
            for share in (0.0, 0.3, info.default, 1.0):
                value = round(share * info.steps) / info.steps if info.steps else share
                text = plugin.text_of(name, value)
                assert plugin.value_of(name, text) == pytest.approx(value, abs=2e-6), (name, text)


def test_a_vst3_track_is_mono_or_stereo_and_stays_so_where_more_is_refused(vst3):
    with vst3() as plugin:
        now = STEREO
        for into, out in product([0, MONO, STEREO, 0x3F], repeat=2):
            taken = plugin.arrange(into, out)
            assert taken == (into == out and into in (MONO, STEREO))
            now = into if taken else now
            assert [plugin.arrangement(direction) for direction in (0, 1)] == [now, now]


def test_a_host_that_hands_nothing_back_hears_of_a_new_latency(vst3, model_file):
    """From another thread then, a second late: Ardour would never hear of it otherwise."""
    with vst3(hand_back=False) as plugin:
        plugin.activate(RATE, 512)
        plugin.set_model(model_file("gain"))
        plugin.wait_for("playing", 512)
        for _ in range(400):
            if plugin.restarts & LATENCY_CHANGED:
                break
            plugin.process(np.zeros((2, 512), np.float32))
            time.sleep(0.01)
        assert plugin.restarts & LATENCY_CHANGED
        assert plugin.latency > 0
