# SPDX-License-Identifier: MIT
"""The DAW plugin from Python: choosing its model, reading what is wrong, installing it.

    plugin = pedalboard.load_plugin("nnbridge.vst3")
    nnbridge.plugin.set_model(plugin, "model.ts")

A host of VST3 plugins can set numbers only, and a path is none: it travels in the state.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from typing import Protocol

BUNDLES = ("nnbridge.vst3", "nnbridge.clap", "nnbridge.lv2")
"""What `make plugin` builds, into one folder. The first holds the engine for all of them."""

_HEADER = 48  # of a .vstpreset: magic, version, class, where the list of chunks begins
_CLASS = slice(8, 40)


class PluginError(Exception):
    """What went wrong, in one sentence for the user."""


class HostedPlugin(Protocol):
    """What `pedalboard.load_plugin` gives, as far as it is needed here."""

    preset_data: bytes


def set_model(plugin: HostedPlugin, path: str | os.PathLike[str]) -> None:
    """Has a plugin play the model file at `path`, from the next `process` on.

    Args:
        plugin: from `pedalboard.load_plugin`; all else it was set to stays, but for the attributes:
            another model has its own.
        path: of a model file; it is made absolute.

    Raises:
        PluginError: there is no such file, or the plugin is not nnbridge's.
    """
    file = Path(path).resolve()
    if not file.is_file():
        raise PluginError(f"There is no file '{file}'.")
    preset = plugin.preset_data
    state = _read_state(preset)
    if state["model"] != str(file):
        state["turned"] = "0"
    state["model"] = str(file)
    state["hash"] = ""
    state.pop("problem", None)
    plugin.preset_data = _preset(preset[_CLASS], _write_state(state, preset))


def problem(plugin: HostedPlugin) -> str:
    """What a plugin says is wrong, in a sentence; empty: nothing.

    Raises:
        PluginError: the plugin is not nnbridge's.
    """
    return _read_state(plugin.preset_data).get("problem", "")


def install(
    built: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None
) -> list[Path]:
    """Links the built plugins to where hosts look for plugins.

    Links, since the engine finds LibTorch where it was built, and one engine serves all formats.

    Args:
        built: the folder that `make plugin` has built into.
        folder: for all of them; default: the user's own folder of each format.

    Returns:
        The paths under which hosts find them.

    Raises:
        PluginError: nothing is built there, or something that is no link lies in a link's place.
    """
    sources = [Path(built).resolve() / name for name in BUNDLES]
    sources = [source for source in sources if source.exists()]
    if not sources:
        raise PluginError(f"There is no plugin in '{Path(built)}': build it with `make plugin`.")
    return [_link(source, Path(folder) if folder else _user_folder(source)) for source in sources]


def _link(source: Path, folder: Path) -> Path:
    target = folder / source.name
    if target.exists() and not target.is_symlink():
        raise PluginError(f"'{target}' is there already and is no link: remove it first.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(source, target_is_directory=source.is_dir())
    except OSError as error:
        raise PluginError(f"'{target}' can't be written ({error.strerror or error}).") from None
    return target


def _user_folder(plugin: Path) -> Path:
    kind = plugin.suffix[1:]
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Audio" / "Plug-Ins" / kind.upper()
    if sys.platform == "win32":
        return Path(os.environ["LOCALAPPDATA"]) / "Programs" / "Common" / kind.upper()
    return Path.home() / plugin.suffix


_STATE = (b"__dpf_state_begin__", b"__dpf_state_end__")


def _component(preset: bytes) -> bytes:
    """The component's own bytes inside a .vstpreset."""
    if preset[:4] != b"VST3" or len(preset) < _HEADER:
        raise PluginError("This plugin has no VST3 state.")
    (chunks,) = struct.unpack_from("<q", preset, 40)
    count = struct.unpack_from("<i", preset, chunks + 4)[0]
    for index in range(count):
        name, offset, size = struct.unpack_from("<4sqq", preset, chunks + 8 + 20 * index)
        if name == b"Comp":
            return preset[offset : offset + size]
    raise PluginError("This plugin has no VST3 state.")


def _words(component: bytes) -> list[bytes]:
    return component.split(b"\0")


def _read_state(preset: bytes) -> dict[str, str]:
    words = _words(_component(preset))
    if _STATE[0] not in words or _STATE[1] not in words:
        raise PluginError("This is not the nnbridge plugin: its state has no place for a model.")
    pairs = words[words.index(_STATE[0]) + 1 : words.index(_STATE[1])]
    keys = [key.decode() for key in pairs[::2]]
    if "model" not in keys:
        raise PluginError("This is not the nnbridge plugin: its state has no place for a model.")
    return dict(zip(keys, (value.decode() for value in pairs[1::2]), strict=True))


def _write_state(state: dict[str, str], preset: bytes) -> bytes:
    words = _words(_component(preset))
    begin, end = words.index(_STATE[0]), words.index(_STATE[1])
    # The order counts: a model forgets the hash and the folders that belonged to another.
    keys = sorted(state, key=lambda key: key != "model")
    pairs = [part.encode() for key in keys for part in (key, state[key])]
    return b"\0".join([*words[: begin + 1], *pairs, *words[end:]])


def _preset(class_id: bytes, component: bytes) -> bytes:
    chunks = b"List" + struct.pack("<i", 1) + b"Comp" + struct.pack("<qq", _HEADER, len(component))
    start = struct.pack("<q", _HEADER + len(component))
    return b"VST3" + struct.pack("<i", 1) + class_id + start + component + chunks
