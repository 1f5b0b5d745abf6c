# SPDX-License-Identifier: MIT
"""What a host does for a plugin's window: a display, a window to lie in, a timer, and a mouse."""

import ctypes as c
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageGrab

from . import clap_host, lv2_host

SIZE = (720, 448)
DESKTOP = [
    *(b"WM_PROTOCOLS", b"WM_STATE", b"WM_CHANGE_STATE", b"WM_DELETE_WINDOW", b"WM_TAKE_FOCUS"),
    *(b"_MOTIF_WM_HINTS", b"_NET_WM_PING", b"_NET_WM_PID", b"_NET_WM_STATE", b"_NET_WM_ICON"),
    *(b"_NET_WM_NAME", b"_NET_WM_WINDOW_TYPE", b"_NET_WM_WINDOW_TYPE_NORMAL", b"_XEMBED_INFO"),
    *(b"_NET_FRAME_EXTENTS", b"_WIN_HINTS", b"XdndAware", b"UTF8_STRING"),
]
LV2_UI = lv2_host.LV2 + "extensions/ui#"


class Screen:
    """A display that nobody sees, and a window on it for a plugin to lie in."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._x11 = c.CDLL("libX11.so.6")
        for call in ("XOpenDisplay", "XDefaultRootWindow", "XCreateSimpleWindow"):
            getattr(self._x11, call).restype = c.c_void_p
        self._display = c.c_void_p(self._x11.XOpenDisplay(name.encode()))
        root = c.c_void_p(self._x11.XDefaultRootWindow(self._display))
        self.window = self._x11.XCreateSimpleWindow(
            self._display, root, 0, 0, *SIZE, 0, c.c_ulong(0), c.c_ulong(0)
        )
        self._x11.XMapWindow(self._display, c.c_void_p(self.window))
        # JUCE takes a desktop for granted, and ends the process on a bare screen: where nobody
        # knows these words, or keeps a desktop's settings.
        for word in DESKTOP:
            self._x11.XInternAtom(self._display, word, 0)
        settings = c.c_ulong(self._x11.XInternAtom(self._display, b"_XSETTINGS_S0", 0))
        self._x11.XSetSelectionOwner(self._display, settings, c.c_void_p(self.window), c.c_ulong(0))
        self._x11.XSync(self._display, 0)

    def picture(self) -> Image.Image:
        return ImageGrab.grab(bbox=(0, 0, *SIZE), xdisplay=self.name).convert("RGB")

    def mouse(self, *words: str | int) -> None:
        environment = os.environ | {"DISPLAY": self.name}
        subprocess.run(["xdotool", *map(str, words)], check=True, env=environment)

    def click(self, x: float, y: float) -> None:
        self.mouse("mousemove", round(x), round(y), "click", 1)

    def close(self) -> None:
        self._x11.XCloseDisplay(self._display)


@contextmanager
def screen() -> Iterator[Screen]:
    read, write = os.pipe()
    words = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    server = subprocess.Popen(words, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as numbers:
            name = f":{numbers.readline().strip()}"
        before = os.environ.get("DISPLAY")
        os.environ["DISPLAY"] = name
        shown = Screen(name)
        yield shown
        shown.close()
        if before is None:
            del os.environ["DISPLAY"]
        else:
            os.environ["DISPLAY"] = before
    finally:
        server.terminate()
        server.wait()


def missing() -> str:
    """What this machine lacks to show a window, or nothing."""
    lacking = [tool for tool in ("Xvfb", "xdotool") if shutil.which(tool) is None]
    return ", ".join(lacking)


def run(tick: Callable[[], object], seconds: float = 0.4) -> None:
    """What a host's event loop does for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        tick()
        time.sleep(0.016)


def _method(result, *arguments):
    return c.CFUNCTYPE(result, c.c_void_p, *arguments)


class _ClapGui(c.Structure):
    _fields_ = [
        ("is_api_supported", _method(c.c_bool, c.c_char_p, c.c_bool)),
        ("get_preferred_api", c.c_void_p),
        ("create", _method(c.c_bool, c.c_char_p, c.c_bool)),
        ("destroy", _method(None)),
        ("set_scale", _method(c.c_bool, c.c_double)),
        ("get_size", _method(c.c_bool, c.POINTER(c.c_uint32), c.POINTER(c.c_uint32))),
        ("can_resize", _method(c.c_bool)),
        ("get_resize_hints", c.c_void_p),
        ("adjust_size", _method(c.c_bool, c.POINTER(c.c_uint32), c.POINTER(c.c_uint32))),
        ("set_size", _method(c.c_bool, c.c_uint32, c.c_uint32)),
        ("set_parent", _method(c.c_bool, c.c_void_p)),
        ("set_transient", c.c_void_p),
        ("suggest_title", c.c_void_p),
        ("show", _method(c.c_bool)),
        ("hide", _method(c.c_bool)),
    ]


class _ClapWindow(c.Structure):
    _fields_ = [("api", c.c_char_p), ("window", c.c_ulong)]


class ClapWindow:
    """A CLAP plugin's window in a host of ours."""

    def __init__(self, plugin: clap_host.Plugin, screen: Screen, scale: float = 1.0) -> None:
        self._plugin = plugin
        self.flushes = 0
        self.timers: set[int] = set()
        self._keep = [
            *self._offer(b"clap.gui", self._nothing(), self._yes_to_size(), *self._nothings(3)),
            *self._offer(
                b"clap.timer-support",
                _method(c.c_bool, c.c_uint32, c.POINTER(c.c_uint32))(self._register),
                _method(c.c_bool, c.c_uint32)(self._unregister),
            ),
        ]
        address = plugin.calls.get_extension(plugin.address, b"clap.gui")
        assert address, "no window: is the display there?"
        self._gui = c.cast(address, c.POINTER(_ClapGui)).contents
        timer = plugin.calls.get_extension(plugin.address, b"clap.timer-support")
        self._on_timer = _method(None, c.c_uint32)(c.cast(timer, c.POINTER(c.c_void_p))[0])
        assert self._gui.is_api_supported(plugin.address, b"x11", False)
        assert self._gui.create(plugin.address, b"x11", False)
        assert self._gui.set_scale(plugin.address, scale)
        window = _ClapWindow(b"x11", screen.window)
        self.opened = self._gui.set_parent(plugin.address, c.addressof(window))
        if self.opened:
            assert self._gui.show(plugin.address)

    def _offer(self, name, *calls):
        table = (c.c_void_p * len(calls))(*(c.cast(call, c.c_void_p).value for call in calls))
        self._plugin._offered[name] = c.addressof(table)
        return [table, *calls]

    @staticmethod
    def _nothing():
        return _method(None)(lambda *_: None)

    def _nothings(self, count):
        return [self._nothing() for _ in range(count)]

    @staticmethod
    def _yes_to_size():
        return _method(c.c_bool, c.c_uint32, c.c_uint32)(lambda *_: True)

    def _register(self, _, milliseconds, identity):
        number = len(self.timers)  # the first one is 0, which some plugins take for none
        self.timers.add(number)
        identity[0] = number
        return True

    def _unregister(self, _, identity):
        self.timers.discard(identity)
        return True

    @property
    def size(self) -> tuple[int, int]:
        width, height = c.c_uint32(), c.c_uint32()
        assert self._gui.get_size(self._plugin.address, c.byref(width), c.byref(height))
        return width.value, height.value

    def resize(self, width: int, height: int) -> None:
        assert self._gui.set_size(self._plugin.address, width, height)

    def tick(self) -> None:
        for timer in list(self.timers):
            self._on_timer(self._plugin.address, timer)
        if self._plugin.active:
            self._plugin.process(np.zeros((2, 512), np.float32))
        else:
            self._plugin.flush()

    def run(self, seconds: float = 0.4) -> None:
        run(self.tick, seconds)

    def close(self) -> None:
        self._gui.destroy(self._plugin.address)
        assert not self.timers


class _Lv2Ui(c.Structure):
    _fields_ = [
        ("uri", c.c_char_p),
        (
            "instantiate",
            c.CFUNCTYPE(
                *(c.c_void_p, c.c_void_p, c.c_char_p, c.c_char_p),
                *(c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p),
            ),
        ),
        ("cleanup", _method(None)),
        ("port_event", _method(None, c.c_uint32, c.c_uint32, c.c_uint32, c.c_void_p)),
        ("extension_data", c.CFUNCTYPE(c.c_void_p, c.c_char_p)),
    ]


class Lv2Window:
    """An LV2 plugin's window in a host of ours; `access` is whether that host lets it look into
    the plugin."""

    def __init__(self, plugin: lv2_host.Plugin, screen: Screen, access: bool = True) -> None:
        self._plugin = plugin
        self._messages: list[bytes] = []
        library = plugin._library
        library.lv2ui_descriptor.restype = c.POINTER(_Lv2Ui)
        self._ui = library.lv2ui_descriptor(0).contents
        self._write = _method(None, c.c_uint32, c.c_uint32, c.c_uint32, c.c_void_p)(self._hear)
        extension_data = c.cast(plugin.calls.extension_data, c.c_void_p)
        features = [
            ("ext/urid#map", c.addressof(plugin._map)),
            ("ext/options#options", c.addressof(plugin._options)),
            ("extensions/ui#parent", screen.window),
        ]
        if access:
            features += [
                ("ext/instance-access", plugin.handle),
                ("ext/data-access", c.addressof(extension_data)),
            ]
        made = [lv2_host._Feature(f"{lv2_host.LV2}{uri}".encode(), data) for uri, data in features]
        pointers = (c.c_void_p * (len(made) + 1))(*(c.addressof(feature) for feature in made))
        self._keep = [made, pointers, extension_data]
        widget = c.c_void_p()
        self.handle = self._ui.instantiate(
            c.addressof(self._ui),
            plugin.calls.uri,
            b"/",
            c.cast(self._write, c.c_void_p),
            None,
            c.addressof(widget),
            c.cast(pointers, c.c_void_p),
        )
        if not self.handle:
            return
        assert widget.value
        idle = self._ui.extension_data(f"{LV2_UI}idleInterface".encode())
        self._idle = _method(c.c_int)(c.cast(idle, c.POINTER(c.c_void_p))[0])
        for symbol, control in plugin.controls.items():
            self._tell(symbol, control.value)

    def _tell(self, symbol: str, value: float) -> None:
        number = c.c_float(value)
        self._ui.port_event(self.handle, self._plugin.ports[symbol], 4, 0, c.addressof(number))

    def _hear(self, _, port, size, protocol, data):
        if protocol == 0:
            value = c.cast(data, c.POINTER(c.c_float))[0]
            symbol = next(name for name, index in self._plugin.ports.items() if index == port)
            self._plugin.controls[symbol].value = value
        else:
            self._messages.append(c.string_at(data, size))

    def tick(self) -> None:
        assert self._idle(self.handle) == 0
        silence = np.zeros((2, 256), np.float32)
        if self._messages:
            self._plugin.send(self._messages.pop(0), silence)
        else:
            self._plugin.process(silence)

    def run(self, seconds: float = 0.4) -> None:
        run(self.tick, seconds)

    def close(self) -> None:
        self._ui.cleanup(self.handle)
