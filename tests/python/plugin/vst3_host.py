# SPDX-License-Identifier: MIT
"""A host of VST3 plugins that runs them in real time, which pedalboard can't. As far as the tests
need one, written from VST3's documentation. The parameter lists of a process call are in gate.cpp.
"""

import ctypes as c
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .dpf_state import with_model
from .pace import silence_until

REALTIME, OFFLINE = 0, 2
LATENCY_CHANGED, VALUES_CHANGED, TITLES_CHANGED = 8, 4, 16
MONO, STEREO = 1 << 19, 3


def _interface(*parts):
    return b"".join(part.to_bytes(4, "big") for part in parts)


COMPONENT = _interface(0xE831FF31, 0xF2D54301, 0x928EBBEE, 0x25697802)
PROCESSOR = _interface(0x42043F99, 0xB7DA453C, 0xA569E79D, 0x9AAEC33D)
CONTROLLER = _interface(0xDCD7BBE3, 0x7742448D, 0xA874AACC, 0x979C759E)


class _ClassInfo(c.Structure):
    _fields_ = [
        ("id", c.c_char * 16),
        ("cardinality", c.c_int32),
        ("category", c.c_char * 32),
        ("name", c.c_char * 64),
    ]


class _ParamInfo(c.Structure):
    _fields_ = [
        ("id", c.c_uint32),
        ("title", c.c_uint16 * 128),
        ("short_title", c.c_uint16 * 128),
        ("units", c.c_uint16 * 128),
        ("steps", c.c_int32),
        ("default", c.c_double),
        ("unit", c.c_int32),
        ("flags", c.c_int32),
    ]


class _Setup(c.Structure):
    _fields_ = [
        ("mode", c.c_int32),
        ("sample_size", c.c_int32),
        ("most_frames", c.c_int32),
        ("rate", c.c_double),
    ]


class _Bus(c.Structure):
    _fields_ = [
        ("channels", c.c_int32),
        ("silence", c.c_uint64),
        ("buffers", c.POINTER(c.c_void_p)),
    ]


class _Data(c.Structure):
    _fields_ = [
        ("mode", c.c_int32),
        ("sample_size", c.c_int32),
        ("frames", c.c_int32),
        ("input_count", c.c_int32),
        ("output_count", c.c_int32),
        ("inputs", c.POINTER(_Bus)),
        ("outputs", c.POINTER(_Bus)),
        ("input_changes", c.c_void_p),
        ("output_changes", c.c_void_p),
        ("input_events", c.c_void_p),
        ("output_events", c.c_void_p),
        ("context", c.c_void_p),
    ]


def _text(units):
    return bytes(units).decode("utf-16-le").split("\0")[0]


class Object:
    """A COM object: its methods by number."""

    def __init__(self, address: int) -> None:
        self.address = address

    def function(self, index: int) -> int:
        table = c.cast(self.address, c.POINTER(c.POINTER(c.c_void_p))).contents
        return table[index]

    def call(self, index, *arguments, result=c.c_int32):
        kind = c.CFUNCTYPE(result, c.c_void_p, *(type(argument) for argument in arguments))
        return kind(self.function(index))(self.address, *arguments)

    def query(self, interface: bytes) -> "Object":
        found = c.c_void_p()
        assert self.call(0, c.c_char_p(interface), c.pointer(found)) == 0
        return Object(found.value)

    def release(self) -> None:
        self.call(2, result=c.c_uint32)


class _Served:
    """An object of the host's, from Python functions in the order of the interface's methods."""

    def __init__(self, *functions) -> None:
        nothing = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_void_p, c.c_void_p)(lambda *_: -1)
        count = c.CFUNCTYPE(c.c_uint32, c.c_void_p)(lambda _: 1)
        self._calls = [nothing, count, count, *functions]
        self._table = (c.c_void_p * len(self._calls))(
            *(c.cast(call, c.c_void_p).value for call in self._calls)
        )
        self._object = c.c_void_p(c.addressof(self._table))
        self.address = c.addressof(self._object)


class Plugin:
    """An instance on a stereo track, or a mono one. `hand_back=False`: a host that keeps to itself
    what the processor tells of read-only parameters."""

    def __init__(self, bundle: Path, gate: Path, channels: int = 2, hand_back: bool = True) -> None:
        self._hand_back = hand_back
        self._gate = c.CDLL(str(gate))
        for name in ("changes_in", "changes_out"):
            getattr(self._gate, name).restype = c.c_void_p
        self._gate.changes_take.restype = c.c_bool
        self._library = c.CDLL(str(next(bundle.glob("Contents/*-linux/nnbridge.so"))))
        self._library.ModuleEntry(None)
        self._library.GetPluginFactory.restype = c.c_void_p
        factory = Object(self._library.GetPluginFactory())
        for index in range(factory.call(4)):
            info = _ClassInfo()
            assert factory.call(5, c.c_int32(index), c.pointer(info)) == 0
            if info.category == b"Audio Module Class":
                break
        component = c.c_void_p()
        identity = c.string_at(c.addressof(info), 16)
        assert (
            factory.call(6, c.c_char_p(identity), c.c_char_p(COMPONENT), c.pointer(component)) == 0
        )
        self.component = Object(component.value)
        assert self.component.call(3, c.c_void_p(None)) == 0
        self.processor = self.component.query(PROCESSOR)
        self.controller = self.component.query(CONTROLLER)
        self.restarts = 0
        edit = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_uint32)(lambda *_: 0)
        perform = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_uint32, c.c_double)(lambda *_: 0)
        restart = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_int32)(self._restart)
        self._handler = _Served(edit, perform, edit, restart)
        self.controller.call(16, c.c_void_p(self._handler.address))
        self.channels = channels
        arrangement = STEREO if channels == 2 else MONO
        assert self.arrange(arrangement, arrangement)
        self._turned: list[tuple[int, float]] = []
        self.names = {name: info.id for name, info in self.parameters().items()}
        self.active = False

    def _restart(self, _, flags):
        self.restarts |= flags
        return 0

    def parameters(self) -> dict[str, _ParamInfo]:
        found = {}
        for index in range(self.controller.call(8)):
            info = _ParamInfo()
            assert self.controller.call(9, c.c_int32(index), c.pointer(info)) == 0
            found[_text(info.title)] = info
        return found

    def arrange(self, into: int, out: int) -> bool:
        """Asks for channels going in and coming out: bits, one for each."""
        rows = [c.pointer(c.c_uint64(channels)) for channels in (into, out)]
        return self.processor.call(3, rows[0], c.c_int32(1), rows[1], c.c_int32(1)) == 0

    def arrangement(self, direction: int) -> int:
        channels = c.c_uint64()
        where = (c.c_int32(direction), c.c_int32(0))
        assert self.processor.call(4, *where, c.pointer(channels)) == 0
        return channels.value

    def get(self, name: str) -> float:
        """From 0 to 1."""
        return self.controller.call(14, c.c_uint32(self.names[name]), result=c.c_double)

    def text(self, name: str) -> str:
        return self.text_of(name, self.get(name))

    def text_of(self, name: str, value: float) -> str:
        """Of a value from 0 to 1."""
        units = (c.c_uint16 * 128)()
        identity = c.c_uint32(self.names[name])
        assert self.controller.call(10, identity, c.c_double(value), c.pointer(units)) == 0
        return _text(units)

    def value_of(self, name: str, text: str) -> float:
        units = (c.c_uint16 * 128)(*text.encode("utf-16-le")[::2])
        number = c.c_double()
        identity = c.c_uint32(self.names[name])
        assert self.controller.call(11, identity, c.pointer(units), c.pointer(number)) == 0
        return number.value

    def set(self, name: str, value: float | str) -> None:
        """With the next call; from 0 to 1, or a text."""
        identity = self.names[name]
        if isinstance(value, str):
            value = self.value_of(name, value)
        self._turned.append((identity, value))

    @property
    def latency(self) -> int:
        return self.processor.call(6, result=c.c_uint32)

    @property
    def state(self) -> bytes:
        parts: list[bytes] = []

        def write(_, data, size, written):
            size = min(size, 100)
            parts.append(c.string_at(data, size))
            written[0] = size
            return 0

        self._with_stream(13, lambda *_: -1, write)
        return b"".join(parts)

    def load(self, state: bytes, anyhow: bool = False) -> None:
        """`anyhow`: it may be refused."""
        left = [state]

        def read(_, data, size, count):
            part, left[0] = left[0][: min(size, 90)], left[0][min(size, 90) :]
            c.memmove(data, part, len(part))
            count[0] = len(part)
            return 0

        self._with_stream(12, read, lambda *_: -1, anyhow)

    def _with_stream(self, index, read, write, anyhow=False):
        transfer = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_void_p, c.c_int32, c.POINTER(c.c_int32))
        stream = _Served(transfer(read), transfer(write))
        assert self.component.call(index, c.c_void_p(stream.address)) == 0 or anyhow

    def set_model(self, path: Path) -> None:
        self.load(with_model(self.state, path))

    def activate(self, rate: float, block: int, offline: bool = False) -> None:
        self._mode = OFFLINE if offline else REALTIME
        self._data = None
        setup = _Setup(self._mode, 0, block, rate)
        assert self.processor.call(7, c.pointer(setup)) == 0
        for direction in (0, 1):
            self.component.call(10, c.c_int32(0), c.c_int32(direction), c.c_int32(0), c.c_uint8(1))
        assert self.component.call(11, c.c_uint8(1)) == 0
        self.processor.call(8, c.c_uint8(1))
        self.active = True

    def deactivate(self) -> None:
        self.processor.call(8, c.c_uint8(0))
        self.component.call(11, c.c_uint8(0))
        self.active = False

    def renew(self) -> None:
        """Has it end, and begin again."""
        assert self.component.call(4) == 0
        assert self.component.call(3, c.c_void_p(None)) == 0

    def flush(self) -> None:
        """A call for parameters alone, with no bus at all."""
        for identity, value in self._turned:
            self._gate.changes_add(c.c_uint32(identity), c.c_double(value))
        self._turned.clear()
        data = _Data(self._mode, 0, 0, 0, 0)
        data.input_changes = self._gate.changes_in()
        assert self.processor.call(9, c.pointer(data)) == 0
        self._gate.changes_clear()

    def process(self, signal: np.ndarray) -> np.ndarray:
        """One call, in place; `signal` is [channels, frames]."""
        sound = np.ascontiguousarray(signal, dtype=np.float32).copy()
        rows = (c.c_void_p * len(sound))(*(row.ctypes.data for row in sound))
        bus = _Bus(len(sound), 0, rows)
        for identity, value in self._turned:
            self._gate.changes_add(c.c_uint32(identity), c.c_double(value))
        self._turned.clear()
        data = _Data(self._mode, 0, sound.shape[1], 1, 1, c.pointer(bus), c.pointer(bus))
        data.input_changes = self._gate.changes_in()
        data.output_changes = self._gate.changes_out()
        process = c.c_void_p(self.processor.function(9))
        result = self._gate.gate_process(process, c.c_void_p(self.processor.address), c.byref(data))
        assert result == 0
        self._gate.changes_clear()
        # What the processor tells goes to the controller, on the main thread.
        identity, value = c.c_uint32(), c.c_double()
        while self._gate.changes_take(c.byref(identity), c.byref(value)):
            if self._hand_back:
                self.controller.call(15, identity, value)
        return sound

    def wait_for(self, status: str, block: int, seconds: float = 60.0) -> None:
        silence_until(self, lambda: self.text("Status"), status, block, seconds)

    def close(self) -> None:
        if self.active:
            self.deactivate()
        self.controller.call(16, c.c_void_p(None))
        self.controller.release()
        self.processor.release()
        self.component.call(4)
        self.component.release()


@contextmanager
def plugin(bundle: Path, gate: Path, **options):
    instance = Plugin(bundle, gate, **options)
    try:
        yield instance
    finally:
        instance.close()
