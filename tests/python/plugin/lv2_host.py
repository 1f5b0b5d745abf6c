# SPDX-License-Identifier: MIT
"""A host of LV2 plugins, as far as the tests need one, written from LV2's documentation."""

import ctypes as c
import re
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .pace import silence_until

LV2 = "http://lv2plug.in/ns/"
ATOM = LV2 + "ext/atom#"


class _Descriptor(c.Structure):
    _fields_ = [
        ("uri", c.c_char_p),
        (
            "instantiate",
            c.CFUNCTYPE(c.c_void_p, c.c_void_p, c.c_double, c.c_char_p, c.c_void_p),
        ),
        ("connect_port", c.CFUNCTYPE(None, c.c_void_p, c.c_uint32, c.c_void_p)),
        ("activate", c.CFUNCTYPE(None, c.c_void_p)),
        ("run", c.CFUNCTYPE(None, c.c_void_p, c.c_uint32)),
        ("deactivate", c.CFUNCTYPE(None, c.c_void_p)),
        ("cleanup", c.CFUNCTYPE(None, c.c_void_p)),
        ("extension_data", c.CFUNCTYPE(c.c_void_p, c.c_char_p)),
    ]


class _Feature(c.Structure):
    _fields_ = [("uri", c.c_char_p), ("data", c.c_void_p)]


class _Map(c.Structure):
    _fields_ = [
        ("handle", c.c_void_p),
        ("map", c.CFUNCTYPE(c.c_uint32, c.c_void_p, c.c_char_p)),
    ]


class _Schedule(c.Structure):
    _fields_ = [
        ("handle", c.c_void_p),
        ("schedule", c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_uint32, c.c_void_p)),
    ]


class _Option(c.Structure):
    _fields_ = [
        ("context", c.c_uint32),
        ("subject", c.c_uint32),
        ("key", c.c_uint32),
        ("size", c.c_uint32),
        ("type", c.c_uint32),
        ("value", c.c_void_p),
    ]


_Store = c.CFUNCTYPE(
    c.c_int, c.c_void_p, c.c_uint32, c.c_void_p, c.c_size_t, c.c_uint32, c.c_uint32
)
_Retrieve = c.CFUNCTYPE(
    c.c_void_p,
    c.c_void_p,
    c.c_uint32,
    c.POINTER(c.c_size_t),
    c.POINTER(c.c_uint32),
    c.POINTER(c.c_uint32),
)


class _State(c.Structure):
    _fields_ = [
        (
            name,
            c.CFUNCTYPE(c.c_int, c.c_void_p, call, c.c_void_p, c.c_uint32, c.c_void_p),
        )
        for name, call in (("save", _Store), ("restore", _Retrieve))
    ]


class _Work(c.Structure):
    _fields_ = [
        (
            "work",
            c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.c_void_p, c.c_uint32, c.c_void_p),
        )
    ]


def ports(bundle: Path) -> dict[str, int]:
    """Symbols and numbers, from the bundle's description."""
    text = "".join(path.read_text() for path in bundle.glob("*.ttl"))
    found = re.findall(r'lv2:index (\d+) ;.*?lv2:symbol "(\w+)" ;', text, re.S)
    return {symbol: int(index) for index, symbol in found}


def ranges(bundle: Path) -> dict[str, tuple[float, float]]:
    """Of the controls that can be turned, by their symbols."""
    text = "".join(path.read_text() for path in bundle.glob("*.ttl"))
    found = re.findall(
        r"lv2:InputPort, lv2:ControlPort ;.*?lv2:symbol \"(\w+)\" ;"
        r".*?lv2:minimum (-?[\d.]+) ;.*?lv2:maximum (-?[\d.]+) ;",
        text,
        re.S,
    )
    return {symbol: (float(low), float(high)) for symbol, low, high in found}


class Plugin:
    """An instance in a host that lends it all that it requires. `channels=1`: the right sides stay
    unconnected."""

    def __init__(
        self,
        bundle: Path,
        rate: float,
        block: int,
        channels: int = 2,
        gate: c.CDLL | None = None,
    ) -> None:
        self.channels = channels
        self._gate = gate
        self._block = block
        self._uris: list[bytes] = []
        self._library = c.CDLL(str(bundle / "nnbridge.so"))
        self._library.lv2_descriptor.restype = c.POINTER(_Descriptor)
        self.calls = self._library.lv2_descriptor(0).contents
        self._map = _Map(None, _Map._fields_[1][1](lambda _, uri: self.urid(uri)))
        self._scheduled: list[bytes] = []
        self._schedule = _Schedule(None, _Schedule._fields_[1][1](self._keep_work))
        length = c.c_int32(block)
        self._options = (_Option * 2)(
            _Option(
                0,
                0,
                self.urid(f"{LV2}ext/buf-size#maxBlockLength"),
                4,
                self.urid(ATOM + "Int"),
                c.cast(c.byref(length), c.c_void_p),
            )
        )
        features = [
            _Feature(f"{LV2}ext/{name}".encode(), c.cast(c.byref(data), c.c_void_p))
            for name, data in (
                ("urid#map", self._map),
                ("worker#schedule", self._schedule),
                ("options#options", self._options),
            )
        ]
        pointers = (c.c_void_p * 4)(*(c.addressof(feature) for feature in features))
        self.handle = self.calls.instantiate(
            c.byref(self.calls), rate, f"{bundle}/".encode(), pointers
        )
        assert self.handle
        self._state = self._extension("state#interface", _State)
        self._worker = self._extension("worker#interface", _Work)
        self.ports = ports(bundle)
        self.controls: dict[str, c.c_float] = {}
        self._audio = np.zeros((4, block), np.float32)
        self._atoms = [(c.c_uint32 * 1024)() for _ in range(2)]
        audio = ["lv2_audio_in_1", "lv2_audio_in_2", "lv2_audio_out_1", "lv2_audio_out_2"]
        defaults = self._defaults(bundle)
        for symbol, index in self.ports.items():
            if symbol in audio and symbol.endswith("2") and channels == 1:
                self.calls.connect_port(self.handle, index, None)
            elif symbol in audio:
                row = self._audio[audio.index(symbol)]
                self.calls.connect_port(self.handle, index, row.ctypes.data)
            elif symbol in ("lv2_events_in", "lv2_events_out"):
                atom = self._atoms[symbol == "lv2_events_out"]
                self.calls.connect_port(self.handle, index, c.cast(atom, c.c_void_p))
            else:
                self.controls[symbol] = c.c_float(defaults.get(symbol, 0.0))
                self.calls.connect_port(
                    self.handle, index, c.cast(c.byref(self.controls[symbol]), c.c_void_p)
                )
        self.active = False

    @staticmethod
    def _defaults(bundle):
        text = "".join(path.read_text() for path in bundle.glob("*.ttl"))
        number = r"(-?[\d.]+)"
        found = re.findall(rf'lv2:symbol "(\w+)" ;[^\[\]]*?lv2:default {number} ;', text)
        return {symbol: float(value) for symbol, value in found}

    def urid(self, uri: str | bytes) -> int:
        uri = uri.encode() if isinstance(uri, str) else uri
        if uri not in self._uris:
            self._uris.append(uri)
        return self._uris.index(uri) + 1

    def _extension(self, name, structure):
        address = self.calls.extension_data(f"{LV2}ext/{name}".encode())
        return c.cast(address, c.POINTER(structure)).contents

    def _keep_work(self, _, size, data):
        self._scheduled.append(c.string_at(data, size))
        return 0

    @property
    def state(self) -> dict[int, tuple[bytes, int]]:
        kept: dict[int, tuple[bytes, int]] = {}

        def store(_, key, value, size, kind, flags):
            kept[key] = (c.string_at(value, size), kind)
            return 0

        assert self._state.save(self.handle, _Store(store), None, 0, None) == 0
        return kept

    def load(self, state: dict[int, tuple[bytes, int]], anyhow: bool = False) -> None:
        """`anyhow`: it may be refused."""
        kept = {key: (c.create_string_buffer(value), kind) for key, (value, kind) in state.items()}

        def retrieve(_, key, size, kind, flags):
            if key not in kept:
                return None
            value, of = kept[key]
            size[0], kind[0], flags[0] = len(value) - 1, of, 3
            return c.addressof(value)

        done = self._state.restore(self.handle, _Retrieve(retrieve), None, 0, None)
        assert done == 0 or anyhow

    def set_model(self, path: Path) -> None:
        state = self.state
        for uri in self._uris:
            if uri.endswith(b"#model"):
                key = self.urid(uri)
                state[key] = (str(path).encode() + b"\0", state[key][1])
        self.load(state)

    def activate(self, offline: bool = True) -> None:
        self.controls["lv2_freewheel"].value = float(offline)
        self.calls.activate(self.handle)
        self.active = True

    def deactivate(self) -> None:
        self.calls.deactivate(self.handle)
        self.active = False

    def process(self, signal: np.ndarray) -> np.ndarray:
        """One call of at most `block` frames; `signal` is [channels, frames]."""
        frames = signal.shape[1]
        self._audio[: self.channels, :frames] = signal
        self._audio[2:] = np.nan
        sequence, chunk = self.urid(ATOM + "Sequence"), self.urid(ATOM + "Chunk")
        self._atoms[0][:4] = [8, sequence, 0, 0]
        self._atoms[1][:4] = [4000, chunk, 0, 0]
        if self._gate is None:
            self.calls.run(self.handle, frames)
        else:
            run = c.cast(self.calls.run, c.c_void_p)
            self._gate.gate_run(run, c.c_void_p(self.handle), frames)
        for work in self._scheduled:
            self._worker.work(self.handle, None, None, len(work), work)
        self._scheduled.clear()
        return self._audio[2 : 2 + self.channels, :frames].copy()

    def send_model(self, path: Path, signal: np.ndarray) -> np.ndarray:
        """As a host's window does: an atom with the path, in the next call."""
        uri = next(uri for uri in self._uris if uri.endswith(b"#model"))
        value = str(path).encode() + b"\0"
        words = [self.urid(uri)]

        def atom(kind, body):
            size = np.array([len(body), self.urid(kind)], np.uint32).tobytes()
            return size + body + b"\0" * (-len(body) % 8)

        def entry(key, kind, body):
            key = np.array([self.urid(LV2 + "ext/patch#" + key), 0], np.uint32).tobytes()
            return key + atom(ATOM + kind, body)

        head = np.array([0, self.urid(LV2 + "ext/patch#Set")], np.uint32).tobytes()
        body = head + entry("property", "URID", np.array(words, np.uint32).tobytes())
        body += entry("value", "Path", value)
        return self.send(atom(ATOM + "Object", body), signal)

    def send(self, message: bytes, signal: np.ndarray) -> np.ndarray:
        """One call with an atom for the plugin."""
        event = np.zeros(1, np.int64).tobytes() + message + b"\0" * (-len(message) % 8)
        frames = signal.shape[1]
        self._audio[:2, :frames] = signal
        data = np.frombuffer(event, np.uint32)
        self._atoms[0][:4] = [8 + len(event), self.urid(ATOM + "Sequence"), 0, 0]
        self._atoms[0][4 : 4 + len(data)] = [int(word) for word in data]
        self._atoms[1][:4] = [4000, self.urid(ATOM + "Chunk"), 0, 0]
        self.calls.run(self.handle, frames)
        for work in self._scheduled:
            self._worker.work(self.handle, None, None, len(work), work)
        self._scheduled.clear()
        return self._audio[2:, :frames].copy()

    @property
    def latency(self) -> int:
        return int(self.controls["lv2_latency"].value)

    def play(self, signal: np.ndarray, block: int = 512) -> np.ndarray:
        pieces = [
            self.process(signal[:, at : at + block]) for at in range(0, signal.shape[1], block)
        ]
        return np.concatenate(pieces, axis=1)

    def wait_for(self, status: int, seconds: float = 60.0) -> None:
        silence_until(self, lambda: self.controls["status"].value, status, self._block, seconds)

    def close(self) -> None:
        if self.active:
            self.deactivate()
        self.calls.cleanup(self.handle)


@contextmanager
def plugin(bundle: Path, rate: float, block: int, **options):
    instance = Plugin(bundle, rate, block, **options)
    try:
        yield instance
    finally:
        instance.close()
