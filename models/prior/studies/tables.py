# SPDX-License-Identifier: MIT
"""Tables 4.1 to 4.3 of the thesis, at a size that trains here.

    python models/prior/studies/tables.py SEQUENCES OUT

Trains all twelve combinations, told descriptors and not, with the same batches and equally many
steps, and measures each at its best validation on the same held-out steps, beside what needs no
training. Each row is appended to OUT/rows.csv as soon as it is known, and OUT/tables.md written
anew (with --into models/prior/TABLES.md that as well); stopped at any moment, the same command goes
on. One thread. "At equal time" is the cross-entropy of the validations in training (of all steps
that the network predicts) when the residual row of the same network was done.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import time
from pathlib import Path

import numpy as np
import torch

from nnbridge.prior import evaluation, loop
from nnbridge.prior.build import build, facts
from nnbridge.prior.recipe import Recipe
from nnbridge.prior.run import load
from nnbridge.prior.sequences import Sequences
from nnbridge.training.loop import Stopped
from nnbridge.training.metrics import history

RECIPE = Path(__file__).with_suffix(".toml")
NUMBERS = ("4.1", "4.2", "4.3")
TEMPORALS = ("transformer", "wavenet", "gru")
PARAMETRISATIONS = ("residual", "decoupled", "shifted", "flattened")  # the last takes longest
COLUMNS = (
    "temporal", "parametrisation", "told", "accuracy", "perplexity", "cross_entropy", "in_training",
    "parameters", "best_step", "steps", "seconds",
)  # fmt: skip
Row = dict[str, str]


def variants(
    source: str | Path, settings: list[str], descriptors: list[str]
) -> dict[tuple[str, str, str], Recipe]:
    """The recipe of every row."""
    common = Recipe.load(source).override(settings)
    return {
        (temporal, parametrisation, told): common.override(
            [
                f"network.temporal={temporal}",
                f"network.parametrisation={parametrisation}",
                f"material.descriptors={json.dumps(descriptors if told else [])}",
            ]
        )
        for told, parametrisation, temporal in itertools.product(
            ("", "told"), PARAMETRISATIONS, TEMPORALS
        )
    }


def train(folder: Path, recipe: Recipe, sequences: Sequences) -> float:
    """Trains a run to its end, or goes on with it; gives the processor seconds that this took."""
    begin = time.process_time()
    checkpoint = None
    if (folder / "run.json").exists():
        run, training, checkpoint = loop.resume(folder, None, [])
    else:
        run, training = loop.begin(folder, recipe, sequences)
    if not training.done:
        loop.train(training, run, print, lambda *_: None, resume_from=checkpoint, accelerator="cpu")
    return time.process_time() - begin


def row(
    folder: Path, key: tuple[str, str, str], recipe: Recipe, sequences: Sequences, skip: int
) -> Row:
    """Trains and measures one."""
    seconds = train(folder, recipe, sequences)
    trained = load(folder)
    found = evaluation.evaluate(
        trained.prior, sequences, "validation", recipe.training.segment, skip
    )
    values = (
        *key,
        f"{found.accuracy:.5f}",
        f"{found.perplexity:.4f}",
        f"{found.cross_entropy:.5f}",
        f"{history(folder / 'metrics.csv', 'train/loss')[1][-1]:.5f}",
        str(sum(p.numel() for p in trained.prior.parameters())),
        str(trained.step),
        str(recipe.training.steps),
        f"{seconds:.0f}",
    )
    return dict(zip(COLUMNS, values, strict=True))


HEADING = """\
| | told | accuracy % | perplexity | cross-entropy | in training | seconds | at equal time |
|---|---|---|---|---|---|---|---|"""


def at_equal_time(held: Row, rows: list[Row], out: Path) -> str:
    """The validation cross-entropy of a row in as much time as the residual one took."""
    for other in rows:
        if all(other[name] == held[name] for name in ("temporal", "told")) and (
            other["parametrisation"] == "residual"
        ):
            share = min(1.0, float(other["seconds"]) / float(held["seconds"]))
            metrics = out / name_of(held) / "metrics.csv"
            steps, values = history(metrics, "validation/cross_entropy")
            return f"{np.interp(share * int(held['steps']), steps, values):.3f}"
    return ""


def name_of(held: Row) -> str:
    """Of a row's folder."""
    parts = (held["temporal"], held["parametrisation"], held["told"])
    return "-".join(part for part in parts if part)


def tables(rows: list[Row], rest: dict[str, evaluation.Figures], out: Path) -> str:
    """All tables, each sorted by accuracy as in the thesis."""
    parts = []
    for number, temporal in zip(NUMBERS, TEMPORALS, strict=True):
        lines = [
            f"| {held['parametrisation']} | {'✓' if held['told'] else '✗'} | "
            f"{100 * float(held['accuracy']):.2f} | {float(held['perplexity']):.2f} | "
            f"{float(held['cross_entropy']):.3f} | {float(held['in_training']):.3f} | "
            f"{held['seconds']} | {at_equal_time(held, rows, out)} |"
            for held in sorted(rows, key=lambda held: -float(held["accuracy"]))
            if held["temporal"] == temporal
        ]
        parts.append("\n".join([f"Table {number}, {temporal}\n\n{HEADING}", *lines]))
    lines = [
        f"| {name} | | {100 * found.accuracy:.2f} | {found.perplexity:.2f} | "
        f"{found.cross_entropy:.3f} | | | |"
        for name, found in rest.items()
    ]
    parts.append("\n".join([f"Without a network\n\n{HEADING}", *lines]))
    every = len(TEMPORALS) * len(PARAMETRISATIONS) * 2
    if len(rows) < every:
        parts.append(f"{len(rows)} of {every} rows: the same command goes on with the others.")
    return "\n\n".join(parts) + "\n"


def publish(text: str, out: Path, into: Path | None) -> None:
    """Writes the tables by themselves, and over those at the end of another file."""
    (out / "tables.md").write_text(text)
    if into:
        into.write_text(into.read_text().partition("Table 4.1")[0] + text)


def main() -> None:
    """Does it all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sequences", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipe", default=RECIPE)
    parser.add_argument("--descriptors", nargs="*", default=["centroid", "beat"])
    parser.add_argument("--into", type=Path, help="a file that ends with these tables")
    parser.add_argument("--set", action="append", default=[], help="further settings, for all")
    given = parser.parse_args()
    torch.set_num_threads(1)
    sequences = Sequences(given.sequences)
    recipes = variants(given.recipe, given.set, given.descriptors)
    # One set of steps for all: those that the widest receptive field leaves.
    untrained = [build(recipe, facts(sequences)) for recipe in recipes.values()]
    skip = max(prior.crop for prior in untrained)
    given.out.mkdir(parents=True, exist_ok=True)
    done = given.out / "rows.csv"
    rows: list[Row] = []
    if done.is_file():
        with done.open(newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        done.write_text(",".join(COLUMNS) + "\n")
    segment = next(iter(recipes.values())).training.segment
    rest = evaluation.baselines(sequences, untrained[0].quantisers, "validation", segment, skip)
    known = {(held["temporal"], held["parametrisation"], held["told"]) for held in rows}
    for key, recipe in recipes.items():
        if key in known:
            continue
        name = name_of(dict(zip(COLUMNS, key, strict=False)))
        print(f"{name}:", flush=True)
        try:
            rows.append(row(given.out / name, key, recipe, sequences, skip))
        except Stopped:
            raise SystemExit("stopped; the same command goes on.") from None
        with done.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerow(rows[-1])
        publish(tables(rows, rest, given.out), given.out, given.into)
    publish(tables(rows, rest, given.out), given.out, given.into)


if __name__ == "__main__":
    main()
