# SPDX-License-Identifier: MIT
"""A prepared dataset: memory-mapped samples, and whole files in a train and a validation split.

A dataset is a folder that `prepare` made:

    audio.i16       all samples, little-endian 16-bit integers [frames, channels], file after file
    files.jsonl     the journal that lets an interrupted preparation go on; see `prepare`
    dataset.json    written last: format, sample rate, channels, the files of each split (path,
                    hash of their samples, where they lie), what was skipped, and why
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import AudioError

FORMAT = 1
SAMPLES = "audio.i16"
INDEX = "dataset.json"
FULL_SCALE = 32768.0
"""An integer sample over this is the sample as a float, from -1 to 1."""

SplitName = Literal["train", "validation"]
Signal = NDArray[np.float32]
"""[channels, frames]"""


@dataclass(frozen=True)
class File:
    """A recording in the dataset."""

    path: str
    """Where it was read."""
    begin: int
    """Its first frame in the dataset."""
    frames: int
    hash: str
    """Of its samples as they are stored."""


class Dataset:
    """A prepared folder.

    Args:
        path: of the folder.

    Raises:
        AudioError: it is none, unfinished, damaged, or a newer program's.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        facts = _read_index(self.path)
        try:
            self.sample_rate = int(facts["sample_rate"])
            """Of all files, in Hz."""
            self.channels = int(facts["channels"])
            """Of all files."""
            self.skipped: dict[str, str] = dict(facts["skipped"])
            """Files that could not be used, and why."""
            self._files = {
                split: tuple(File(**row) for row in facts["files"][split])
                for split in ("train", "validation")
            }
        except (KeyError, TypeError, ValueError):
            raise AudioError(f"'{self.path / INDEX}' is damaged: {_AGAIN}.") from None
        self._samples = self._map()

    @property
    def seconds(self) -> float:
        """Of all recordings together."""
        return sum(self.split(name).seconds for name in ("train", "validation"))

    @property
    def bytes(self) -> int:
        """Size of all samples, those of files that were replaced included."""
        return int(self._samples.size * 2)

    @property
    def hash(self) -> str:
        """Tells datasets apart: by format and the samples of each split, not by where they lie."""
        digest = hashlib.sha256(f"{self.sample_rate} {self.channels}".encode())
        for name, files in self._files.items():
            digest.update(f"\n{name} {' '.join(file.hash for file in files)}".encode())
        return digest.hexdigest()

    def split(self, name: SplitName) -> Split:
        """The recordings to train on, or those held out."""
        return Split(self, name, self._files[name])

    def read(self, begin: int, frames: int) -> Signal:
        """Float samples [channels, frames] from frame `begin` of the whole dataset."""
        piece = self._samples[begin : begin + frames].T.astype(np.float32)
        piece /= FULL_SCALE
        return piece

    def _map(self) -> NDArray[np.int16]:
        path = self.path / SAMPLES
        last = max((f.begin + f.frames for files in self._files.values() for f in files), default=0)
        try:
            there = path.stat().st_size // (2 * self.channels)
            if not 0 < last <= there:
                raise AudioError(f"'{path}' is shorter than its list of files: {_AGAIN}.")
            return np.memmap(path, dtype="<i2", mode="r", shape=(there, self.channels))
        except OSError as error:
            raise AudioError(f"'{path}' can't be read ({error.strerror}).") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return Dataset, (str(self.path),)  # another process maps the file instead of copying it


@dataclass(frozen=True)
class Split:
    """The recordings of one split."""

    dataset: Dataset
    name: SplitName
    files: tuple[File, ...]

    def __post_init__(self) -> None:
        ends = np.cumsum([file.frames for file in self.files], dtype=np.int64)
        object.__setattr__(self, "_ends", ends)

    @property
    def frames(self) -> int:
        """Of all its recordings together."""
        return sum(file.frames for file in self.files)

    @property
    def seconds(self) -> float:
        """Of all its recordings together."""
        return self.frames / self.dataset.sample_rate

    def file(self, index: int) -> Signal:
        """A whole recording, [channels, frames]."""
        file = self.files[index]
        return self.dataset.read(file.begin, file.frames)

    def crop(self, frames: int, random: np.random.Generator) -> Signal:
        """A random piece of one recording, [channels, frames].

        A recording is drawn in proportion to its length, then a position in it. An eighth of a crop
        may lie before its begin or after its end, in silence: otherwise the attack of a single hit
        or note, which is its first sample, would hardly ever be seen. A recording that is shorter
        than the crop lies anywhere in it, with silence around.
        """
        ends: NDArray[np.int64] = self._ends  # type: ignore[attr-defined]
        file = self.files[int(np.searchsorted(ends, random.integers(ends[-1]), side="right"))]
        margin, spare = frames // 8, file.frames - frames
        begin = int(random.integers(min(-margin, spare), max(spare + margin, 0), endpoint=True))
        first, last = max(begin, 0), min(begin + frames, file.frames)
        made = np.zeros((self.dataset.channels, frames), dtype=np.float32)
        made[:, first - begin : last - begin] = self.dataset.read(file.begin + first, last - first)
        return made


_AGAIN = "prepare it again into a new folder"


def _read_index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    try:
        facts = json.loads(path.read_text("utf-8"))
        newer = facts["format"] != FORMAT
    except (FileNotFoundError, NotADirectoryError):
        if (folder / SAMPLES).exists():
            raise AudioError(
                f"The preparation of '{folder}' was not finished: give its nnbridge data prepare "
                "command again, and it goes on."
            ) from None
        raise AudioError(
            f"'{folder}' is no dataset (it has no {INDEX}): make one with nnbridge data prepare "
            "FOLDER --out DATASET."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise AudioError(f"'{path}' can't be read ({reason}).") from None
    if newer:
        raise AudioError(f"'{folder}' was prepared by a newer nnbridge: update this one.")
    return dict(facts)
