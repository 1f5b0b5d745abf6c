# SPDX-License-Identifier: MIT
"""Where a rendering goes: an array, an audio file, or a file of values. All or nothing."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from nnbridge.host import Error

from .latents import Latents, Signal, Steps, save_values

ARRAYS = (".npy", ".npz")
_SUBTYPES = {"WAV": "FLOAT", "AIFF": "FLOAT", "W64": "FLOAT", "CAF": "FLOAT", "FLAC": "PCM_24"}
"""Where a format can, every sample is kept as it is; FLAC has no floating point."""
_KEEPS_ALL = ("FLOAT", "DOUBLE")
_FORMATS = {"AIF": "AIFF", "OGA": "OGG"}


def audio_suffixes() -> list[str]:
    """Of the audio files that can be written here, those in common use."""
    formats = soundfile.available_formats()
    return [
        f".{name.lower()}"
        for name in ("WAV", "FLAC", "AIFF", "OGG", "MP3", "CAF")
        if name in formats
    ]


def check_output(path: Path, audio: bool, what: str) -> None:
    """Refuses, before anything is rendered, what could not be written in the end."""
    suffix = path.suffix.lower()
    if suffix not in ARRAYS:
        if not audio:
            raise Error(
                f"{what}, which is no audio: write it to a .npz or .npy file, not '{path}'."
            )
        if _format_of(path) not in soundfile.available_formats():
            known = ", ".join([*audio_suffixes(), *ARRAYS])
            raise Error(f"'{path}' has no suffix of a known format: {known}.")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise Error(f"'{path}' can't be written: there is no folder '{folder}'.")
    if path.is_dir():
        raise Error(f"'{path}' can't be written: it is a folder.")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise Error(f"'{path}' can't be written: you may not write there.")


def _format_of(path: Path) -> str:
    name = path.suffix[1:].upper()
    return _FORMATS.get(name, name)


class Sink(Protocol):
    """Takes what is rendered, piece by piece."""

    def write(self, piece: Signal) -> None:
        """[channels, frames] at the host's rate."""
        ...

    def close(self, about: Latents) -> Signal | None:
        """All is there: put it where it belongs, or return it. `about` says what the values are."""
        ...

    def abandon(self) -> None:
        """Leave nothing behind."""
        ...


class ArraySink:
    """In memory."""

    def __init__(self, channels: int) -> None:
        self._pieces = [np.zeros((channels, 0), dtype=np.float32)]

    def write(self, piece: Signal) -> None:
        """As `Sink`."""
        self._pieces.append(piece)

    def close(self, about: Latents) -> Signal:
        """As `Sink`."""
        return np.concatenate(self._pieces, axis=1)

    def abandon(self) -> None:
        """As `Sink`."""


class _Draft:
    """A file next to the one asked for, which takes its place in the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        handle, name = tempfile.mkstemp(
            dir=path.absolute().parent, prefix=".nnbridge-", suffix=path.suffix
        )
        os.close(handle)
        self.draft = Path(name)

    def finish(self) -> None:
        # Made by mkstemp for its owner alone; the result is to be like any other file.
        mask = os.umask(0)
        os.umask(mask)
        self.draft.chmod(0o666 & ~mask)
        self.draft.replace(self.path)

    def discard(self) -> None:
        self.draft.unlink(missing_ok=True)


class AudioSink:
    """An audio file."""

    def __init__(self, path: Path, channels: int, rate: int) -> None:
        kind = _format_of(path)
        self.subtype = _SUBTYPES.get(kind) or soundfile.default_subtype(kind)
        self.clips = self.subtype not in _KEEPS_ALL
        self._draft = _Draft(path)
        try:
            self._file = soundfile.SoundFile(
                self._draft.draft, "w", rate, channels, subtype=self.subtype, format=kind
            )
        except (soundfile.SoundFileError, ValueError, TypeError) as error:
            self._draft.discard()
            raise Error(
                f"{channels} channels at {rate} Hz can't be written to '{path}' "
                f"({str(error).rstrip('.')}): try .wav."
            ) from None

    def write(self, piece: Signal) -> None:
        """As `Sink`."""
        try:
            self._file.write(piece.T)
        except soundfile.SoundFileError as error:
            reason = str(error).rstrip(".")
            raise Error(
                f"'{self._draft.path}' can't be written (is the disk full?): {reason}."
            ) from None

    def close(self, about: Latents | None = None) -> None:
        """As `Sink`."""
        self._file.close()
        self._draft.finish()

    def abandon(self) -> None:
        """As `Sink`."""
        self._file.close()
        self._draft.discard()


def write_audio(path: Path, audio: Signal, rate: int) -> None:
    """Writes an audio file, or leaves the one that is there: [channels, frames], float."""
    sink = AudioSink(path, audio.shape[0], rate)
    try:
        sink.write(audio.clip(-1.0, 1.0) if sink.clips else audio)
        sink.close()
    finally:
        sink.abandon()


class ValuesSink:
    """A .npy or .npz file; its values wait on the disk until their number is known."""

    def __init__(self, path: Path, channels: int) -> None:
        self._channels, self._frames = channels, 0
        self._draft, self._body = _Draft(path), _Draft(path.with_suffix(".values"))
        self._stream = self._body.draft.open("wb")

    def write(self, piece: Signal) -> None:
        """As `Sink`."""
        self._stream.write(np.ascontiguousarray(piece.T, dtype="<f4").tobytes())
        self._frames += piece.shape[1]

    def close(self, about: Latents) -> None:
        """As `Sink`."""
        self._stream.close()
        save_values(self._draft.draft, self._body.draft, self._channels, self._frames, about)
        self._body.discard()
        self._draft.finish()

    def abandon(self) -> None:
        """As `Sink`."""
        self._stream.close()
        self._body.discard()
        self._draft.discard()


class Picked:
    """Takes one value for each step of a signal that the engine holds at the host's rate."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._frame, self.count = 0, 0

    def pick(self, piece: Signal) -> Signal:
        """[channels, steps that begin in this piece]."""
        end = self._frame + piece.shape[1]
        last = self._steps.begun_before(end)
        columns = self._steps.first_frames(self.count, last) - self._frame
        self._frame, self.count = end, last
        return piece[:, columns]
