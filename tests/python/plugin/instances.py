# SPDX-License-Identifier: MIT
"""Our three hosts behind one face, for what every format promises alike."""

import pickle
from contextlib import contextmanager

import numpy as np

from . import clap_host, lv2_host, vst3_host
from .conftest import GATE, plugin_file
from .signals import RATE

FORMATS = ("vst3", "clap", "lv2")
PLAYING = 2  # LV2's port `status`
READ_ONLY = ("Status", "Latency", "Load", "Late blocks")


class Instance:
    """Parameters go by their names (LV2: symbols), and their values from 0 to 1."""

    def __init__(self, format, host, block):
        self._format, self.host, self.block = format, host, block
        if format == "lv2":
            bundle = plugin_file("nnbridge.lv2")
            self._ranges = lv2_host.ranges(bundle)
            del self._ranges["lv2_freewheel"]
            self.names = list(self._ranges)
        else:
            self.names = [name for name in host.names if name not in READ_ONLY]

    def activate(self, rate=RATE, block=None, offline=True):
        block = block or self.block
        if self._format == "lv2":
            self.host.activate(offline)  # the rate was said when it was made
        else:
            self.host.activate(rate, block, offline)

    def wait_until_playing(self):
        """In real time."""
        if self._format == "lv2":
            self.host.wait_for(PLAYING)
        else:
            self.host.wait_for("playing", self.block)

    def turn(self, name, share):
        if self._format == "vst3":
            self.host.set(name, share)
        elif self._format == "clap":
            info = self.host.names[name]
            self.host.set(name, info.minimum + share * (info.maximum - info.minimum))
        else:
            low, high = self._ranges[name]
            self.host.controls[name].value = low + share * (high - low)

    def shares(self):
        """What the parameters stand at."""
        if self._format == "vst3":
            return {name: self.host.get(name) for name in self.names}
        infos = self.host.names
        return {
            name: (self.host.get(name) - infos[name].minimum)
            / (infos[name].maximum - infos[name].minimum)
            for name in self.names
        }

    @property
    def state(self) -> bytes:
        if self._format != "lv2":
            return self.host.state
        uris = self.host._uris
        return pickle.dumps({uris[key - 1]: kept for key, kept in self.host.state.items()})

    def load(self, state: bytes, anyhow=False):
        if self._format == "clap":
            assert self.host.load(state) or anyhow
            return
        if self._format == "lv2":
            named = pickle.loads(state)
            state = {self.host.urid(uri): kept for uri, kept in named.items()}
        self.host.load(state, anyhow)

    def damaged(self, state: bytes, random) -> bytes:
        """The state, cut somewhere, or with some of its bits turned over."""

        def damage(data):
            data = bytearray(data[: random.integers(1, len(data) + 1)])
            for _ in range(random.integers(3)):
                data[random.integers(len(data))] ^= 1 << random.integers(8)
            return bytes(data)

        if self._format != "lv2":
            return damage(state)
        # There a state is several texts, each under a name that a host keeps whole.
        named = pickle.loads(state)
        broken = {
            uri: (damage(value[:-1] or b"?").replace(b"\0", b"?") + b"\0", kind)
            for uri, (value, kind) in named.items()
            if random.integers(4)
        }
        return pickle.dumps(broken)

    def play(self, signal, block=None):
        block = block or self.block
        pieces = [
            self.host.process(signal[:, at : at + block]) for at in range(0, signal.shape[1], block)
        ]
        return np.concatenate(pieces, axis=1)


@contextmanager
def instance(format, channels=2, rate=RATE, block=512):
    file = plugin_file(f"nnbridge.{format}")
    if format == "vst3":
        host = vst3_host.plugin(file, GATE, channels=channels)
    elif format == "clap":
        host = clap_host.plugin(file, channels=channels)
    else:
        host = lv2_host.plugin(file, rate, block, channels=channels)
    with host as made:
        yield Instance(format, made, block)
