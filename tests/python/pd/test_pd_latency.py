# SPDX-License-Identifier: MIT
"""The latency that nn~ reports is the one that an impulse measures in Pd, to the sample."""

import numpy as np
import pytest

from .puredata import Player, play

RATE = 44100
AT = 5000
CASES = {
    "mono": ("identity", 1, 1),
    "three-channels-in-two-out": ("three_to_two", 3, 2),
    "a-delay-of-37": ("delay_37", 1, 1),
    "a-delay-of-1000": ("delay_1000", 1, 1),
    "another-rate": ("identity_48000", 1, 1),
}
SIZES = (0, 256, 2048)


def impulse(frames=RATE):
    sound = np.zeros((1, frames), np.float32)
    sound[0, AT] = 1.0
    return sound


def measure(model_file, folder, block, *, batch):
    players = [
        Player(
            f"{model_file(name)} forward {size}",
            inputs,
            outputs,
            f"{case}-{size}",
            [(800 if not batch else 200, "latency")],
        )
        for case, (name, inputs, outputs) in CASES.items()
        for size in SIZES
    ]
    run = play(folder, players, impulse(), block=block, rate=RATE, batch=batch)
    assert run.clean, run.console
    found = {}
    for player in players:
        (line,) = run.said(player.name)
        total, _, stream, model = (float(word) for word in line.split()[1:])
        heard = int(np.argmax(np.abs(run.outputs[player.name][0]))) - AT
        found[player.name] = (heard, int(total), int(stream), int(model))
    return found


@pytest.mark.parametrize("block", [1, 64, 512, 2048])
def test_the_latency_reported_is_the_one_measured(model_file, tmp_path, block):
    found = measure(model_file, tmp_path, block, batch=True)
    assert {name: heard for name, (heard, *_) in found.items()} == {
        name: total for name, (_, total, *_) in found.items()
    }


def test_the_same_in_real_time(model_file, tmp_path):
    found = measure(model_file, tmp_path, 64, batch=False)
    assert {name: heard for name, (heard, *_) in found.items()} == {
        name: total for name, (_, total, *_) in found.items()
    }
    for name, (_, _, stream, _) in found.items():
        size = int(name.rsplit("-", 1)[1])
        if size == 2048 and "rate" not in name:
            assert stream <= 2048 - 64 + 2048


def test_a_block_of_2048_is_heard_after_2048_and_the_deadline(model_file, tmp_path):
    """nn~: 4032 samples, and 6080 for a mono method."""
    players = [
        Player(
            f"{model_file('gain')} forward 2048",
            name=f"d{deadline}",
            sends=[(600, f"deadline {deadline}"), (1000, "latency")],
        )
        for deadline in (256, 512, 1024, 2048)
    ]
    run = play(tmp_path, players, impulse(RATE * 5 // 4), rate=RATE, batch=False)
    for deadline in (256, 512, 1024, 2048):
        (line,) = run.said(f"d{deadline}")
        assert int(line.split()[1]) == 2048 - 64 + deadline
