# SPDX-License-Identifier: MIT
"""Which distances between the rows of tables.py the held-out recordings tell from chance.

    python models/prior/studies/intervals.py OUT [--sequences DIR]

OUT is what tables.py wrote. Of every two rows that are compared, the mean difference of
cross-entropy in nats, its 95 % interval over the held-out recordings (bootstrap, each recording
drawn as a whole, both rows on the same ones), and the share of recordings where the first is worse.
"""

from __future__ import annotations

import argparse
import copy
import itertools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tables import TEMPORALS

from nnbridge.prior import evaluation
from nnbridge.prior.run import load
from nnbridge.prior.sequences import Sequences
from nnbridge.prior.trained import Trained

DRAWS = 4000


def sums(trained: Trained, sequences: Sequences, skip: int) -> NDArray[np.float64]:
    """Cross-entropy and number of the steps of each held-out recording: [recordings, 2]."""
    found = []
    for file in sequences.split("validation"):
        one = copy.copy(sequences)
        one.files = (file,)
        segment = trained.recipe.training.segment
        figures = evaluation.evaluate(trained.prior, one, "validation", segment, skip)
        found.append((figures.cross_entropy * figures.steps, figures.steps))
    return np.array(found)


def interval(worse: NDArray[np.float64], better: NDArray[np.float64]) -> tuple[float, float, float]:
    """The mean difference per token, and the ends of its interval."""
    difference, steps = worse[:, 0] - better[:, 0], worse[:, 1]
    drawn = np.random.default_rng(0).integers(len(steps), size=(DRAWS, len(steps)))
    low, high = np.percentile(difference[drawn].sum(1) / steps[drawn].sum(1), (2.5, 97.5))
    return float(difference.sum() / steps.sum()), float(low), float(high)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--sequences", type=Path, help="default: where the runs found them")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = {folder.name: load(folder) for folder in sorted(given.out.iterdir()) if folder.is_dir()}
    sequences = Sequences(given.sequences or next(iter(rows.values())).about["path"])
    skip = max(trained.prior.crop for trained in rows.values())
    found = {name: sums(trained, sequences, skip) for name, trained in rows.items()}
    print("| | nats | 95 % interval | recordings where worse |\n|---|---|---|---|")
    pairs = itertools.product(("flattened", "shifted"), ("residual", "decoupled"))
    for (one, other), temporal, told in itertools.product(pairs, TEMPORALS, ("", "-told")):
        worse, better = (found[f"{temporal}-{name}{told}"] for name in (one, other))
        mean, low, high = interval(worse, better)
        share = 100 * float(np.mean(worse[:, 0] > better[:, 0]))
        name = f"{temporal}{told.replace('-', ', ')}: {one} behind {other}"
        print(f"| {name} | {mean:+.4f} | {low:+.4f} to {high:+.4f} | {share:.0f} % |", flush=True)


if __name__ == "__main__":
    main()
