# SPDX-License-Identifier: MIT
"""Finding and reading audio files: libsndfile's formats, and all of ffmpeg's where it is."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from .errors import AudioError
from .source import PIECE, Signal, Source

_SNDFILE = "aif aifc aiff au avr bwf caf flac mp3 oga ogg opus rf64 snd svx voc w64 wav wave"
_FFMPEG = "3gp aac ac3 amr ape dsf eac3 m4a m4b m4r mka mp2 mp4 mpc spx tak tta weba webm wma wv"
ENDINGS = frozenset(f".{ending}" for ending in f"{_SNDFILE} {_FFMPEG}".split())
"""Of the files in a folder that are taken for audio."""

_NO_MP3 = 7  # libsndfile's error for an .mp3 file in which it finds none; its text says otherwise


@dataclass
class Found:
    """What lies in folders."""

    audio: list[Path] = field(default_factory=list)
    """Sorted, each once."""
    others: int = 0
    """Files that aren't audio by their ending."""


def find(folders: Iterable[str | Path]) -> Found:
    """All audio files in folders and everything below; hidden ones are left out.

    Args:
        folders: or single files, which are taken whatever their ending.

    Raises:
        AudioError: one isn't there, can't be listed, or has no audio in it.
    """
    found, seen = Found(), set[Path]()
    for folder in map(Path, folders):
        if folder.is_file():
            here = Found([folder])
        elif folder.is_dir():
            here = _walk(folder)
        else:
            raise AudioError(f"There is no folder '{folder}'.")
        if not here.audio:
            what = f"none of its {here.others} files is one" if here.others else "it is empty"
            raise AudioError(
                f"'{folder}' has no audio files in it ({what}); audio ends in .wav, .flac, .mp3, "
                ".ogg, .aiff, .m4a …"
            )
        found.others += here.others
        for path in here.audio:
            real = path.resolve()
            if real not in seen:
                seen.add(real)
                found.audio.append(path)
    found.audio.sort()
    return found


def _walk(folder: Path) -> Found:
    def refuse(error: OSError) -> None:
        raise AudioError(f"'{error.filename}' can't be listed ({error.strerror}).") from None

    found, visited = Found(), set[str]()
    for where, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        real = os.path.realpath(where)
        if real in visited:  # a link to a folder above
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if name.startswith("."):
                continue
            path = Path(where, name)
            if path.suffix.lower() in ENDINGS:
                found.audio.append(path)
            else:
                found.others += 1
    return found


class AudioFile:
    """A file that libsndfile reads, as a `Source`.

    Args:
        path: of the file.
        name: for error messages; default: the path.

    Raises:
        AudioError: it can't be read, or holds nothing.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        self.name = name or f"'{path}'"
        self._path = path
        with self._open() as file:
            self.channels, self.rate, self.frames = file.channels, file.samplerate, file.frames
            if file.format == "MP3":  # where the length is often only estimated
                self.frames = sum(map(len, file.blocks(PIECE, dtype="float32")))
        if self.frames < 1:
            raise AudioError(f"{self.name} holds no audio.")

    def _open(self) -> soundfile.SoundFile:
        try:
            return soundfile.SoundFile(self._path)
        except (soundfile.SoundFileError, OSError) as error:
            raise AudioError(f"{self.name} can't be read as audio ({_reason(error)}).") from None

    def pieces(self) -> Iterator[Signal]:
        """As `Source`.

        Raises:
            AudioError: the file ends early, or is damaged.
        """
        left = self.frames
        with self._open() as file:
            while left > 0:
                try:
                    piece = file.read(min(PIECE, left), dtype="float32", always_2d=True)
                except soundfile.SoundFileError as error:
                    raise AudioError(
                        f"{self.name} can't be read to its end ({_reason(error)})."
                    ) from None
                if len(piece) == 0:
                    raise AudioError(
                        f"{self.name} is cut off: {self.frames - left} of the {self.frames} frames "
                        "that it announces are there."
                    )
                left -= len(piece)
                yield np.ascontiguousarray(piece.T)


def _reason(error: Exception) -> str:
    code = getattr(error, "code", None)
    if code == _NO_MP3:
        return "Format not recognised"
    text = getattr(error, "error_string", None) or str(error)
    return text.rstrip(".") or f"libsndfile's error {code}"


def open_file(path: Path, scratch: Path) -> AudioFile:
    """Opens a file of any format.

    Args:
        path: of the file.
        scratch: a file to decode into, where libsndfile can't read it but ffmpeg can.

    Raises:
        AudioError: neither can.
    """
    try:
        return AudioFile(path)
    except AudioError as error:
        program = shutil.which("ffmpeg")
        if not program and path.suffix.lower().lstrip(".") in _FFMPEG.split():
            raise AudioError(
                f"'{path}' needs ffmpeg, which isn't installed: install it, or convert the file to "
                ".wav or .flac."
            ) from None
        if not program or not _decode(program, path, scratch):
            raise error from None
    return AudioFile(scratch, f"'{path}'")


def _decode(program: str, path: Path, scratch: Path) -> bool:
    """By ffmpeg: the first audio stream, at its own rate, with all channels; or not at all."""
    command = [program, "-nostdin", "-v", "error", "-xerror", "-y", "-i", f"file:{path}"]
    command += [
        "-map",
        "0:a:0",
        "-c:a",
        "pcm_f32le",
        "-rf64",
        "auto",
        "-f",
        "wav",
        f"file:{scratch}",
    ]
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    if b"No space left" in done.stderr:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(scratch))
    return done.returncode == 0


class Rechanneled:
    """Another source with another number of channels.

    One channel goes to all; one is the mean of all; of too many, the first ones are kept.

    Args:
        source: what is read.
        channels: how many come out.

    Raises:
        AudioError: there are several channels, but fewer than that.
    """

    def __init__(self, source: Source, channels: int) -> None:
        if 1 < source.channels < channels:
            raise AudioError(
                f"{source.name} has {source.channels} channels, and {channels} are wanted."
            )
        self.name, self.rate, self.frames = source.name, source.rate, source.frames
        self.channels = channels
        self._source = source

    def pieces(self) -> Iterator[Signal]:
        """As `Source`."""
        for piece in self._source.pieces():
            if piece.shape[0] == self.channels:
                yield piece
            elif self.channels == 1:
                yield piece.mean(axis=0, keepdims=True)
            elif piece.shape[0] == 1:
                yield np.repeat(piece, self.channels, axis=0)
            else:
                yield piece[: self.channels]


class Watched:
    """Another source, and somebody who wants to know how far it has been read.

    Args:
        source: what is read.
        notice: called with frames read so far.
    """

    def __init__(self, source: Source, notice: Callable[[int], None]) -> None:
        self.name, self.rate, self.frames = source.name, source.rate, source.frames
        self.channels = source.channels
        self._source, self._notice = source, notice

    def pieces(self) -> Iterator[Signal]:
        """As `Source`."""
        read = 0
        for piece in self._source.pieces():
            read += piece.shape[1]
            self._notice(read)
            yield piece
