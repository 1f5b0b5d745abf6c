# SPDX-License-Identifier: MIT
"""The datasets of the shipped RAVEs: ``python models/rave/datasets.py --data ../shared/data``.

Writes loops and phrases as FLAC files to OUT/audio, with lists of what each is made of, and
prepares OUT/data/drums, OUT/data/cello and OUT/data/speech for `nnbridge rave train`. The same
files come out every time.

drums   two- and four-bar loops, sequenced from real hits of an acoustic kit, of drum machines and
        of hands and feet. No hit of a validation loop is in a training loop.
cello   single notes as they were recorded, and melodies sequenced from them. One note in ten is
        held out, and the validation melodies are made of those only.
speech  the sentences as they were recorded; one in ten is held out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sequencer import cello, drums, kits
from sequencer.sounds import RATE

from nnbridge.audio import AudioError
from nnbridge.audio.prepare import prepare

SEED = 2026
TRAIN, VALIDATION = 0, 1


def make_drums(data: Path, out: Path) -> dict[str, Any]:
    """28 minutes of training loops, and 3 of validation loops."""
    hits = kits.hits(data)
    kept = kits.held_out(hits)
    rest = sorted(set(hits) - set(kept))
    return {
        "held_out": [str(hit) for hit in kept],
        "loops": [
            *drums.loops(kits.kits(data, rest), 28 * 60, [SEED, TRAIN], out / "train"),
            *drums.loops(kits.kits(data, kept), 3 * 60, [SEED, VALIDATION], out / "validation"),
        ],
    }


def make_cello(data: Path, out: Path) -> dict[str, Any]:
    """All notes, 12 minutes of training melodies, and 1.5 of validation melodies."""
    notes = cello.notes(data)
    kept = sorted(np.random.default_rng(SEED).permutation(len(notes))[: len(notes) // 10])
    held_out = [notes[index] for index in kept]
    facts: dict[str, Any] = {"held_out": [str(note) for note in held_out], "phrases": []}
    for split, recordings, minutes, number in [
        ("train", sorted(set(notes) - set(held_out)), 12.0, TRAIN),
        ("validation", held_out, 1.5, VALIDATION),
    ]:
        for note in recordings:
            copy = out / split / f"{note.parent.name}-{note.name}"
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(data / note, copy)
        sounds = cello.sorted_notes(data, recordings)
        facts["phrases"] += cello.phrases(sounds, minutes * 60, [SEED, number], out / split)
    return facts


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="recordings")
    parser.add_argument("--out", type=Path, default=Path("out/rave"), help="default: out/rave")
    chosen = parser.parse_args()
    if not (chosen.data / "drum-kit").is_dir():
        print(f"'{chosen.data}' has no folder drum-kit: name the recordings' folder with --data.")
        return 1
    audio, datasets = chosen.out / "audio", chosen.out / "data"
    try:
        for name, make in [("drums", make_drums), ("cello", make_cello)]:
            began = time.perf_counter()
            shutil.rmtree(audio / name, ignore_errors=True)
            facts = make(chosen.data, audio / name)
            (audio / f"{name}.json").write_text(json.dumps(facts, indent=1))
            print(f"{audio / name}: made in {time.perf_counter() - began:.0f} s", flush=True)
            _prepare(audio / name / "train", audio / name / "validation", datasets / name)
        _prepare(chosen.data / "speech", None, datasets / "speech")
    except (AudioError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _prepare(train: Path, validation: Path | None, out: Path) -> None:
    made = prepare([train], out, RATE, validation_folders=[validation] if validation else [])
    for split in (made.dataset.split("train"), made.dataset.split("validation")):
        print(f"{out}: {split.name} {split.seconds / 60:.1f} minutes, {len(split.files)} files")


if __name__ == "__main__":
    sys.exit(main())
