# SPDX-License-Identifier: MIT
"""The VST3 in pedalboard, which runs plugins offline."""

import contextlib
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from nnbridge import plugin as nnplugin

from .conftest import GATE
from .signals import RATE, noise, rendered


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("gain", 1),
        ("gain", 2),
        ("cached_conv", 1),
        ("cached_conv", 2),
        ("one_pole", 2),
        ("noise", 2),
    ],
)
def test_the_samples_are_those_of_render(load, model_file, name, channels):
    model, signal = model_file(name), noise(channels, RATE)
    plugin = load()
    nnplugin.set_model(plugin, model)
    np.testing.assert_array_equal(plugin(signal, RATE), rendered(model, signal))
    assert nnplugin.problem(plugin) == ""


@pytest.mark.parametrize("rate", [22050, 44100, 96000])
@pytest.mark.parametrize("block", [1, 64, 333, 8192])
def test_any_rate_and_any_block_give_the_samples_of_render(load, model_file, rate, block):
    model, signal = model_file("cached_conv"), noise(1, 6000)
    plugin = load()
    nnplugin.set_model(plugin, model)
    output = plugin.process(signal, rate, buffer_size=block)
    np.testing.assert_array_equal(output, rendered(model, signal, rate=rate))


def test_bypass_and_a_dry_mix_give_the_input_to_the_bit(load, model_file):
    signal = noise(2, 20000)
    plugin = load()
    nnplugin.set_model(plugin, model_file("cached_conv"))
    plugin.bypass = True
    np.testing.assert_array_equal(plugin(signal, RATE), signal)
    plugin.bypass = False
    plugin.mix = 0.0
    np.testing.assert_array_equal(plugin(signal, RATE), signal)


def test_dry_and_wet_lie_on_each_other_to_the_sample(load, model_file):
    signal = noise(2, 20000)
    plugin = load()
    nnplugin.set_model(plugin, model_file("identity"))
    plugin.mix = 50.0
    np.testing.assert_allclose(plugin(signal, RATE), signal, atol=1e-7)


def test_a_longer_block_is_reported_and_changes_no_sample(load, model_file):
    model, signal = model_file("cached_conv"), noise(2, 20000)
    plugin = load()
    nnplugin.set_model(plugin, model)
    plugin(signal, RATE)
    before = plugin.reported_latency_samples
    plugin.block = "4096"
    output = plugin(signal, RATE)
    assert plugin.reported_latency_samples > before
    assert plugin.latency_samples == plugin.reported_latency_samples
    np.testing.assert_allclose(output, rendered(model, signal), atol=1e-6)


def test_what_is_read_only_is_told_as_it_changes(load, model_file, tmp_path):
    plugin = load()
    assert plugin.status == "no model"
    nnplugin.set_model(plugin, model_file("gain"))
    plugin(noise(2, 2000), RATE)
    assert plugin.status == "playing"
    (tmp_path / "text.ts").write_text("not a model")
    nnplugin.set_model(plugin, tmp_path / "text.ts")
    plugin(noise(2, 2000), RATE)
    assert plugin.status == "failed"
    assert "latency_frames" not in plugin.parameters  # DPF's own, which says something else


def test_loading_and_unloading_prints_nothing(bundle, model_file):
    script = (
        "import numpy, pedalboard; from nnbridge import plugin as p;"
        f"plugin = pedalboard.load_plugin({str(bundle)!r});"
        f"p.set_model(plugin, {str(model_file('gain'))!r});"
        "plugin(numpy.zeros((2, 1000), 'f4'), 48000); del plugin"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_a_model_the_signal_passes_or_is_silent(load):
    signal = noise(2, 5000)
    plugin = load()
    np.testing.assert_array_equal(plugin(signal, RATE), signal)
    plugin.without_a_model = "silent"
    assert not plugin(signal, RATE).any()


def test_a_parameter_is_in_the_state_before_any_audio_ran(load):
    one, other = load(), load()
    one.mix = 25.0
    other.raw_state = one.raw_state
    assert other.mix == pytest.approx(25.0)


def test_a_session_opens_in_another_instance(load, model_file):
    model, signal = model_file("gain"), noise(2, 5000)
    one, other = load(), load()
    nnplugin.set_model(one, model)
    one.mix = 30.0
    other.raw_state = one.raw_state
    np.testing.assert_array_equal(other(signal, RATE), one(signal, RATE))


def test_a_moved_model_is_found_by_its_content(load, model_file, tmp_path, monkeypatch):
    old = tmp_path / "old" / "sound.ts"
    old.parent.mkdir()
    shutil.copy(model_file("gain"), old)
    signal = noise(2, 5000)
    one = load()
    nnplugin.set_model(one, old)
    expected = one(signal, RATE)
    session = one.raw_state
    new = tmp_path / "new" / "sound.ts"
    new.parent.mkdir()
    old.rename(new)

    missing = load()
    missing.raw_state = session
    np.testing.assert_array_equal(missing(signal, RATE), signal)
    assert str(old) in nnplugin.problem(missing)
    kept = missing.raw_state

    monkeypatch.setenv("NNBRIDGE_MODELS", str(new.parent))
    found = load()
    found.raw_state = kept
    np.testing.assert_array_equal(found(signal, RATE), expected)


def test_another_model_of_the_same_name_is_not_taken_for_it(
    load, model_file, tmp_path, monkeypatch
):
    signal = noise(2, 3000)
    file = tmp_path / "old" / "sound.ts"
    for name, folder in (("gain", "old"), ("one_pole", "new")):
        (tmp_path / folder).mkdir()
        shutil.copy(model_file(name), tmp_path / folder / "sound.ts")
    one = load()
    nnplugin.set_model(one, file)
    one(signal, RATE)
    session = one.raw_state
    file.unlink()
    monkeypatch.setenv("NNBRIDGE_MODELS", str(tmp_path / "new"))
    other = load()
    other.raw_state = session
    np.testing.assert_array_equal(other(signal, RATE), signal)
    assert other.status == "missing"


def test_a_session_is_not_misled_by_a_slot_that_holds_another_model_now(
    load, model_file, tmp_path, monkeypatch
):
    monkeypatch.setenv("NNBRIDGE_MODELS", str(tmp_path))
    shutil.copy(model_file("gain"), tmp_path / "b.ts")
    signal = noise(2, 3000)
    one = load()
    one.model = "b"
    expected = one(signal, RATE)
    shutil.copy(model_file("one_pole"), tmp_path / "a.ts")  # comes first now
    other = load()
    other.raw_state = one.raw_state
    np.testing.assert_array_equal(other(signal, RATE), expected)


def test_a_file_that_is_no_model_is_told_in_a_sentence(load, tmp_path):
    file = tmp_path / "text.ts"
    file.write_text("not a model")
    signal = noise(2, 5000)
    plugin = load()
    nnplugin.set_model(plugin, file)
    np.testing.assert_array_equal(plugin(signal, RATE), signal)
    assert "text.ts" in nnplugin.problem(plugin)


def test_models_in_the_models_folders_are_values_of_a_parameter(bundle, load, model_file, tmp_path):
    (tmp_path / "models").mkdir()
    shutil.copy(model_file("gain"), tmp_path / "models" / "loud.ts")
    os.environ["NNBRIDGE_MODELS"] = str(tmp_path / "models")
    try:
        plugin = load()
        plugin.model = "loud"
        signal = noise(2, 5000)
        np.testing.assert_array_equal(plugin(signal, RATE), rendered(model_file("gain"), signal))
    finally:
        del os.environ["NNBRIDGE_MODELS"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_state_harms_nothing(load, model_file, damage):
    plugin = load()
    nnplugin.set_model(plugin, model_file("gain"))
    state = plugin.preset_data
    random = np.random.default_rng(1)
    for _ in range(20):
        component = bytearray(state[48 : 48 + random.integers(1, len(state) - 48)])
        if damage == "flipped":
            component[random.integers(len(component))] ^= 1 << random.integers(8)
        if damage == "empty":
            component = bytearray(b"\0")
        with contextlib.suppress(RuntimeError):  # it may be refused
            plugin.preset_data = nnplugin._preset(state[8:40], bytes(component))
        assert np.isfinite(plugin(noise(2, 600), RATE)).all()


SCRIPT = """
import sys
import numpy as np
{before}
import pedalboard
plugin = pedalboard.load_plugin({bundle!r})
plugin(np.zeros((2, 1000), "f4"), 48000)
mapped = open("/proc/self/maps").read()
assert {torch} or "libtorch" not in mapped, "a plugin without a model loaded LibTorch"
from nnbridge import plugin as nnplugin
plugin_file = {model!r}
nnplugin.set_model(plugin, plugin_file)
output = plugin(np.ones((2, 1000), "f4"), 48000)
{after}
assert not nnplugin.problem(plugin)
assert output.any()
print("well")
"""


@pytest.mark.parametrize("when", ["before", "after", "never"])
def test_torch_in_the_same_process(bundle, load, model_file, when):
    lines = "import torch; torch.ones(3).sum()"
    script = SCRIPT.format(
        before=lines if when == "before" else "",
        after=lines if when == "after" else "",
        torch=when == "before",
        bundle=str(bundle),
        model=str(model_file("gain")),
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "well", done.stderr
    assert done.returncode == 0


OTHER_TORCH = """
import ctypes
import numpy as np
import pedalboard
from nnbridge import plugin as nnplugin

torch = ctypes.CDLL({torch!r})
plugin = pedalboard.load_plugin({bundle!r})
nnplugin.set_model(plugin, {model!r})
signal = np.ones((2, 1000), "f4")
assert (plugin(signal, 48000) == signal).all()
assert plugin.status == "failed"
print(nnplugin.problem(plugin))
"""


def test_a_libtorch_of_another_version_in_the_process_is_refused_in_a_sentence(bundle, model_file):
    script = OTHER_TORCH.format(
        torch=str(GATE.with_name("plugin_torch.so")),
        bundle=str(bundle),
        model=str(model_file("gain")),
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "has already loaded LibTorch 1.2.3, and this plugin was built for" in done.stdout


def test_plugins_are_linked_to_where_hosts_look(bundle, tmp_path):
    for _ in range(2):  # again is no error
        paths = nnplugin.install(bundle.parent, tmp_path)
    assert [path.name for path in paths] == list(nnplugin.BUNDLES)
    assert all(path.is_symlink() and path.exists() for path in paths)
    (tmp_path / "empty").mkdir()
    with pytest.raises(nnplugin.PluginError, match="make plugin"):
        nnplugin.install(tmp_path / "empty", tmp_path)
