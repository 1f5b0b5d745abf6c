# SPDX-License-Identifier: MIT
"""What `perform64` does on Max's audio thread: nothing that could make it wait."""

import numpy as np
import pytest

from .maxhost import BUILT, Host

NET = BUILT.parent / "libaudio_thread_net.so"

pytestmark = pytest.mark.skipif(
    not NET.exists(), reason="built without the net under the audio thread"
)


class Netted:
    """A Max with the net under its audio thread."""

    def __init__(self, folder):
        self.report = folder / "net.txt"
        self.host = Host({"LD_PRELOAD": str(NET), "AUDIO_THREAD_NET_REPORT": str(self.report)})

    def caught(self):
        """Ends Max: what was counted, and what was caught."""
        for one in list(self.host.objects):
            one.free()
        self.host.close()
        lines = self.report.read_text().splitlines()
        return {name: int(count) for name, count in map(str.split, lines[:3])}, lines[3:]


def test_perform_allocates_locks_and_waits_for_nothing(model_file, tmp_path):
    max_host = Netted(tmp_path)
    host = max_host.host
    gain, throws, mixes = (model_file(n) for n in ("gain", "misbehaving", "three_to_two"))
    host.buffer("loop", np.full((1, 100), 0.5))
    boxes = [
        (f"nn~ {gain} forward 512", [1]),
        (f"nn~ {throws} forward 512", [1]),
        (f"nn~ {gain} forward 256 @enable 0", [1]),
        (f"mc.nn~ {mixes} forward 512", [5, 2, 1]),
        (f"mcs.nn~ {mixes} forward 3 512", [3, 3, 3]),
    ]
    objects = [host.new(text) for text, _ in boxes]
    for nn, (_, counts) in zip(objects, boxes, strict=True):
        nn.compile(64, counts=counts)
    host.do("start", seconds=64 / 44100)
    for text in [
        "set gain 0.3",
        "bufsize 256",
        f"load {model_file('identity_48000')}",
        "deadline 0",  # every block is late
        f"load {throws}",
        "set mode 1",
        "set mode 2",
        "late dry",
        "bufsize 1024",
        "reset",
        "reload",
        "stats",
        "bang",
    ]:
        for nn in objects[:3]:
            nn.send(text)
        host.do("until", id=objects[0].name, message="never", seconds=0.1)
    objects[2].attribute("enable", 1)
    objects[0].attribute("enable", 0)
    for vector, change in [(128, 2), (64, 5)]:  # compiled anew while audio runs on
        for nn, (_, counts) in zip(objects, boxes, strict=True):
            nn.compile(vector, counts=[count if count == 1 else change for count in counts])
        host.do("until", id=objects[0].name, message="never", seconds=0.2)
    host.do("stop")
    counts, caught = max_host.caught()
    assert counts["passages"] > 500
    assert counts["wakes"] > 20
    assert caught == []


def test_the_net_catches_inference_in_maxs_own_thread(model_file, tmp_path):
    """Size 0 promises nothing: so the test above sees what it looks for."""
    max_host = Netted(tmp_path)
    nn = max_host.host.new(f"nn~ {model_file('gain')} forward 0")
    nn.compile(64)
    nn.run(np.zeros((1, 6400)))
    counts, caught = max_host.caught()
    assert counts["passages"] == 100
    assert any("malloc" in line for line in caught)
