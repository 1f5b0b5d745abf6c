# SPDX-License-Identifier: MIT
"""A host of CLAP plugins, as far as the tests need one, written from CLAP's documentation.

It processes on the calling thread, offline or in real time, and keeps its thread promises: what
belongs to the main thread is called between two calls of `process`, on the same thread.
"""

import ctypes as c
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .dpf_state import with_model
from .pace import silence_until

PARAM_VALUE = 5  # CLAP_EVENT_PARAM_VALUE
OFFLINE = 1  # CLAP_RENDER_OFFLINE


def _method(result, *arguments):
    return c.CFUNCTYPE(result, c.c_void_p, *arguments)


class _Version(c.Structure):
    _fields_ = [("major", c.c_uint32), ("minor", c.c_uint32), ("revision", c.c_uint32)]


class _Entry(c.Structure):
    _fields_ = [
        ("version", _Version),
        ("init", c.CFUNCTYPE(c.c_bool, c.c_char_p)),
        ("deinit", c.CFUNCTYPE(None)),
        ("get_factory", c.CFUNCTYPE(c.c_void_p, c.c_char_p)),
    ]


class _Factory(c.Structure):
    _fields_ = [
        ("count", _method(c.c_uint32)),
        ("descriptor", _method(c.c_void_p, c.c_uint32)),
        ("create", _method(c.c_void_p, c.c_void_p, c.c_char_p)),
    ]


class _Descriptor(c.Structure):
    _fields_ = [("version", _Version), ("id", c.c_char_p), ("name", c.c_char_p)]


class _Host(c.Structure):
    _fields_ = [
        ("version", _Version),
        ("data", c.c_void_p),
        ("name", c.c_char_p),
        ("vendor", c.c_char_p),
        ("url", c.c_char_p),
        ("version_text", c.c_char_p),
        ("get_extension", _method(c.c_void_p, c.c_char_p)),
        ("request_restart", _method(None)),
        ("request_process", _method(None)),
        ("request_callback", _method(None)),
    ]


class _Plugin(c.Structure):
    _fields_ = [
        ("descriptor", c.c_void_p),
        ("data", c.c_void_p),
        ("init", _method(c.c_bool)),
        ("destroy", _method(None)),
        ("activate", _method(c.c_bool, c.c_double, c.c_uint32, c.c_uint32)),
        ("deactivate", _method(None)),
        ("start_processing", _method(c.c_bool)),
        ("stop_processing", _method(None)),
        ("reset", _method(None)),
        ("process", _method(c.c_int32, c.c_void_p)),
        ("get_extension", _method(c.c_void_p, c.c_char_p)),
        ("on_main_thread", _method(None)),
    ]


class _Buffer(c.Structure):
    _fields_ = [
        ("data32", c.POINTER(c.c_void_p)),
        ("data64", c.c_void_p),
        ("channels", c.c_uint32),
        ("latency", c.c_uint32),
        ("constant", c.c_uint64),
    ]


class _Header(c.Structure):
    _fields_ = [
        ("size", c.c_uint32),
        ("time", c.c_uint32),
        ("space", c.c_uint16),
        ("type", c.c_uint16),
        ("flags", c.c_uint32),
    ]


class _ParamValue(c.Structure):
    _fields_ = [
        ("header", _Header),
        ("param", c.c_uint32),
        ("cookie", c.c_void_p),
        ("note", c.c_int32),
        ("port", c.c_int16),
        ("channel", c.c_int16),
        ("key", c.c_int16),
        ("value", c.c_double),
    ]


class _InEvents(c.Structure):
    _fields_ = [
        ("context", c.c_void_p),
        ("size", _method(c.c_uint32)),
        ("get", _method(c.c_void_p, c.c_uint32)),
    ]


class _Listed(c.Structure):
    """The context of the event list in gate.cpp."""

    _fields_ = [("count", c.c_uint32), ("events", c.c_void_p * 64)]


class _OutEvents(c.Structure):
    _fields_ = [("context", c.c_void_p), ("push", _method(c.c_bool, c.c_void_p))]


class _Process(c.Structure):
    _fields_ = [
        ("steady_time", c.c_int64),
        ("frames", c.c_uint32),
        ("transport", c.c_void_p),
        ("inputs", c.POINTER(_Buffer)),
        ("outputs", c.POINTER(_Buffer)),
        ("input_count", c.c_uint32),
        ("output_count", c.c_uint32),
        ("in_events", c.POINTER(_InEvents)),
        ("out_events", c.POINTER(_OutEvents)),
    ]


class _ParamInfo(c.Structure):
    _fields_ = [
        ("id", c.c_uint32),
        ("flags", c.c_uint32),
        ("cookie", c.c_void_p),
        ("name", c.c_char * 256),
        ("module", c.c_char * 1024),
        ("minimum", c.c_double),
        ("maximum", c.c_double),
        ("default", c.c_double),
    ]


class _Params(c.Structure):
    _fields_ = [
        ("count", _method(c.c_uint32)),
        ("info", _method(c.c_bool, c.c_uint32, c.POINTER(_ParamInfo))),
        ("value", _method(c.c_bool, c.c_uint32, c.POINTER(c.c_double))),
        ("to_text", _method(c.c_bool, c.c_uint32, c.c_double, c.c_char_p, c.c_uint32)),
        ("to_value", _method(c.c_bool, c.c_uint32, c.c_char_p, c.POINTER(c.c_double))),
        ("flush", _method(None, c.POINTER(_InEvents), c.POINTER(_OutEvents))),
    ]


class _Stream(c.Structure):
    """For reading and writing alike."""

    _fields_ = [
        ("context", c.c_void_p),
        ("transfer", _method(c.c_int64, c.c_void_p, c.c_uint64)),
    ]


class _State(c.Structure):
    _fields_ = [
        ("save", _method(c.c_bool, c.POINTER(_Stream))),
        ("load", _method(c.c_bool, c.POINTER(_Stream))),
    ]


class _Latency(c.Structure):
    _fields_ = [("get", _method(c.c_uint32))]


class _Config(c.Structure):
    _fields_ = [
        ("id", c.c_uint32),
        ("name", c.c_char * 256),
        ("input_ports", c.c_uint32),
        ("output_ports", c.c_uint32),
        ("has_main_input", c.c_bool),
        ("main_input_channels", c.c_uint32),
        ("main_input_type", c.c_char_p),
        ("has_main_output", c.c_bool),
        ("main_output_channels", c.c_uint32),
        ("main_output_type", c.c_char_p),
    ]


class _Configs(c.Structure):
    _fields_ = [
        ("count", _method(c.c_uint32)),
        ("get", _method(c.c_bool, c.c_uint32, c.POINTER(_Config))),
        ("select", _method(c.c_bool, c.c_uint32)),
    ]


class _Port(c.Structure):
    _fields_ = [
        ("id", c.c_uint32),
        ("name", c.c_char * 256),
        ("flags", c.c_uint32),
        ("channels", c.c_uint32),
        ("type", c.c_char_p),
        ("pair", c.c_uint32),
    ]


class _Ports(c.Structure):
    _fields_ = [
        ("count", _method(c.c_uint32, c.c_bool)),
        ("get", _method(c.c_bool, c.c_uint32, c.c_bool, c.POINTER(_Port))),
    ]


class _Render(c.Structure):
    _fields_ = [("hard_real_time", _method(c.c_bool)), ("set", _method(c.c_bool, c.c_int32))]


def _at(address, structure):
    return c.cast(address, c.POINTER(structure)).contents


class Library:
    """A .clap file, open."""

    def __init__(self, path: Path) -> None:
        self._path = str(path).encode()
        self._entry = _Entry.in_dll(c.CDLL(str(path)), "clap_entry")
        assert self._entry.init(self._path)
        self.factory = _at(self._entry.get_factory(b"clap.plugin-factory"), _Factory)
        self.address = c.addressof(self.factory)
        assert self.factory.count(self.address) == 1

    def plugin(self) -> "Plugin":
        return Plugin(self)

    def close(self) -> None:
        self._entry.deinit()


class Plugin:
    """An instance. `channels`: of its track, 2 or 1. `extensions=False`: the host has none to
    offer. `gate`: calls `process` through that library (gate.cpp), with no Python underneath; then
    `told` stays empty."""

    def __init__(
        self,
        library: Library,
        channels: int = 2,
        extensions: bool = True,
        gate: c.CDLL | None = None,
    ) -> None:
        self.channels = channels
        self.restarts = self.callbacks = self.latency_changes = self.rescans = 0
        self._keep: list[object] = []
        self._host = _Host(_Version(1, 1, 1), None, b"tests", b"nnbridge", b"", b"1")
        self._offered = self._extensions() if extensions else {}
        self._host.get_extension = self._held(
            _Host, "get_extension", lambda _, name: self._offered.get(name)
        )
        self._host.request_restart = self._held(_Host, "request_restart", self._count("restarts"))
        self._host.request_process = self._held(_Host, "request_process", lambda _: None)
        self._host.request_callback = self._held(
            _Host, "request_callback", self._count("callbacks")
        )
        if gate is not None:
            for name in ("request_restart", "request_process", "request_callback"):
                setattr(self._host, name, c.cast(gate.request_nothing, _method(None)))
        descriptor = _at(library.factory.descriptor(library.address, 0), _Descriptor)
        self.id = descriptor.id.decode()
        self.address = library.factory.create(
            library.address, c.addressof(self._host), descriptor.id
        )
        self.calls = _at(self.address, _Plugin)
        assert self.calls.init(self.address)
        self.params = self._extension(b"clap.params", _Params)
        self._state = self._extension(b"clap.state", _State)
        self._latency = self._extension(b"clap.latency", _Latency)
        self._render = self._extension(b"clap.render", _Render)
        self.told: dict[str, float] = {}
        self._queue: list[_ParamValue] = []
        self._in = _InEvents(
            None,
            self._held(_InEvents, "size", lambda _: len(self._queue)),
            self._held(_InEvents, "get", lambda _, i: c.addressof(self._queue[i])),
        )
        self._out = _OutEvents(None, self._held(_OutEvents, "push", self._hear))
        self._gate = gate
        if gate is not None:
            self._listed = _Listed()
            self._in.context = c.addressof(self._listed)
            self._in.size = c.cast(gate.events_size, _method(c.c_uint32))
            self._in.get = c.cast(gate.events_get, _method(c.c_void_p, c.c_uint32))
            self._out.push = c.cast(gate.events_push, _method(c.c_bool, c.c_void_p))
        self.time = 0
        self.active = False
        self.names = self.parameters()
        if channels == 1:
            self._make_mono()

    def _make_mono(self) -> None:
        configs = self._extension(b"clap.audio-ports-config", _Configs)
        ports = self._extension(b"clap.audio-ports", _Ports)
        for index in range(configs.count(self.address)):
            config = _Config()
            assert configs.get(self.address, index, c.byref(config))
            assert (config.input_ports, config.output_ports) == (1, 1)
            if config.main_input_channels == config.main_output_channels == 1:
                assert configs.select(self.address, config.id)
        for is_input in (True, False):
            port = _Port()
            assert ports.count(self.address, is_input) == 1
            assert ports.get(self.address, 0, is_input, c.byref(port))
            assert (port.channels, port.type) == (1, b"mono")

    def _held(self, structure, field, call):
        kind = dict(structure._fields_)[field]
        made = kind(call)
        self._keep.append(made)
        return made

    def _count(self, name):
        def count(_):
            setattr(self, name, getattr(self, name) + 1)

        return count

    def _extensions(self):
        """The host's side of `latency` and `params`."""
        latency = (c.c_void_p * 1)()
        params = (c.c_void_p * 3)()
        changed = _method(None)(self._count("latency_changes"))
        rescan = _method(None, c.c_uint32)(lambda *_: self._count("rescans")(None))
        other = _method(None, c.c_uint32, c.c_uint32)(lambda *_: None)
        flush = _method(None)(lambda _: None)
        self._keep += [latency, params, changed, rescan, other, flush]
        latency[0] = c.cast(changed, c.c_void_p)
        for index, call in enumerate((rescan, other, flush)):
            params[index] = c.cast(call, c.c_void_p)
        return {b"clap.latency": c.addressof(latency), b"clap.params": c.addressof(params)}

    def _extension(self, name, structure):
        return _at(self.calls.get_extension(self.address, name), structure)

    def _hear(self, _, event):
        header = _at(event, _Header)
        if header.type == PARAM_VALUE:
            value = _at(event, _ParamValue)
            self.told[self._by_id[value.param]] = value.value
        return True

    def parameters(self) -> dict[str, _ParamInfo]:
        found = {}
        for index in range(self.params.count(self.address)):
            info = _ParamInfo()
            assert self.params.info(self.address, index, c.byref(info))
            found[info.name.decode()] = info
        self._by_id = {info.id: name for name, info in found.items()}
        return found

    def get(self, name: str) -> float:
        value = c.c_double()
        assert self.params.value(self.address, self.names[name].id, c.byref(value))
        return value.value

    def text(self, name: str) -> str:
        return self.text_of(name, self.get(name))

    def text_of(self, name: str, value: float) -> str:
        text = c.create_string_buffer(256)
        assert self.params.to_text(self.address, self.names[name].id, value, text, 256)
        return text.value.decode()

    def value_of(self, name: str, text: str) -> float:
        number = c.c_double()
        identity = self.names[name].id
        assert self.params.to_value(self.address, identity, text.encode(), c.byref(number))
        return number.value

    def is_stepped(self, name: str) -> bool:
        return bool(self.names[name].flags & 1)  # CLAP_PARAM_IS_STEPPED

    def set(self, name: str, value: float | str) -> None:
        """At the beginning of the next call; at once where the plugin is not active."""
        info = self.names[name]
        if isinstance(value, str):
            value = self.value_of(name, value)
        header = _Header(c.sizeof(_ParamValue), 0, 0, PARAM_VALUE, 0)
        self._queue.append(_ParamValue(header, info.id, None, -1, -1, -1, -1, value))
        if not self.active:
            self.flush()

    def flush(self) -> None:
        self._list()
        self.params.flush(self.address, c.byref(self._in), c.byref(self._out))
        self._queue.clear()

    def _list(self) -> None:
        """For the gate's event list."""
        if self._gate is None:
            return
        self._listed.count = len(self._queue)
        for index, event in enumerate(self._queue):
            self._listed.events[index] = c.addressof(event)

    @property
    def latency(self) -> int:
        return self._latency.get(self.address)

    @property
    def state(self) -> bytes:
        parts: list[bytes] = []

        def write(_, data, size):
            size = min(size, 100)  # a host may take it in parts
            parts.append(c.string_at(data, size))
            return size

        stream = _Stream(None, dict(_Stream._fields_)["transfer"](write))
        assert self._state.save(self.address, c.byref(stream))
        return b"".join(parts)

    def load(self, state: bytes) -> bool:
        left = [state]

        def read(_, data, size):
            part, left[0] = left[0][: min(size, 90)], left[0][min(size, 90) :]
            c.memmove(data, part, len(part))
            return len(part)

        stream = _Stream(None, dict(_Stream._fields_)["transfer"](read))
        return self._state.load(self.address, c.byref(stream))

    def set_model(self, path: Path) -> None:
        assert self.load(with_model(self.state, path))

    def activate(self, rate: float, block: int, offline: bool = True) -> None:
        self._render.set(self.address, OFFLINE if offline else 0)
        assert self.calls.activate(self.address, rate, 1, block)
        assert self.calls.start_processing(self.address)
        self.active = True

    def deactivate(self) -> None:
        self.calls.stop_processing(self.address)
        self.calls.deactivate(self.address)
        self.active = False

    def reset(self) -> None:
        self.calls.reset(self.address)

    def process(self, signal: np.ndarray, in_place: bool = True) -> np.ndarray:
        """One call; `signal` is [channels, frames]."""
        given = np.ascontiguousarray(signal, dtype=np.float32).copy()
        taken = given if in_place else np.full_like(given, np.nan)
        buffers = [self._buffer(array) for array in (given, taken)]
        process = _Process(
            self.time,
            given.shape[1],
            None,
            c.pointer(buffers[0]),
            c.pointer(buffers[1]),
            1,
            1,
            c.pointer(self._in),
            c.pointer(self._out),
        )
        status = self._call(process)
        self._queue.clear()
        assert status != 0, "CLAP_PROCESS_ERROR"
        self.time += given.shape[1]
        while self.callbacks:
            self.callbacks = 0
            self.calls.on_main_thread(self.address)
        return taken

    def _call(self, process: _Process) -> int:
        if self._gate is None:
            return self.calls.process(self.address, c.addressof(process))
        self._list()
        call = c.cast(self.calls.process, c.c_void_p)
        return self._gate.gate_process(call, c.c_void_p(self.address), c.byref(process))

    @staticmethod
    def _buffer(array):
        rows = (c.c_void_p * len(array))(*(row.ctypes.data for row in array))
        return _Buffer(rows, None, len(array), 0, 0)

    def play(self, signal: np.ndarray, block: int = 512) -> np.ndarray:
        """All of it, in calls of up to `block` frames."""
        pieces = [
            self.process(signal[:, at : at + block]) for at in range(0, signal.shape[1], block)
        ]
        return np.concatenate(pieces, axis=1)

    def wait_for(self, status: str, block: int, seconds: float = 60.0) -> None:
        """Plays silence until the plugin says so."""
        silence_until(self, lambda: self.text("Status"), status, block, seconds)

    def close(self) -> None:
        if self.active:
            self.deactivate()
        self.calls.destroy(self.address)


@contextmanager
def plugin(path: Path, **options):
    library = Library(path)
    instance = Plugin(library, **options)
    try:
        yield instance
    finally:
        instance.close()
        library.close()
