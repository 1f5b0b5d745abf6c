# SPDX-License-Identifier: MIT
"""Signals below the audio rate: when each of their steps is, and the files that keep them.

The host's and the model's time axes coincide, as in the engine: step s begins at model sample
s * ratio, that is, at host frame ceil(s * ratio * host_rate / model_rate), and is held until the
next begins.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnbridge.host import Error

Signal = NDArray[np.float32]
"""[channels, frames]"""


@dataclass(frozen=True)
class Steps:
    """The edges of steps on the host's time axis."""

    ratio: int
    host_rate: int
    model_rate: int

    def __post_init__(self) -> None:
        if self.host_rate * self.ratio < self.model_rate:
            raise Error(
                f"At {self.host_rate} Hz not every step of a signal at ratio {self.ratio} has a "
                f"frame of its own, since the model runs at {self.model_rate} Hz: use a sample "
                f"rate of at least {-(-self.model_rate // self.ratio)}."
            )

    def first_frame(self, step: int) -> int:
        """The host frame at which a step begins."""
        return -(-step * self.ratio * self.host_rate // self.model_rate)

    def first_frames(self, begin: int, end: int) -> NDArray[np.int64]:
        """The same for the steps [begin, end)."""
        common = math.gcd(self.ratio * self.host_rate, self.model_rate)
        up, down = self.ratio * self.host_rate // common, self.model_rate // common
        return -(-np.arange(begin, end, dtype=np.int64) * up // down)

    def begun_before(self, frame: int) -> int:
        """How many steps begin before a host frame."""
        if frame < 1:
            return 0
        return (frame - 1) * self.model_rate // (self.ratio * self.host_rate) + 1


@dataclass(frozen=True)
class Latents:
    """Values below the audio rate, and what is needed to turn them into audio again."""

    values: Signal
    """[channels, steps]"""
    ratio: int
    sample_rate: int
    """Of the model, in Hz: there are sample_rate / ratio steps in a second."""
    host_rate: int
    """Of the audio they come from, in Hz."""
    frames: int
    """Of the audio they come from."""
    delay: int
    """What the methods that made them delay, in samples at the model's rate."""
    method: str
    labels: list[str] = field(default_factory=list)


def save_values(path: Path, body: Path, channels: int, frames: int, about: Latents) -> None:
    """Writes .npy or .npz from interleaved float32 in a file, without reading it whole.

    `about` says the rest; its values are not looked at.
    """
    # Frame after frame is what Fortran calls the order of [channels, frames].
    header: dict[str, Any] = {"shape": (channels, frames), "fortran_order": True, "descr": "<f4"}

    def write(stream: Any) -> None:
        np.lib.format.write_array_header_1_0(stream, header)
        with body.open("rb") as source:
            while piece := source.read(1 << 20):
                stream.write(piece)

    if path.suffix.lower() == ".npy":
        with path.open("wb") as stream:
            write(stream)
        return
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("latents.npy", "w", force_zip64=True) as member:
            write(member)
        for name in ("ratio", "sample_rate", "host_rate", "frames", "delay", "method", "labels"):
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(getattr(about, name)))


def read_npy(path: Path) -> Signal:
    """An array [channels, frames], mapped instead of read."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise Error(f"'{path}' is no NumPy array ({error}).") from None
    return check_values(array, f"'{path}'")


def read_npz(path: Path) -> Latents:
    """Latents as `render` writes them."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            held = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise Error(f"'{path}' is no .npz file ({error}).") from None
    missing = [name for name in ("latents", "ratio", "sample_rate") if name not in held]
    if missing:
        raise Error(
            f"'{path}' holds no '{missing[0]}': latents are kept with 'latents' [channels, steps], "
            "'ratio' and 'sample_rate'."
        )
    values = check_values(held["latents"], f"'latents' in '{path}'")
    try:
        ratio, rate = int(held["ratio"]), int(held["sample_rate"])
        host_rate = int(held.get("host_rate", rate))
        if min(ratio, rate, host_rate) < 1:
            raise ValueError
        frames = int(held.get("frames", Steps(ratio, host_rate, rate).first_frame(values.shape[1])))
        return Latents(
            values=values,
            ratio=ratio,
            sample_rate=rate,
            host_rate=host_rate,
            frames=frames,
            delay=int(held.get("delay", 0)),
            method=str(held.get("method", "")),
            labels=[str(label) for label in np.atleast_1d(held.get("labels", []))],
        )
    except (TypeError, ValueError):
        raise Error(
            f"'{path}' holds a rate, a ratio or a length that is no whole number."
        ) from None


def sentence(name: str) -> str:
    """With a capital, to begin a sentence."""
    return name[:1].upper() + name[1:]


def check_values(array: object, name: str) -> Signal:
    """float32 [channels, frames], not empty."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise Error(f"{sentence(name)} is no array of real numbers.")
    if array.ndim == 1:
        array = array[np.newaxis]
    if array.ndim != 2:
        raise Error(
            f"{sentence(name)} has the shape {list(array.shape)}; it must be [channels, frames]."
        )
    if array.size == 0:
        raise Error(f"{sentence(name)} is empty.")
    return array
