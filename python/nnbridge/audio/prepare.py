# SPDX-License-Identifier: MIT
"""From folders of recordings to a dataset."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .dataset import FORMAT, INDEX, Dataset, File
from .errors import AudioError
from .files import Rechanneled, Watched, find, open_file
from .resample import Converted
from .source import Source
from .store import Entry, Store, open_store

Progress = Callable[[int, int], None]
"""Called with bytes of recordings done, and bytes of all."""


@dataclass(frozen=True)
class Prepared:
    """What a preparation has done."""

    dataset: Dataset
    added: int
    """Recordings that were read this time; the others were there already."""
    lowered: list[str] = field(default_factory=list)
    """Files beyond full scale, which were taken down to it."""
    duplicates: dict[str, str] = field(default_factory=dict)
    """Files with the same samples as another, which is in the dataset."""
    others: int = 0
    """Files in the folders that aren't audio by their ending."""
    gone: list[str] = field(default_factory=list)
    """Files that were in the dataset before, and that these folders don't hold."""
    divided: bool = False
    """There is one recording only; its end is the validation split."""


def prepare(
    folders: Sequence[str | Path],
    out: str | Path,
    sample_rate: int = 44100,
    channels: int = 1,
    validation: float = 0.1,
    validation_folders: Sequence[str | Path] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> Prepared:
    """Collects recordings in a dataset folder, at one rate and number of channels.

    All audio files in the folders, and in those below, are decoded and resampled. What is there
    already stays: an interrupted preparation goes on, and new or changed files are added. In the
    end the dataset is what the folders hold now. Files that can't be used are skipped, and listed
    in `Dataset.skipped`. The same samples are stored once, whatever their files are called.

    Args:
        folders: of recordings, or single files.
        out: the dataset's folder.
        sample_rate: of the dataset, in Hz.
        channels: of the dataset.
        validation: share of the recordings that is held out. A recording is held out or not by the
            seed and its samples alone, so it stays so when others come and go, and wherever it
            lies; one at least is held out, and one is not.
        validation_folders: recordings that are held out, instead of that share.
        seed: of the split.
        progress: is told how far it is.

    Raises:
        AudioError: there is nothing to prepare, or `out` can't be used.
        OSError: a folder can't be written.
    """
    for name, value, least, most in [
        ("sample rate", sample_rate, 1000, 768000),
        ("number of channels", channels, 1, 1024),
    ]:
        if not least <= value <= most:
            raise AudioError(f"The {name} lies from {least} to {most}, not at {value}.")
    if not 0.0 < validation < 1.0:
        raise AudioError(f"The validation share lies between 0 and 1, not at {validation:g}.")
    if not folders:
        raise AudioError("No folder to prepare was named.")
    before = _paths(out)
    found = find([*folders, *validation_folders])
    held_out = {_key(path) for path in find(validation_folders).audio}
    try:
        with open_store(Path(out), sample_rate, channels) as store:
            reader = _Reader(store, sample_rate, channels, progress)
            reader.read(found.audio)
            if not reader.entries:
                first = next(iter(reader.skipped.values()))
                raise AudioError(
                    f"None of the {len(found.audio)} audio files can be used; the first: {first}"
                )
            unique, duplicates = _unique(reader.entries, held_out)
            if len(unique) == 1 and not held_out:
                splits = _divided(unique[0], validation)
            else:
                splits = _split(unique, validation, seed, held_out)
            index = {
                "format": FORMAT,
                "sample_rate": sample_rate,
                "channels": channels,
                "folders": [str(folder) for folder in folders],
                "validation": [str(folder) for folder in validation_folders] or validation,
                "seed": seed,
                "files": {name: [asdict(file) for file in splits[name]] for name in splits},
                "skipped": reader.skipped,
                "duplicates": duplicates,
            }
            store.sync()
            _replace(Path(out) / INDEX, json.dumps(index, indent=1, ensure_ascii=False))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise AudioError(
                f"There is no space left for '{out}': make some, and give the same command again; "
                "it goes on where it stopped."
            ) from None
        raise
    return Prepared(
        Dataset(out),
        reader.added,
        [entry.path for entry in unique if entry.gain != 1.0],
        duplicates,
        found.others,
        sorted(before - {entry.path for entry in reader.entries} - reader.skipped.keys()),
        len(unique) == 1 and not held_out,
    )


class _Reader:
    """Reads files into a store."""

    def __init__(
        self, store: Store, sample_rate: int, channels: int, progress: Progress | None
    ) -> None:
        self.entries: list[Entry] = []
        self.skipped: dict[str, str] = {}
        self.added = 0
        self._store, self._rate, self._channels = store, sample_rate, channels
        self._progress = progress

    def read(self, paths: Iterable[Path]) -> None:
        """All that can be read; the others are `skipped`."""
        # What is there already costs no time, so the estimate is made without it.
        missing: list[tuple[Path, os.stat_result]] = []
        for path in paths:
            try:
                stat = path.stat()
            except OSError as error:
                self.skipped[_key(path)] = f"'{path}' can't be read ({error.strerror})."
                continue
            known = self._store.entry(_key(path), stat.st_size, stat.st_mtime_ns)
            if known:
                self.entries.append(known)
            else:
                missing.append((path, stat))
        total = sum(stat.st_size for _, stat in missing)
        done = 0
        for path, stat in missing:
            try:
                source = self._open(path, stat, done, total)
                entry = self._store.add(_key(path), stat.st_size, stat.st_mtime_ns, source)
                self.entries.append(entry)
                self.added += 1
            except AudioError as error:
                self.skipped[_key(path)] = str(error)
            done += stat.st_size
            self._report(done, total)

    def _open(self, path: Path, stat: os.stat_result, done: int, total: int) -> Source:
        file = open_file(path, self._store.scratch)

        def notice(frames: int) -> None:
            self._report(done + stat.st_size * frames // file.frames, total)

        source: Source = Rechanneled(Watched(file, notice), self._channels)
        return source if source.rate == self._rate else Converted(source, self._rate)

    def _report(self, done: int, total: int) -> None:
        if self._progress:
            self._progress(done, total)


def _paths(out: str | Path) -> set[str]:
    """The files that are in the dataset now; none where there is no dataset."""
    try:
        there = Dataset(out)
    except AudioError:
        return set()
    return {file.path for name in ("train", "validation") for file in there.split(name).files}


def _key(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 -- keeps links, which resolve() follows


def _unique(entries: Iterable[Entry], held_out: set[str]) -> tuple[list[Entry], dict[str, str]]:
    """One entry for each content, and which other files have it. Held-out ones go first."""
    chosen: dict[str, Entry] = {}
    duplicates: dict[str, str] = {}
    for entry in sorted(entries, key=lambda entry: (entry.path not in held_out, entry.path)):
        first = chosen.setdefault(entry.hash, entry)
        if first is not entry:
            duplicates[entry.path] = first.path
    return sorted(chosen.values(), key=lambda entry: entry.path), duplicates


def _split(
    entries: list[Entry], share: float, seed: int, held_out: set[str]
) -> dict[str, list[File]]:
    if held_out:
        chosen = {entry.hash for entry in entries if entry.path in held_out}
        if len(chosen) in (0, len(entries)):
            what = "None" if not chosen else "All"
            raise AudioError(
                f"{what} of the recordings that can be used are in the validation folders: "
                "there must be some to train on, and some to validate on."
            )
    else:
        draws = {entry.hash: _draw(seed, entry.hash) for entry in entries}
        order = sorted(draws, key=lambda digest: draws[digest])
        number = sum(draw < share for draw in draws.values())
        chosen = set(order[: min(max(number, 1), len(order) - 1)])
    return {
        "train": [_file(entry) for entry in entries if entry.hash not in chosen],
        "validation": [_file(entry) for entry in entries if entry.hash in chosen],
    }


def _divided(entry: Entry, share: float) -> dict[str, list[File]]:
    """The only recording there is: its begin to train on, its end to validate on."""
    frames = min(max(round(entry.frames * (1.0 - share)), 1), entry.frames - 1)
    if frames < 1:
        raise AudioError(f"'{entry.path}' is too short to train on.")
    return {
        "train": [File(entry.path, entry.begin, frames, entry.hash)],
        "validation": [File(entry.path, entry.begin + frames, entry.frames - frames, entry.hash)],
    }


def _file(entry: Entry) -> File:
    return File(entry.path, entry.begin, entry.frames, entry.hash)


def _draw(seed: int, digest: str) -> float:
    """From 0 to 1, evenly."""
    value = hashlib.sha256(f"{seed} {digest}".encode()).digest()
    return int.from_bytes(value[:8], "big") / 2.0**64


def _replace(path: Path, text: str) -> None:
    """Writes a file so that it is either the old one or the new one."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
