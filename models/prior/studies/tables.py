# SPDX-License-Identifier: MIT
"""Tables 4.1 to 4.3 of the thesis, at a size that trains here.

    python models/prior/studies/tables.py SEQUENCES OUT --steps 4000

Trains all twelve combinations, told descriptors and not, equally long with the same batches, and
measures each at its best validation on the same held-out steps, beside what needs no training.
Stopped at any moment, the same command goes on. Writes OUT/table.md and OUT/table.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import torch

from nnbridge.prior import evaluation, loop
from nnbridge.prior.network import PARAMETRISATIONS, TEMPORALS
from nnbridge.prior.recipe import Recipe
from nnbridge.prior.run import load
from nnbridge.prior.sequences import Sequences
from nnbridge.rave.metrics import history


def train(folder: Path, recipe: Recipe, sequences: Sequences) -> float:
    """Trains a run to its end, or goes on with it; gives the seconds that this took."""
    begin = time.monotonic()
    checkpoint = None
    if (folder / "run.json").exists():
        run, training, checkpoint = loop.resume(folder, None, [])
    else:
        run, training = loop.begin(folder, recipe, sequences)
    if not training.done:
        loop.train(
            training, run, print, lambda *_: None, resume_from=checkpoint, accelerator="auto"
        )
    return time.monotonic() - begin


def main() -> None:
    """Does it all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sequences", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--steps", type=int, default=4000, help="training steps of each")
    parser.add_argument("--descriptors", nargs="*", default=["centroid", "beat"])
    parser.add_argument("--only", nargs="*", default=[""], help="those whose name contains one")
    parser.add_argument("--set", action="append", default=[], help="further settings, for all")
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sequences = Sequences(given.sequences)
    common = [*given.set, f"training.steps={given.steps}", "training.patience=0"]
    rows: dict[str, dict[str, object]] = {}
    plans = list(itertools.product(TEMPORALS, PARAMETRISATIONS, (True, False)))
    for temporal, parametrisation, told in plans:
        name = f"{temporal}-{parametrisation}" + ("-told" if told else "")
        if not any(part in name for part in given.only):
            continue
        recipe = Recipe.load(given.recipe).override(
            [
                *common,
                f"network.temporal={temporal}",
                f"network.parametrisation={parametrisation}",
                f"material.descriptors={json.dumps(given.descriptors if told else [])}",
            ]
        )
        print(f"{name}:", flush=True)
        seconds = train(given.out / name, recipe, sequences)
        trained = load(given.out / name)
        rows[name] = {
            "temporal": temporal,
            "parametrisation": parametrisation,
            "told": told,
            "parameters": sum(p.numel() for p in trained.prior.parameters()),
            "best_step": trained.step,
            "seconds": seconds,
            "crop": trained.prior.crop,
        }
    # One set of steps for all: those that the widest receptive field leaves.
    skip = max(int(str(row["crop"])) for row in rows.values())
    for name, row in rows.items():
        trained = load(given.out / name)
        segment = trained.recipe.training.segment
        row |= asdict(evaluation.evaluate(trained.prior, sequences, "validation", segment, skip))
        steps, values = history(given.out / name / "metrics.csv", "validation/cross_entropy")
        row["last_cross_entropy"] = values[-1] if steps else None
    quantisers = load(given.out / next(iter(rows))).prior.quantisers
    segment = Recipe.load(given.recipe).override(common).training.segment
    for name, figures in evaluation.baselines(
        sequences, quantisers, "validation", segment, skip
    ).items():
        rows[name] = asdict(figures)
    (given.out / "table.json").write_text(json.dumps(rows, indent=1) + "\n")
    ordered = sorted(rows.items(), key=lambda item: -float(str(item[1]["accuracy"])))
    lines = [
        "| | accuracy % | perplexity | cross-entropy | parameters, M | best step |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in ordered:
        size = f"{int(str(row['parameters'])) / 1e6:.2f}" if "parameters" in row else ""
        lines.append(
            f"| {name} | {100 * float(str(row['accuracy'])):.2f} | "
            f"{float(str(row['perplexity'])):.2f} | {float(str(row['cross_entropy'])):.4f} | "
            f"{size} | {row.get('best_step', '')} |"
        )
    table = "\n".join(lines) + "\n"
    (given.out / "table.md").write_text(table)
    print(table)


if __name__ == "__main__":
    main()
