# SPDX-License-Identifier: MIT
"""VST3 and LV2 in Ardour, without its window: in real time, on Ardour's own audio thread.

Both on one track: a source plays into the one, a second source into the other, and behind each a
sink keeps what comes out (tap.cpp). Ardour is under the GPL: it runs as a program of its own.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from .conftest import BUILT, URI, plugin_file
from .signals import RATE, noise, rendered
from .test_plugin_clap import delayed

ARDOUR = sorted(Path("/usr/bin").glob("ardour[0-9]*-lua"))
pytestmark = pytest.mark.skipif(not ARDOUR, reason="no Ardour here")

FRAMES = 20000
LEAD = 8192  # of silence before the signal: the plugin has played silence for a while by then

# `session` is a folder; `new` says whether to make the session or to open it again.
SCRIPT = """
local backend = AudioEngine:set_backend("None (Dummy)", "", "")
backend:set_driver("Half Speed") -- so that a busy machine makes no block late
backend:set_sample_rate(48000)
backend:set_buffer_size(512)
local session = new and create_session(folder, "session", 48000) or load_session(folder, "session")
assert(session, "no session")
local function track()
  for route in session:get_routes():iter() do
    if not route:is_master() and not route:is_monitor() then return route end
  end
end
if new then
  session:new_audio_track(2, 2, nil, 1, "track", ARDOUR.PresentationInfo.max_order,
    ARDOUR.TrackMode.Normal, true)
  for _, plugin in ipairs {
    {"LV2", "urn:nnbridge:source"}, {"VST3", "nnbridge"}, {"LV2", "urn:nnbridge:sink"},
    {"LV2", "urn:nnbridge:source"}, {"LV2", uri}, {"LV2", "urn:nnbridge:sink"},
  } do
    local made = ARDOUR.LuaAPI.new_plugin(session, plugin[2], ARDOUR.PluginType[plugin[1]], "")
    assert(not made:isnil(), plugin[2])
    assert(track():add_processor_by_index(made, -1, nil, true) == 0)
  end
end
local function nth(number) return track():nth_plugin(number) end
local both = {VST3 = nth(1), LV2 = nth(4)}
local function turn(plugin, name, value)
  local number = 0 -- among the controls, as Ardour counts
  local inside = plugin:to_insert():plugin(0)
  for index = 0, inside:parameter_count() - 1 do
    if inside:parameter_is_control(index) then
      if inside:parameter_label(index) == name then
        ARDOUR.LuaAPI.set_processor_param(plugin, number, value)
      end
      number = number + 1
    end
  end
end
local function wait_for(what)
  for _ = 1, 600 do
    if what() then return end
    ARDOUR.LuaAPI.usleep(100000)
  end
  error("it took more than a minute")
end
local function latencies()
  return both.VST3:to_insert():signal_latency(), both.LV2:to_insert():signal_latency()
end
if new then for _, plugin in pairs(both) do turn(plugin, "Deadline", 5) end end
wait_for(function() local one, other = latencies(); return one == 1023 and other == 1023 end)
ARDOUR.LuaAPI.usleep(500000) -- for the fade that begins it
ARDOUR.LuaAPI.set_processor_param(nth(0), 0, 1) -- the switch of the first source
wait_for(function() return io.open(taken .. ".1") end)
print("latencies", latencies())
ARDOUR.LuaAPI.set_processor_param(nth(0), 0, 0)
session:save_state("")
session = nil
close_session()
"""


class Ardour:
    """A home of its own, with the plugins where Ardour looks for them."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model
        home = folder / "home"
        (home / ".vst3").mkdir(parents=True)
        (home / ".vst3" / "nnbridge.vst3").symlink_to(plugin_file("nnbridge.vst3"))
        lv2 = folder / "lv2"
        tap = lv2 / "tap.lv2"
        tap.mkdir(parents=True)
        (lv2 / "nnbridge.lv2").symlink_to(plugin_file("nnbridge.lv2"))
        (tap / "plugin_tap.so").symlink_to(BUILT.parent / "tests" / "plugin_tap.so")
        shutil.copy(Path(__file__).with_name("tap.ttl"), tap / "tap.ttl")
        (tap / "manifest.ttl").write_text(
            "@prefix lv2: <http://lv2plug.in/ns/lv2core#> .\n"
            "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
            + "".join(
                f"<urn:nnbridge:{name}> a lv2:Plugin ; lv2:binary <plugin_tap.so> ;"
                " rdfs:seeAlso <tap.ttl> .\n"
                for name in ("source", "sink")
            )
        )
        self.signal = noise(2, FRAMES)
        (folder / "signal").write_bytes(self.signal.T.tobytes())
        library = Path("/usr/lib") / ARDOUR[-1].name.removesuffix("-lua")
        self._environment = os.environ | {
            "HOME": str(home),
            "LV2_PATH": f"{lv2}:/usr/lib/lv2",
            "NNBRIDGE_TAP_SOURCE": str(folder / "signal"),
        }
        self._run(
            [library / "ardour-vst3-scanner", "-f", home / ".vst3" / "nnbridge.vst3"],
            LD_LIBRARY_PATH=str(library),
        )

    def _run(self, command, **environment):
        done = subprocess.run(
            command,
            env=self._environment | environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def play(self, take: str, new: bool) -> list[np.ndarray]:
        """What VST3 and LV2 made of the signal, each [2, frames]."""
        taken = self.folder / take
        script = self.folder / f"{take}.lua"
        script.write_text(
            f'local folder, new, taken = "{self.folder}/session", {str(new).lower()}, "{taken}"\n'
            f'local uri = "{URI}"\n' + SCRIPT
        )
        model = {"NNBRIDGE_MODEL": str(self.model)} if new else {}
        said = self._run([ARDOUR[-1], script], NNBRIDGE_TAP_SINK=str(taken), **model)
        found = re.search(r"latencies\s+(\d+)\s+(\d+)", said)
        assert found, said
        assert found.groups() == ("1023", "1023")
        return [np.fromfile(f"{taken}.{k}", np.float32).reshape(-1, 2).T for k in range(2)]


@pytest.fixture(scope="module")
def ardour(tmp_path_factory, model_file):
    return Ardour(tmp_path_factory.mktemp("ardour"), model_file("cached_conv"))


def expected(ardour):
    signal = np.pad(ardour.signal, ((0, 0), (LEAD, 0)))
    return delayed(rendered(ardour.model, signal, rate=RATE)[:, LEAD:], 1023)


@pytest.fixture(scope="module")
def first_take(ardour):
    return ardour.play("first", new=True)


def test_in_real_time_the_samples_are_the_same_later(ardour, first_take):
    for output in first_take:
        np.testing.assert_array_equal(output, expected(ardour))


def test_a_session_opens_again_with_its_model(ardour, first_take):
    for output in ardour.play("again", new=False):
        np.testing.assert_array_equal(output, expected(ardour))
