# SPDX-License-Identifier: MIT
"""What lies in the package, what it says of itself, and which libraries it would bring."""

import json
import re
import struct
from pathlib import Path

import assemble
import helppatches
import libraries
import maxref
import pytest
from objects import OBJECTS

from .conftest import ROOT

ASKED_BY_MAX = {"name", "displayname", "version", "description", "tags", "os", "author"}


def test_the_package_says_what_max_asks_for(package: Path):
    said = json.loads((package / "package-info.json").read_text())
    assert said.keys() >= ASKED_BY_MAX | {"max_version_min", "max_version_max", "homepatcher"}
    assert not said.keys() & {"filelist", "c74install", "installdate"}, "Max writes these itself"
    assert said["name"] == package.name == "nnbridge"
    project = (ROOT / "CMakeLists.txt").read_text()
    assert f"VERSION {said['version']} " in project
    assert re.fullmatch(r"\d+\.\d+\.\d+", said["version"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", said["max_version_min"])
    assert said["max_version_max"] == "none"
    assert said["os"]["macintosh"]["platform"] == ["aarch64", "x64"]
    assert said["os"]["windows"]["platform"] == ["x64"]
    assert said["package_extra"]["forcerestart"] == 1
    assert len(list(package.glob(f"*/{said['homepatcher']}"))) == 1
    assert len(list(package.glob(f"*/{said['toolbar_icon']}"))) == 1


def test_a_built_package_claims_only_what_it_was_built_for():
    said = assemble.information(["macos-arm64"])
    assert said["os"] == {"macintosh": {"platform": ["aarch64"], "min_version": "14.0"}}


def test_the_package_is_whole(package: Path):
    there = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    wanted = {"icon.png", "license.txt", "readme.md", "extras/nnbridge.maxpat", "misc/nnbridge.svg"}
    wanted |= {"media/nnbridge-loop.wav", "package-info.json"}
    wanted |= {f"models/{name}.ts" for name in ("effects", "descriptors", "vocoder")}
    for name in ("nn~", "mc.nn~", "mcs.nn~", "nn.info"):
        wanted |= {f"help/{name}.maxhelp", f"docs/refpages/{name}.maxref.xml"}
        wanted |= {f"object-icons/{name}.svg"}
    assert there == wanted


def test_it_is_made_the_same_every_time(package: Path):
    for thing in OBJECTS:
        help_patch = (package / f"help/{thing.name}.maxhelp").read_text(encoding="utf-8")
        page = (package / f"docs/refpages/{thing.name}.maxref.xml").read_text(encoding="utf-8")
        assert helppatches.write(thing) == help_patch
        assert maxref.write(thing) == page


def mach_o(names: list[str]) -> bytes:
    """A library for macOS with nothing in it but the names of those that it needs."""
    commands = b""
    for name in names:
        padded = name.encode() + b"\0" * (8 - len(name) % 8)
        commands += struct.pack("<IIIIII", 0xC, 24 + len(padded), 24, 0, 0, 0) + padded
    uuid = struct.pack("<II", 0x1B, 24) + bytes(16)  # one that is passed over
    header = (0xFEEDFACF, 0x0100000C, 0, 6, len(names) + 1, len(commands) + 24, 0, 0)
    return struct.pack("<8I", *header) + uuid + commands


def pe(names: list[str]) -> bytes:
    """The same for Windows: one section, whose addresses are not its places in the file."""
    address, offset = 0x2000, 0x200
    table, strings = b"", b""
    first = address + 20 * (len(names) + 1)
    for name in names:
        table += struct.pack("<5I", 0, 0, 0, first + len(strings), 0)
        strings += name.encode() + b"\0"
    section = table + bytes(20) + strings
    optional = struct.pack("<H", 0x20B) + bytes(110) + struct.pack("<16Q", 0, address, *([0] * 14))
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
    head += struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, len(optional), 0) + optional
    head += b".rdata\0\0" + struct.pack("<IIII", len(section), address, len(section), offset)
    return (head + bytes(16)).ljust(offset, b"\0") + section


@pytest.fixture(params=["macos", "windows"])
def torch(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path, list[str]]:
    """An external, a folder with libraries, and the names of those that it needs."""
    folder = tmp_path / "lib"
    folder.mkdir()
    if request.param == "macos":
        external = tmp_path / "nn~"
        external.write_bytes(mach_o(["/usr/lib/libSystem.B.dylib", "@rpath/libtorch_cpu.dylib"]))
        (folder / "libtorch_cpu.dylib").write_bytes(mach_o(["@rpath/libc10.dylib"]))
        (folder / "libc10.dylib").write_bytes(mach_o(["/System/Library/Frameworks/M.framework/M"]))
        (folder / "libtorch_python.dylib").write_bytes(mach_o([]))
        return external, folder, ["libc10.dylib", "libtorch_cpu.dylib"]
    external = tmp_path / "nn~.mxe64"
    external.write_bytes(pe(["MaxAPI.dll", "KERNEL32.dll", "torch_cpu.dll"]))
    (folder / "torch_cpu.dll").write_bytes(pe(["C10.dll", "api-ms-win-crt-math-l1-1-0.dll"]))
    (folder / "c10.dll").write_bytes(pe(["MSVCP140.dll"]))
    (folder / "msvcp140.dll").write_bytes(pe([]))
    (folder / "torch_python.dll").write_bytes(pe(["python312.dll"]))
    return external, folder, ["c10.dll", "msvcp140.dll", "torch_cpu.dll"]


def test_all_libraries_that_an_external_needs_come_along_and_no_others(
    torch: tuple[Path, Path, list[str]],
):
    external, folder, wanted = torch
    assert [path.name for path in libraries.closure([external], [folder])] == wanted


def test_a_library_that_is_nowhere_is_named(torch: tuple[Path, Path, list[str]]):
    external, folder, wanted = torch
    (folder / wanted[0]).unlink()
    with pytest.raises(ValueError, match=f"needs .*(?i:{wanted[0]}), which a package cannot bring"):
        libraries.closure([external], [folder])


def test_a_library_at_a_fixed_place_is_refused(tmp_path: Path):
    external = tmp_path / "nn~"
    external.write_bytes(mach_o(["/opt/homebrew/lib/libzip.5.dylib"]))
    (tmp_path / "libzip.5.dylib").write_bytes(mach_o([]))
    with pytest.raises(ValueError, match=r"nn~ needs /opt/homebrew/lib/libzip\.5\.dylib"):
        libraries.closure([external], [tmp_path])


def test_what_is_no_binary_is_said_to_be_none(tmp_path: Path):
    (tmp_path / "nn~").write_bytes(b"MZ")
    with pytest.raises(ValueError, match="nn~"):
        libraries.needed(tmp_path / "nn~")
    (tmp_path / "text").write_bytes(b"no binary at all, and longer than a header")
    with pytest.raises(ValueError, match="neither a 64-bit macOS nor a Windows binary"):
        libraries.needed(tmp_path / "text")
