# SPDX-License-Identifier: MIT
"""The VST3 in DawDreamer, which sets plugins up for real time and then processes offline.

DawDreamer is under the GPL: a program of its own runs it, and none of it comes in here.
"""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

from nnbridge import plugin as nnplugin

from .signals import noise, rendered
from .test_plugin_clap import delayed

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("dawdreamer"), reason="no DawDreamer here"
)

FRAMES = 6000
SCRIPT = """
import json, sys
import dawdreamer
import numpy as np

bundle, preset, jobs, out = sys.argv[1:]
takes = {}
for number, job in enumerate(json.loads(jobs)):
    engine = dawdreamer.RenderEngine(job["rate"], job["block"])
    plugin = engine.make_plugin_processor("nnbridge", bundle)
    if job["channels"] == 1:
        assert plugin.can_set_bus(1, 1) and plugin.set_bus(1, 1)
    assert plugin.load_vst3_preset(preset)
    names = {p["name"]: p["index"] for p in plugin.get_parameters_description()}
    for name, value in job.get("turn", {}).items():
        plugin.set_parameter(names[name], value)
    signal = np.load(out + "/signal.npy")[: job["channels"]]
    source = engine.make_playback_processor("signal", signal)
    engine.load_graph([(source, []), (plugin, ["signal"])])
    for again in range(2):
        engine.render(signal.shape[1] / job["rate"])
        takes[f"{number}.{again}"] = engine.get_audio()[:, : signal.shape[1]]
    # Not get_latency_samples: DawDreamer asks before the model is there, and never again.
    takes[f"{number}.latency"] = int(plugin.get_parameter_text(names["Latency"]))
np.savez(out + "/takes.npz", **takes)
"""


@pytest.fixture
def dawdreamer(load, bundle, model_file, tmp_path):
    """Plays the same noise in several settings; each of them twice, to see that it starts anew."""

    def play(model, jobs):
        plugin = load()
        nnplugin.set_model(plugin, model_file(model))
        preset = tmp_path / "model.vstpreset"
        preset.write_bytes(plugin.preset_data)
        signal = noise(2, FRAMES)
        np.save(tmp_path / "signal.npy", signal)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, bundle, preset, json.dumps(jobs), tmp_path],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        takes = np.load(tmp_path / "takes.npz")
        for number, job in enumerate(jobs):
            np.testing.assert_array_equal(takes[f"{number}.1"], takes[f"{number}.0"])
            yield job, signal[: job["channels"]], takes[f"{number}.0"], takes[f"{number}.latency"]

    return play


def test_the_samples_are_those_of_render(dawdreamer, model_file):
    grid = [(48000, 512, 2), (48000, 512, 1), (44100, 300, 2), (96000, 64, 1), (22050, 4096, 2)]
    jobs = [{"rate": rate, "block": block, "channels": count} for rate, block, count in grid]
    for job, signal, output, latency in dawdreamer("cached_conv", jobs):
        expected = rendered(model_file("cached_conv"), signal, rate=job["rate"])
        np.testing.assert_array_equal(output, delayed(expected, latency), err_msg=str(job))


def test_bypass_and_dry_are_the_input_late_by_the_latency_told(dawdreamer):
    job = {"rate": 48000, "block": 512, "channels": 2}
    turns = [{"Bypass": 1.0}, {"Mix": 0.0}, {"Bypass": 1.0, "Block": 0.4}]
    latencies = []
    for job, signal, output, latency in dawdreamer("gain", [job | {"turn": t} for t in turns]):
        np.testing.assert_array_equal(output, delayed(signal, latency), err_msg=str(job))
        latencies.append(int(latency))
    assert latencies == [511, 511, 2047]
