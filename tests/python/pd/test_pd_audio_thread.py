# SPDX-License-Identifier: MIT
"""What nn~'s own perform routine does on Pd's audio thread, and what it costs the machine."""

import sys
import threading
from pathlib import Path

import pytest

from .puredata import EXTERNAL, Canvas
from .test_pd_robustness import QUIT, Script

NET = EXTERNAL.parent / "pd-tests"


def watched(arguments):
    """Noise through nn~, between the two objects that tell the net when nn~ runs."""
    script = Script()
    inner = Canvas()
    source = inner.obj("noise~")
    enter = inner.obj("net_in~")
    inner.connect(source, 0, enter, 0)
    hear = inner.obj("r nn")
    info = inner.obj("print info")
    before = enter
    for text in arguments:
        nn = inner.obj(f"nn~ {text}")
        inner.connect(before, 0, nn, 0)
        inner.connect(hear, 0, nn, 0)
        inner.connect(nn, 1, info, 0)
        before = nn
    leave = inner.obj("net_out~")
    inner.connect(before, 0, leave, 0)
    script.sub(inner)
    return script


def under_the_net(script, folder):
    """What the net counted, and what it caught."""
    report = folder / "net.txt"
    run = script.run(
        folder,
        extra=["-path", str(NET), "-lib", "net_gate"],
        environment={
            "LD_PRELOAD": str(NET / "libaudio_thread_net.so"),
            "AUDIO_THREAD_NET_REPORT": str(report),
        },
    )
    assert run.clean, run.console
    lines = report.read_text().splitlines()
    return {name: int(count) for name, count in map(str.split, lines[:3])}, lines[3:]


@pytest.mark.skipif(not NET.exists(), reason="built without the net under the audio thread")
def test_perform_allocates_locks_and_waits_for_nothing(model_file, tmp_path):
    gain, throws = model_file("gain"), model_file("misbehaving")
    script = watched([f"{gain} forward 512", f"{throws} forward 512", f"-d {gain} forward 256"])
    for i, text in enumerate(
        [
            "set gain 0.3",
            "bufsize 256",
            "enable 0",
            "enable 1",
            f"load {model_file('identity_48000')}",
            "deadline 0",  # every block is late
            f"load {throws}",
            "set mode 1",
            "set mode 2",
            "late dry",
            "bufsize 1024",
            "reset",
            "reload",
            "pd dsp 0",
            "pd dsp 1",
        ]
    ):
        target = "" if text.startswith("pd") else "nn "
        script.at(300 + 60 * i, f"\\; {target}{text}")
    script.at(1500, QUIT)
    counts, caught = under_the_net(script, tmp_path)
    assert counts["passages"] > 500
    assert counts["wakes"] > 20
    assert caught == []


@pytest.mark.skipif(not NET.exists(), reason="built without the net under the audio thread")
def test_the_net_catches_inference_in_pds_own_thread(model_file, tmp_path):
    """Size 0 promises nothing: so the test above sees what it looks for."""
    script = watched([f"{model_file('gain')} forward 0"])
    script.at(300, QUIT)
    counts, caught = under_the_net(script, tmp_path)
    assert counts["passages"] > 50
    assert any("malloc" in line for line in caught)


def threads_of(pid, seconds, found):
    def look():
        found.append(len(list(Path(f"/proc/{pid}/task").iterdir())))

    threading.Timer(seconds, look).start()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "seconds", [4, pytest.param(60, marks=pytest.mark.extended, id="a-minute")]
)
def test_eight_objects_play_without_a_late_block_on_a_thread_each(model_file, tmp_path, seconds):
    def run(objects, length):
        script = Script()
        script.players([f"{model_file('cached_conv')} forward 2048"] * objects)
        script.at(1000 * length - 100, "\\; nn stats")
        script.at(1000 * length, QUIT)
        found = []
        done = script.run(
            tmp_path,
            timeout=length + 30,
            on_start=lambda pid: threads_of(pid, min(2.0, length - 0.3), found),
        )
        assert done.clean, done.console
        return done, found[0]

    few, threads_of_few = run(2, 3)
    many, threads_of_many = run(8, seconds)
    assert threads_of_many - threads_of_few == 6
    stats = [line.split() for line in many.said("info") if line.startswith("stats")]
    assert len(stats) == 8
    assert [int(float(words[2])) for words in stats] == [0] * 8, many.console
    assert "late" not in few.console
