# SPDX-License-Identifier: MIT
"""The part of ``make demo`` that plays the shipped RAVEs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

import nnbridge
from nnbridge.rave import export, weights

HERE = Path(__file__).resolve().parent
SPEECH = HERE.parents[2] / "shared" / "data" / "speech"
"""Where this project's recordings lie, for those who have them."""
LONGEST = 12.0
"""Seconds of a voice."""

Take = tuple[str, Path, str]
"""What was done, the file, and a line to print."""


def exported(name: str, out: Path) -> Path:
    """The shipped network of this name as a model file."""
    path = out / f"{name}.ts"
    export.export(weights.load(HERE / name / "weights.safetensors"), path)
    return path


def play(loop: Path, out: Path, voice: Path | None = None) -> Iterator[Take]:
    """Renders the loop, its edited latent, and timbre transfers, into `out`.

    Args:
        loop: a recording of percussion.
        out: folder for model files and WAVs.
        voice: a recording of speech; default: one of the project's, where they lie beside it.
    """
    drums, cello = (nnbridge.load(exported(name, out)) for name in ("drums", "cello"))
    stem = loop.stem

    path = out / f"{stem}-drums.wav"
    made = nnbridge.render(drums, loop, path)
    yield "drums.ts   forward", path, f"{made.realtime_factor:4.0f} x real time"

    latents = out / f"{stem}-latents.npz"
    nnbridge.render(drums, loop, latents, "encode")
    edited = out / f"{stem}-latents-edited.npz"
    count = edit(latents, edited)
    path = out / f"{stem}-drums-edited.wav"
    nnbridge.render(drums, edited, path, "decode")
    yield "drums.ts   encode, edit, decode", path, f"{count} latent signals, two of them turned"

    path = out / f"{stem}-cello.wav"
    nnbridge.render(cello, loop, path)
    yield "cello.ts   drums through cello", path, "timbre transfer"

    voice = voice or next(iter(sorted(SPEECH.glob("*.flac"))), None)
    if voice is not None:
        spoken = out / "voice.wav"
        samples, rate = soundfile.read(voice, dtype="float32", always_2d=True)
        soundfile.write(spoken, samples[: int(LONGEST * rate)].mean(1), rate, subtype="FLOAT")
        path = out / "voice-drums.wav"
        nnbridge.render(drums, spoken, path)
        yield "drums.ts   speech through drums", path, f"timbre transfer of {voice.name}"


def edit(source: Path, target: Path) -> int:
    """Turns the first two latent signals, and says how many there are.

    The first is scaled down and the second swings slowly from -2 to 2.
    """
    with np.load(source) as archive:
        content = dict(archive)
    latents: NDArray[np.float32] = content["latents"].copy()
    latents[0] *= 0.6
    if len(latents) > 1:
        steps = np.arange(latents.shape[1])
        latents[1] += (2.0 * np.sin(2.0 * np.pi * steps / 64.0)).astype(np.float32)
    content["latents"] = latents
    np.savez(target, **content)
    return len(latents)
