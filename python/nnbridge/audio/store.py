# SPDX-License-Identifier: MIT
"""Where a dataset's samples are collected: append-only, with a journal.

The journal `files.jsonl` begins with the format; each further line is a recording whose samples
are completely in `audio.i16`. A line is written after its samples, so whatever lies behind the last
line's samples is the rest of an interrupted run, and is cut off. Nothing else is ever cut or
changed: a finished dataset stays valid while more is added.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import FORMAT, FULL_SCALE, SAMPLES
from .errors import AudioError
from .source import Source

try:
    import fcntl
except ImportError:  # Windows has none; two preparations at once are then not found out
    fcntl = None  # type: ignore[assignment]

JOURNAL = "files.jsonl"
SCRATCH = "decoded.wav"


@dataclass(frozen=True)
class Entry:
    """A recording that is completely in the store."""

    path: str
    size: int
    """Of its file, in bytes."""
    modified: int
    """Its file's modification time, in ns."""
    hash: str
    """Of its samples as they are stored."""
    begin: int
    """Its first frame in the store."""
    frames: int
    gain: float
    """It was multiplied by, because it went beyond full scale; else 1."""


class Store:
    """The samples and the journal of a folder; use `open_store`."""

    def __init__(self, folder: Path, sample_rate: int, channels: int) -> None:
        self.folder = folder
        self.scratch = folder / SCRATCH
        self._header = {"format": FORMAT, "sample_rate": sample_rate, "channels": channels}
        self._channels = channels
        self._by_path: dict[str, Entry] = {}
        self._by_hash: dict[str, Entry] = {}
        self.scratch.unlink(missing_ok=True)
        # Unbuffered: what did not fit on a full disk must not be tried again when Python closes it.
        self._samples = (folder / SAMPLES).open("ab", buffering=0)
        self._journal = (folder / JOURNAL).open("ab", buffering=0)
        kept = self._replay()
        os.truncate(folder / JOURNAL, kept)
        if not kept:
            self._line(self._header)
        self._end = max((entry.begin + entry.frames for entry in self._by_hash.values()), default=0)

    def close(self) -> None:
        """Ends writing."""
        os.truncate(self.folder / SAMPLES, self._end * self._frame)
        self._samples.close()
        self._journal.close()
        with suppress(OSError):
            self.scratch.unlink(missing_ok=True)

    def sync(self) -> None:
        """Returns when all is on the disk."""
        os.fsync(self._samples.fileno())
        os.fsync(self._journal.fileno())

    def entry(self, path: str, size: int, modified: int) -> Entry | None:
        """What is already there of a file, unless it has changed since."""
        entry = self._by_path.get(path)
        return entry if entry and (entry.size, entry.modified) == (size, modified) else None

    def add(self, path: str, size: int, modified: int, source: Source) -> Entry:
        """Appends a recording, or notes that its samples are already there.

        Args:
            path: of its file.
            size: of its file, in bytes.
            modified: its file's modification time, in ns.
            source: its samples, at the store's rate and number of channels. Samples beyond full
                scale take the whole recording down.

        Raises:
            AudioError: it can't be read to its end, or has samples that aren't finite.
            OSError: the disk is full.
        """
        gain = 1.0
        digest, frames, peak = self._append(source, gain)
        if peak > 1.0:
            gain = (1.0 - 1.0 / FULL_SCALE) / peak
            digest, frames, _ = self._append(source, gain)
        twin = self._by_hash.get(digest)
        begin = twin.begin if twin else self._end
        entry = Entry(path, size, modified, digest, begin, frames, gain)
        self._line(asdict(entry))
        self._note(entry)
        self._end = max(self._end, begin + frames)
        return entry

    def _append(self, source: Source, gain: float) -> tuple[str, int, float]:
        """Writes behind the last recording; returns hash, frames, and the peak before the gain."""
        os.truncate(self.folder / SAMPLES, self._end * self._frame)
        digest, frames, peak = hashlib.sha256(), 0, 0.0
        for piece in source.pieces():
            highest = float(np.abs(piece).max(initial=0.0))
            if not np.isfinite(highest):
                raise AudioError(f"{source.name} has samples that aren't finite numbers.")
            peak = max(peak, highest)
            scaled = np.rint(piece.T * np.float32(gain * FULL_SCALE))
            data = scaled.clip(-FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()
            _write(self._samples, data)
            digest.update(data)
            frames += piece.shape[1]
        return digest.hexdigest(), frames, peak

    @property
    def _frame(self) -> int:
        return 2 * self._channels

    def _line(self, value: dict[str, Any]) -> None:
        _write(self._journal, json.dumps(value, ensure_ascii=False).encode() + b"\n")

    def _note(self, entry: Entry) -> None:
        self._by_path[entry.path] = entry
        self._by_hash.setdefault(entry.hash, entry)

    def _replay(self) -> int:
        """Reads the journal; returns the length of what is sound in it, in bytes."""
        available = (self.folder / SAMPLES).stat().st_size // self._frame
        kept = 0
        for line in (self.folder / JOURNAL).read_bytes().splitlines(keepends=True):
            try:
                value = json.loads(line) if line.endswith(b"\n") else None
                entry = Entry(**value) if kept and value else None
            except (ValueError, TypeError):
                raise AudioError(
                    f"'{self.folder / JOURNAL}' is damaged: delete '{self.folder}', and prepare "
                    "again."
                ) from None
            if value is None or (entry and entry.begin + entry.frames > available):
                break
            if entry:
                self._note(entry)
            elif value != self._header:
                raise AudioError(_other(self.folder, value, self._header))
            kept += len(line)
        return kept


@contextmanager
def open_store(folder: Path, sample_rate: int, channels: int) -> Iterator[Store]:
    """Opens or makes a store, and goes on where an interrupted run stopped.

    Args:
        folder: a new or empty one, or a store.
        sample_rate: of all its recordings, in Hz.
        channels: of all its recordings.

    Raises:
        AudioError: it is something else, of another format, damaged, or in use.
    """
    if folder.exists() and not folder.is_dir():
        raise AudioError(f"'{folder}' is a file: name a folder for the dataset.")
    folder.mkdir(parents=True, exist_ok=True)
    there = {path.name for path in folder.iterdir()}
    if JOURNAL not in there and not there <= {SAMPLES}:
        raise AudioError(
            f"'{folder}' has other things in it and is no dataset: name a new folder for it."
        )
    with (folder / SAMPLES).open("ab") as lock:
        if fcntl:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AudioError(f"Another preparation of '{folder}' is running.") from None
        store = Store(folder, sample_rate, channels)
        try:
            yield store
        finally:
            store.close()


def _write(file: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _other(folder: Path, there: dict[str, Any], wanted: dict[str, Any]) -> str:
    if there.get("format") != FORMAT:
        return f"'{folder}' was prepared by a newer nnbridge: update this one."

    def words(header: dict[str, Any]) -> str:
        return f"{header.get('sample_rate')} Hz with {header.get('channels')} channel(s)"

    return (
        f"'{folder}' is prepared at {words(there)}, not {words(wanted)}: name another folder, or "
        "delete it."
    )
