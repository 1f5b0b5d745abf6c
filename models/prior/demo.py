# SPDX-License-Identifier: MIT
"""The part of ``make demo`` in which the shipped prior plays on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

import nnbridge
from nnbridge.contract import export
from nnbridge.prior import weights
from nnbridge.prior.module import PriorWithRave
from nnbridge.prior.rave_file import RaveFile
from nnbridge.rave import export as raves
from nnbridge.rave import weights as rave_weights

DRUMS = Path(__file__).resolve().parent / "drums"
RAVE = Path(__file__).resolve().parents[1] / "rave" / "drums"
HEARD, PLAYED = 4.0, 8.0
"""Seconds."""
BLOCK = 2048
TEMPERATURE = 1.0


def exported(out: Path) -> Path:
    """The shipped prior and the drum RAVE that it plays, as one model file."""
    with TemporaryDirectory() as folder:
        rave = raves.export(rave_weights.load(RAVE / "weights.safetensors"), f"{folder}/rave.ts")
        trained = weights.load(DRUMS / "weights.safetensors")
        module = PriorWithRave(trained.prior, trained.code, RaveFile(rave))
        module.metadata(name="drums, playing on", license="CC0-1.0")
        return export(module, out / "drums-playing.ts")


def play(loop: Path, out: Path) -> Iterator[tuple[str, Path, str]]:
    """Lets the model hear a loop, and play on when it has ended.

    Args:
        loop: a recording of percussion.
        out: folder for model file and WAV.

    Yields:
        What was done, the file, and a line to print.
    """
    path, heard, factor = continued(nnbridge.load(exported(out)), loop, out)
    yield (
        "drums-playing.ts   play",
        path,
        f"{factor:4.0f} x real time, from {heard:.1f} s on it plays by itself",
    )


def continued(model: nnbridge.Model, loop: Path, out: Path) -> tuple[Path, float, float]:
    """Lets a model hear the begin of a loop and play on, as a player in a patch would.

    Returns:
        The file, the second from which on it plays by itself, and audio time over time.
    """
    sound, rate = soundfile.read(loop, dtype="float32", always_2d=True)
    heard = min(int(HEARD * rate), len(sound)) // BLOCK * BLOCK
    silence = int(PLAYED * rate) // BLOCK * BLOCK
    stream = model.stream("play", sample_rate=rate, host_block=BLOCK)
    stream.set("temperature", TEMPERATURE)
    begin = time.perf_counter()
    parts = [_through(stream, sound[:heard].mean(1))]
    stream.set("listen", False)  # while the sound goes on
    late = -(-stream.latency.total // BLOCK) * BLOCK
    parts.append(_through(stream, np.zeros(silence + late, np.float32)))
    factor = (heard + silence + late) / rate / (time.perf_counter() - begin)
    made = np.concatenate(parts)[stream.latency.total :][: heard + silence]
    path = out / f"{loop.stem}-continued.wav"
    soundfile.write(path, made, rate, subtype="FLOAT")
    return path, heard / rate, factor


def _through(stream: nnbridge.Stream, signal: np.ndarray) -> np.ndarray:
    blocks = [stream.process(signal[i : i + BLOCK])[0] for i in range(0, len(signal), BLOCK)]
    return np.concatenate(blocks)
