# SPDX-License-Identifier: MIT
"""A plugin's process call under the net that catches what an audio thread must not do."""

import pytest

from .conftest import BUILT, GATE, plugin_file
from .net import NETS, needs_net, watched

# Models are automated and loaded, and every kind of parameter is turned, while audio runs.
SCRIPT = """
import ctypes, sys, time
import numpy as np
from pathlib import Path
from tests.python.plugin import clap_host, lv2_host, vst3_host

kind, built, gate, net, gain, other = sys.argv[1:]
gate_path, gate, net = gate, ctypes.CDLL(gate), ctypes.CDLL(net)
signal = np.zeros((2, 256), "f4")
TURNS = [
    ("Model", "model_slot", 1.0), ("Method", "method", 1.0), ("Block", "block", 2.0),
    ("Deadline", "deadline", 1.0), ("Mix", "mix", 30.0), ("Gain", "gain", -3.0),
    ("Scale 1", "scale_1", 2.0), ("Bias 1", "bias_1", 0.5), ("Jitter 1", "jitter_1", 0.5),
    ("Temperature", "temperature", 0.5), ("Model", "model_slot", 2.0), ("Method", "method", 0.0),
    ("Block", "block", 0.0), ("Deadline", "deadline", 5.0), ("Attribute 1", "attribute_1", 0.3),
]

def play(plugin, calls=12):
    for _ in range(calls):
        plugin.process(signal)
        time.sleep(256 / 48000)

def run(plugin, turn, wait):
    plugin.set_model(gain)
    play(plugin)
    plugin.set_model(other)
    for _ in range(8):
        for name, symbol, value in TURNS:
            turn(name, symbol, value)
            play(plugin, 2)
    wait()
    play(plugin, 20)

if kind == "clap":
    with clap_host.plugin(built + "/nnbridge.clap", gate=gate) as plugin:
        plugin.activate(48000, 256, offline=False)
        run(plugin, lambda name, _, value: plugin.set(name, value),
            lambda: plugin.wait_for("playing", 256))
elif kind == "vst3":
    with vst3_host.plugin(Path(built) / "nnbridge.vst3", gate_path) as plugin:
        plugin.activate(48000, 256)
        def turn(name, _, value):
            scale = {"Model": 64, "Method": 11, "Block": 5, "Deadline": 5}.get(name)
            if not name.startswith("Attribute"):
                plugin.set(name, value / scale if scale else 0.7)
        run(plugin, turn, lambda: plugin.wait_for("playing", 256))
else:
    with lv2_host.plugin(Path(built) / "nnbridge.lv2", 48000, 256, gate=gate) as plugin:
        plugin.activate(offline=False)
        def turn(_, symbol, value):
            plugin.controls[symbol].value = value
        run(plugin, turn, lambda: plugin.wait_for(2))
"""


@needs_net
@pytest.mark.parametrize("kind", ["vst3", "clap", "lv2"])
def test_a_process_call_allocates_locks_and_waits_for_nothing(model_file, tmp_path, kind):
    plugin_file(f"nnbridge.{kind}")
    for name in ("gain", "rave_v1"):
        (tmp_path / f"{name}.ts").symlink_to(model_file(name))
    models = [model_file("gain"), model_file("rave_v1")]
    words = [kind, BUILT, GATE, NETS[0], *models]
    passages, *caught = watched(SCRIPT, *words, NNBRIDGE_MODELS=str(tmp_path))
    assert int(passages) > 250
    assert caught == []
