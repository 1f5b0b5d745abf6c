# SPDX-License-Identifier: MIT
"""Which shared libraries binaries for macOS and Windows need, read from the files themselves.

No tool of either system is asked, so that it runs, and is tested, anywhere.
"""

import re
import struct
from collections.abc import Iterable
from pathlib import Path

# What Windows has, and what Max brings. Not Microsoft's C++ runtime: not every machine has it.
WINDOWS = re.compile(
    r"(api-ms-win-.*|ext-ms-.*|(kernel32|user32|gdi32|advapi32|shell32|ole32|oleaut32|ws2_32|"
    r"bcrypt|bcryptprimitives|crypt32|dbghelp|iphlpapi|ntdll|psapi|rpcrt4|shlwapi|ucrtbase|"
    r"userenv|version|winmm|wintrust|imagehlp|setupapi|mswsock|msvcrt|powrprof|cfgmgr32|secur32)\.dll|"
    r"(maxapi|maxaudio)\.dll)",
    re.IGNORECASE,
)

MACH_O = 0xFEEDFACF  # 64 bits, little-endian
LOADS = {0xC, 0x80000018, 0x8000001F, 0x80000023}  # LC_LOAD_DYLIB, weak, re-exported, upward
PE_DIRECTORIES = {1: 20, 13: 32}  # imports and delayed imports: index, size of an entry
PE_NAME = {1: 12, 13: 4}  # where in an entry its name is


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode()


def _mach_o(data: bytes) -> list[str]:
    commands = struct.unpack_from("<I", data, 16)[0]
    names = []
    at = 32
    for _ in range(commands):
        kind, size = struct.unpack_from("<II", data, at)
        if kind in LOADS:
            names.append(_text(data, at + struct.unpack_from("<I", data, at + 8)[0]))
        at += size
    return names


def _pe(data: bytes) -> list[str]:
    header = struct.unpack_from("<I", data, 0x3C)[0]
    count, optional = struct.unpack_from("<H12xH", data, header + 6)
    options = header + 24
    if struct.unpack_from("<H", data, options)[0] != 0x20B:
        raise ValueError("is no 64-bit Windows binary")
    sections = [
        struct.unpack_from("<III", data, options + optional + 40 * i + 12) for i in range(count)
    ]

    def place(address: int) -> int:
        for start, size, offset in sections:
            if start <= address < start + size:
                return int(offset + address - start)
        raise ValueError("has a damaged section table")

    names = []
    for directory, entry in PE_DIRECTORIES.items():
        address = struct.unpack_from("<I", data, options + 112 + 8 * directory)[0]
        if not address:
            continue
        at = place(address)
        while name := struct.unpack_from("<I", data, at + PE_NAME[directory])[0]:
            names.append(_text(data, place(name)))
            at += entry
    return names


def needed(binary: Path) -> list[str]:
    """What ``binary`` names: paths on macOS, file names on Windows."""
    data = binary.read_bytes()
    try:
        if data[:2] == b"MZ":
            return _pe(data)
        if len(data) > 32 and struct.unpack_from("<I", data)[0] == MACH_O:
            return _mach_o(data)
    except (struct.error, ValueError) as error:
        raise ValueError(f"{binary}: {error}") from None
    raise ValueError(f"{binary}: is neither a 64-bit macOS nor a Windows binary")


def of_the_system(name: str) -> bool:
    """Whether every machine with Max has it."""
    return name.startswith(("/usr/lib/", "/System/")) or bool(WINDOWS.fullmatch(name))


def closure(binaries: Iterable[Path], folders: Iterable[Path]) -> list[Path]:
    """All libraries that the binaries need and the system lacks, found in ``folders``.

    Raises:
        ValueError: naming the first that is nowhere, or that macOS would look for at a fixed place.
    """
    there: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.iterdir()):
            there.setdefault(path.name.lower(), path)
    found: dict[str, Path] = {}
    waiting = list(binaries)
    while waiting:
        binary = waiting.pop()
        for name in needed(binary):
            if of_the_system(name):
                continue
            key = name.rsplit("/", 1)[-1].lower()
            if key not in there or name.startswith("/"):
                raise ValueError(
                    f"{binary.name} needs {name}, which a package cannot bring along: build with "
                    "static libraries, or name the folder that has it"
                )
            if key not in found:
                found[key] = there[key]
                waiting.append(there[key])
    return sorted(found.values())
