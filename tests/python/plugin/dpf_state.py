# SPDX-License-Identifier: MIT
"""What DPF writes into a session for VST3 and CLAP: keys and values between zero bytes."""

from pathlib import Path


def value(state: bytes, key: bytes) -> bytes:
    words = state.split(b"\0")
    return words[words.index(key) + 1]


def with_model(state: bytes, path: Path) -> bytes:
    """The same, but for another model, whatever its content."""
    words = state.split(b"\0")
    words[words.index(b"model") + 1] = str(path).encode()
    words[words.index(b"hash") + 1] = b""
    return b"\0".join(words)
