# SPDX-License-Identifier: MIT
"""nn~ -m: all channels through one inlet and one outlet. Needs Pd 0.54; older ones skip this."""

import re

import pytest
import soundfile

from .puredata import Canvas, run_pd

FRAMES = 8192


@pytest.fixture(scope="module")
def multichannel(tmp_path_factory):
    patch = tmp_path_factory.mktemp("version") / "v.pd"
    patch.write_text(
        "#N canvas 0 0 9 9 9;\n#X obj 1 1 loadbang;\n#X obj 1 1 snake~ in 2;\n"
        "#X msg 1 1 \\; pd quit;\n#X connect 0 0 2 0;\n"
    )
    if "snake~" in run_pd(patch).console:
        pytest.skip("this Pd has no multichannel signals (0.54)")


def through(folder, arguments, inputs, outputs, messages=()):
    """Constants 1/8, 2/8 … through nn~ -m; the last sample of every output channel."""
    patch = Canvas()
    join = patch.obj(f"snake~ in {inputs}")
    for channel in range(inputs):
        patch.connect(patch.obj(f"sig~ {(channel + 1) / 8}"), 0, join, channel)
    nn = patch.obj(f"nn~ -m {arguments}")
    patch.connect(join, 0, nn, 0)
    patch.connect(patch.obj("r nn"), 0, nn, 0)
    patch.connect(nn, 1, patch.obj("print info"), 0)
    split = patch.obj(f"snake~ out {outputs}")
    patch.connect(nn, 0, split, 0)
    start = patch.obj("loadbang")
    writes = []
    record = patch.obj("r record")
    for channel in range(outputs):
        patch.obj(f"table out{channel} {FRAMES}")
        write = patch.obj(f"tabwrite~ out{channel}")
        patch.connect(record, 0, write, 0)
        patch.connect(split, channel, write, 0)
        writes.append(f"write -bytes 4 -wave {folder}/out{channel}.wav out{channel}")
    soundfiler = patch.obj("soundfiler")
    save = patch.msg(" \\, ".join(writes))
    patch.connect(patch.obj("r save"), 0, save, 0)
    patch.connect(save, 0, soundfiler, 0)
    timed = [(0, "pd dsp 1"), *messages, (600, "record bang"), (900, "save bang"), (920, "pd quit")]
    for at, text in timed:
        delay, message = patch.obj(f"delay {at}"), patch.msg(f"\\; {text}")
        patch.connect(start, 0, delay, 0)
        patch.connect(delay, 0, message, 0)
    file = folder / "multi.pd"
    file.write_text(patch.text())
    run = run_pd(file, batch=not messages)
    assert run.clean, run.console
    return run, [
        float(soundfile.read(folder / f"out{c}.wav", dtype="float32")[0][-1])
        for c in range(outputs)
    ]


def test_the_outlet_has_the_methods_channels(multichannel, model_file, tmp_path):
    _, out = through(tmp_path, f"{model_file('three_to_two')} forward 0", 3, 2)
    assert out == [1 / 8 + 0.5 * 3 / 8, 2 / 8 - 0.5 * 3 / 8]


def test_fewer_input_channels_are_taken_in_turn(multichannel, model_file, tmp_path):
    _, out = through(tmp_path, f"{model_file('three_to_two')} forward 512", 2, 2)
    assert out == [1 / 8 + 0.5 * 1 / 8, 2 / 8 - 0.5 * 1 / 8]


def test_load_may_change_the_number_of_channels(multichannel, model_file, tmp_path):
    run, out = through(
        tmp_path,
        f"{model_file('gain')} forward 2048",
        3,
        2,
        [(100, f"nn load {model_file('three_to_two')}")],
    )
    assert out == [1 / 8 + 0.5 * 3 / 8, 2 / 8 - 0.5 * 3 / 8]
    assert "loaded 1" in run.said("info")
    assert not re.search("error", run.console)
