# SPDX-License-Identifier: MIT
"""Sessions, models and turned attributes that follow each other in every order.

What is heard is told by a gain: a plugin that plays ones gives it back.
"""

import shutil
import time

import numpy as np
import pytest
import torch

from . import clap_host
from .conftest import plugin_file
from .dpf_state import value
from .pace import patiently
from .signals import RATE
from .vst3_host import TITLES_CHANGED

BLOCK = 512
GAIN = "Attribute 1"  # of the fixture `gain`, 0.5 of itself
OTHER = 4.0  # of the parameter Method: the first one that has no name of its own there

both_ways = pytest.mark.parametrize("offline", [True, False], ids=["offline", "realtime"])


@pytest.fixture
def other():
    """A second CLAP instance."""
    with clap_host.plugin(plugin_file("nnbridge.clap")) as plugin:
        yield plugin


def play(plugin, offline):
    plugin.activate(RATE, BLOCK, offline)
    plugin.wait_for("playing", BLOCK)


def choose(plugin, path):
    """As the window does it: the path, and nothing else."""
    words = [b"__dpf_state_begin__", b"model", str(path).encode(), b"__dpf_state_end__", b"\xfe"]
    assert plugin.load(b"\0".join(words))


def settles_at(plugin, gain, seconds=8.0):
    """Whether that is what comes to be heard."""
    ones = np.ones((2, 12 * BLOCK), np.float32)
    until = time.monotonic() + seconds
    while patiently(plugin, ones)[0, -1] != gain:
        if time.monotonic() > until:
            return False
    return True


class Two(torch.nn.Module):
    """Two methods, of which the first may fail as soon as it is called."""

    def __init__(self, broken: bool):
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("other_params", torch.tensor([1, 1, 1, 1]))
        self.broken = broken

    @torch.jit.export
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.broken:
            raise RuntimeError("this one is broken")
        return 0.25 * x

    @torch.jit.export
    def other(self, x: torch.Tensor) -> torch.Tensor:
        return 0.125 * x


@pytest.fixture
def two(tmp_path):
    def made(broken=False):
        torch.jit.script(Two(broken)).save(tmp_path / "two.ts")
        return tmp_path / "two.ts"

    return made


@both_ways
def test_a_session_brings_back_attributes_that_nobody_had_turned(clap, model_file, offline):
    clap.set_model(model_file("gain"))
    play(clap, offline)
    before = clap.state
    clap.set(GAIN, 0.0)
    assert settles_at(clap, 0.0)
    assert clap.load(before)
    assert clap.get(GAIN) == 0.5
    assert settles_at(clap, 0.5)


def test_ports_that_come_with_an_lv2_session_turn_no_attribute_that_nobody_had_turned(
    lv2, model_file
):
    with lv2(RATE, BLOCK) as plugin:
        plugin.set_model(model_file("gain"))
        plugin.activate()
        assert settles_at(plugin, 0.5)
        before = plugin.state
        ports = {symbol: port.value for symbol, port in plugin.controls.items()}
        assert ports["attribute_1"] == 0.0
        plugin.controls["attribute_1"].value = 0.75
        assert settles_at(plugin, 0.75)
        plugin.load(before)
        plugin.controls["attribute_1"].value = 0.0
        assert settles_at(plugin, 0.5)
        plugin.controls["attribute_1"].value = 0.25
        assert settles_at(plugin, 0.25)


@both_ways
def test_looking_for_a_file_forgets_no_attribute(
    clap, other, model_file, monkeypatch, tmp_path, offline
):
    shutil.copy(model_file("gain"), tmp_path / "gain.ts")
    monkeypatch.setenv("NNBRIDGE_MODELS", str(tmp_path))
    with clap_host.plugin(plugin_file("nnbridge.clap")) as plugin:
        plugin.set("Model", 1.0)
        play(plugin, offline)
        plugin.set(GAIN, 0.0)
        assert settles_at(plugin, 0.0)
        plugin.set("Model", 0.0)  # as the window's button does, before a file is chosen
        assert settles_at(plugin, 0.0)
        assert other.load(plugin.state)
    play(other, offline)
    assert settles_at(other, 0.0)


@both_ways
def test_a_model_that_comes_back_after_one_that_was_not_there_is_its_own_again(
    clap, model_file, tmp_path, offline
):
    clap.set_model(model_file("gain"))
    play(clap, offline)
    clap.set(GAIN, 0.0)
    assert settles_at(clap, 0.0)
    choose(clap, tmp_path / "none.ts")
    clap.wait_for("missing", BLOCK)
    choose(clap, model_file("gain"))
    clap.wait_for("playing", BLOCK)
    assert clap.get(GAIN) == 0.5
    assert settles_at(clap, 0.5)


@both_ways
def test_a_model_comes_back_after_one_that_lacks_its_method(clap, model_file, two, offline):
    clap.set_model(two())
    clap.set("Method", OTHER)
    play(clap, offline)
    choose(clap, model_file("gain"))
    clap.wait_for("failed", BLOCK)
    choose(clap, two())
    clap.wait_for("playing", BLOCK, seconds=8.0)
    assert settles_at(clap, 0.125)


@both_ways
def test_where_a_method_fails_another_of_the_same_file_plays(clap, model_file, two, offline):
    clap.set_model(model_file("gain"))
    play(clap, offline)
    choose(clap, two(broken=True))
    clap.wait_for("failed", BLOCK)
    clap.set("Method", OTHER)
    clap.wait_for("playing", BLOCK, seconds=8.0)
    assert settles_at(clap, 0.125)


@both_ways
def test_a_file_that_was_not_there_plays_when_it_is_chosen_again(
    clap, model_file, tmp_path, offline
):
    choose(clap, tmp_path / "late.ts")
    clap.activate(RATE, BLOCK, offline)
    clap.wait_for("missing", BLOCK)
    shutil.copy(model_file("gain"), tmp_path / "late.ts")
    choose(clap, tmp_path / "late.ts")
    clap.wait_for("playing", BLOCK, seconds=8.0)
    assert settles_at(clap, 0.5)


def test_a_session_asks_no_file_for_the_method_of_another(clap, model_file, two):
    """Which would be told as wrong, and be heard as a gap, while all of it is right."""
    clap.set_model(model_file("gain"))
    play(clap, offline=False)
    sessions = [clap.state]
    clap.set("Method", OTHER)
    clap.process(np.zeros((2, 0), np.float32))
    clap.set_model(two())
    assert settles_at(clap, 0.125)
    sessions.append(clap.state)
    for session, gain in zip(sessions * 10, [0.5, 0.125] * 10, strict=True):
        assert clap.load(session)
        standings = set()
        while not settles_at(clap, gain, seconds=0.0):
            standings.add(clap.text("Status"))
        assert "failed" not in standings
        assert value(clap.state, b"problem") == b""


@both_ways
def test_new_names_are_told_also_where_a_model_comes_between_two_calls(
    vst3, model_file, two, offline
):
    with vst3() as plugin:
        plugin.activate(RATE, BLOCK, offline)
        plugin.set_model(two())
        plugin.wait_for("playing", BLOCK)
        for _ in range(4):  # all of that has been told
            plugin.process(np.zeros((2, BLOCK), np.float32))
            time.sleep(0.01)
        plugin.restarts = 0
        plugin.set_model(model_file("gain"))
        time.sleep(0.6)
        for _ in range(4):
            plugin.process(np.zeros((2, BLOCK), np.float32))
        assert plugin.restarts & TITLES_CHANGED
        assert "gain (model)" in plugin.parameters()


def test_a_host_hears_where_an_attribute_stands_of_itself(clap, vst3, model_file):
    """Which is where a double click in most hosts puts it."""
    assert clap.names[GAIN].default == 0.0
    clap.set_model(model_file("gain"))
    play(clap, offline=True)
    assert clap.parameters()["gain (model)"].default == 0.5
    with vst3() as plugin:
        plugin.set_model(model_file("gain"))
        play(plugin, offline=True)
        assert plugin.parameters()["gain (model)"].default == 0.5


def test_a_deadline_of_a_block_is_one_at_every_rate(clap, other, model_file):
    for plugin, rates in ((clap, (48000, 96000)), (other, (96000,))):
        plugin.set_model(model_file("rave_v1"))
        plugin.set("Deadline", "block")
        for rate in rates:
            plugin.activate(rate, BLOCK, offline=False)
            plugin.process(np.zeros((2, BLOCK), np.float32))
            time.sleep(0.2)
            plugin.wait_for("playing", BLOCK)
            if rate != rates[-1]:
                plugin.deactivate()
    assert clap.latency == other.latency


def test_a_new_latency_moves_the_dry_signal_without_a_click(clap, model_file):
    time_of = np.arange(60 * BLOCK) / RATE
    tone = np.tile(np.sin(2 * np.pi * 100.0 * time_of).astype("f4"), (2, 1))
    clap.set_model(model_file("gain"))
    clap.set("Mix", 0.0)
    play(clap, offline=True)
    output = [clap.play(tone[:, : 30 * BLOCK])]
    clap.set("Block", "4096")
    output.append(clap.play(tone[:, 30 * BLOCK :]))
    steps = np.abs(np.diff(np.concatenate(output, axis=1)))[:, 20 * BLOCK :]
    assert clap.latency > BLOCK
    assert steps.max() < 2 * np.abs(np.diff(tone)).max()
