# SPDX-License-Identifier: MIT
"""Drum loops enough to learn from without learning them by heart.

    python models/prior/studies/loops.py --data ../shared/data --out out/prior/loops

Four hours to train and six minutes held out, by the sequencer of the drum RAVE's loops: of the
same hits, and no held-out loop has a hit that a training loop has. OUT/data is the dataset.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "rave"))

from sequencer import drums, kits
from sequencer.sounds import RATE

from nnbridge.audio.prepare import prepare

SEED = 2026
MINUTES = {"train": 240.0, "validation": 6.0}


def main() -> None:
    """Does it all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="recordings")
    parser.add_argument("--out", type=Path, default=Path("out/prior/loops"))
    given = parser.parse_args()
    hits = kits.hits(given.data)
    if not hits:
        raise SystemExit(f"'{given.data}' has no drums: name the recordings' folder with --data.")
    kept = kits.held_out(hits)
    sounds = {"train": sorted(set(hits) - set(kept)), "validation": kept}
    for number, (split, minutes) in enumerate(MINUTES.items()):
        folder = given.out / split
        shutil.rmtree(folder, ignore_errors=True)
        loops = drums.loops(
            kits.kits(given.data, sounds[split]), 60 * minutes, [SEED, number], folder
        )
        print(f"{folder}: {len(loops)} loops", flush=True)
    prepare(
        [given.out / "train"],
        given.out / "data",
        RATE,
        validation_folders=[given.out / "validation"],
    )
    print(f"{given.out / 'data'}: prepared")


if __name__ == "__main__":
    main()
