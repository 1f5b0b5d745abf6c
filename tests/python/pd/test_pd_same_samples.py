# SPDX-License-Identifier: MIT
"""What Pd writes is what an offline stream gives, bit for bit, after the latency reported."""

import functools
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from fixtures import FIXTURES

import nnbridge

from .puredata import Player, play

BLOCKS = (1, 64, 512, 2048)
MODES = ("inline", "threaded")
FRAMES = 24576
PLAYED = [
    (name, method)
    for name, fixture in FIXTURES.items()
    if fixture.playable and fixture.deterministic
    for method in fixture.contract["methods"]
    if method not in fixture.contract["uncallable"]
]


def sound():
    return (0.3 * np.random.default_rng(3).standard_normal((3, FRAMES))).astype(np.float32)


def tag(name, method, mode):
    return f"{name}-{method}-{mode}"


@pytest.fixture(scope="module")
def heard(model_file, tmp_path_factory):
    """Every fixture and method in both modes at once, in one Pd for each block size and rate."""

    @functools.cache
    def run(block, rate):
        players = []
        for name, method in PLAYED:
            if (FIXTURES[name].contract["sample_rate"] or 44100) != rate:
                continue
            inputs, _, outputs, _ = FIXTURES[name].contract["methods"][method]
            for mode in MODES:
                size = 0 if mode == "inline" else 1024
                players.append(
                    Player(
                        f"{model_file(name)} {method} {size}",
                        inputs,
                        outputs,
                        tag(name, method, mode),
                        [(100, "bang")],
                    )
                )
        done = play(tmp_path_factory.mktemp("pd"), players, sound(), block=block, rate=rate)
        assert done.clean, done.console
        return done

    return run


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("name", "method"), PLAYED)
def test_pd_writes_what_an_offline_stream_gives(model_file, heard, name, method, block, mode):
    rate = FIXTURES[name].contract["sample_rate"] or 44100
    run = heard(block, rate)
    said = dict(line.split(" ", 1) for line in run.said(tag(name, method, mode)))
    assert said["method"] == method
    latency = int(said["latency"].split()[2])
    model = nnbridge.load(model_file(name))
    stream = model.stream(method, sample_rate=rate, block=int(said["bufsize"]))
    signal = sound()[np.arange(stream.in_channels) % 3]
    want = stream.process(signal)[:, stream.latency.stream :]
    got = run.outputs[tag(name, method, mode)]
    assert not got[:, :latency].any()
    got = got[:, latency:]
    count = min(got.shape[1], want.shape[1])
    assert count >= FRAMES // 2
    assert got.any()
    np.testing.assert_array_equal(got[:, :count], want[:, :count])


def test_a_model_of_another_rate_is_resampled_as_offline(model_file, tmp_path):
    run = play(
        tmp_path,
        [Player(f"{model_file('identity_48000')} forward 512", sends=[(100, "bang")])],
        sound()[:1],
        rate=44100,
    )
    said = dict(line.split(" ", 1) for line in run.said("a"))
    assert "converting" in run.console
    latency = int(said["latency"].split()[0])
    stream = nnbridge.load(model_file("identity_48000")).stream(sample_rate=44100, block=512)
    want = stream.process(sound()[:1])[:, stream.latency.stream :]
    got = run.outputs["a"][:, latency:]
    count = min(got.shape[1], want.shape[1])
    np.testing.assert_array_equal(got[:, :count], want[:, :count])


@pytest.mark.parametrize("name", ["delay_1000"])
def test_pd_writes_what_the_command_line_renders(model_file, tmp_path, name):
    run = play(
        tmp_path,
        [Player(f"{model_file(name)} forward 2048", sends=[(100, "latency")])],
        sound()[:1],
        rate=44100,
    )
    command = ["render", model_file(name), tmp_path / "in0.wav", tmp_path / "out.wav"]
    subprocess.run(
        [sys.executable, "-m", "nnbridge.cli", *command, "--block", "2048", "--quiet"],
        check=True,
        capture_output=True,
    )
    rendered, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    (line,) = run.said("a")
    heard = run.outputs["a"][0, int(line.split()[1]) :]
    np.testing.assert_array_equal(heard, rendered[: len(heard)])
