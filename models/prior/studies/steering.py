# SPDX-License-Identifier: MIT
"""Figure 4.8 of the thesis: the centroid of what is played against the one that was asked for.

    python models/prior/studies/steering.py RUN UNTOLD_RUN DATASET OUT

RUN follows the centroid, UNTOLD_RUN nothing. Of held-out recordings, both listen to the begin and
play on, several variations each; RUN is told the recording's own centroid. Writes OUT/steering.png
(a dot marks where listening ends) and OUT/steering.json with the correlation of target and result,
per variation and of their mean.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nnbridge.audio.dataset import Dataset
from nnbridge.audio.descriptors import describe
from nnbridge.prior.generate import Drawing, generate, measured
from nnbridge.prior.rave_file import RaveFile
from nnbridge.prior.run import load
from nnbridge.prior.trained import Trained

mpl.use("Agg")
from matplotlib import pyplot as plt

Curve = NDArray[np.float32]


def played(
    trained: Trained,
    rave: RaveFile,
    audio: Curve,
    heard: int,
    steps: int,
    drawing: Drawing,
    variations: int,
) -> list[Curve]:
    """The centroids of a recording's first `heard` steps through the RAVE, and of what follows."""
    curves = {
        name: curve[heard:] for name, curve in measured(audio, trained, heard + steps).items()
    }
    made = generate(
        trained,
        rave,
        steps * trained.ratio / trained.sample_rate,
        drawing,
        variations,
        audio[:, : heard * trained.ratio],
        curves,
    )
    rate, ratio = trained.sample_rate, trained.ratio
    return [describe(sound, rate, ratio)["centroid"] for sound in made.audio]


def correlation(target: Curve, result: Curve) -> float:
    """Pearson's; 0 where one of them stands still."""
    if np.ptp(target) == 0 or np.ptp(result) == 0:
        return 0.0
    return float(np.corrcoef(target, result)[0, 1])


def main() -> None:
    """Does it all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("untold", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rave", type=Path)
    parser.add_argument("--recordings", type=int, default=2)
    parser.add_argument("--variations", type=int, default=10)
    parser.add_argument("--heard", type=float, default=1.5, help="seconds")
    parser.add_argument("--seconds", type=float, default=6.0, help="to play")
    parser.add_argument("--temperature", type=float, default=1.0)
    given = parser.parse_args()
    priors = {"told": load(given.run), "untold": load(given.untold)}
    rave = RaveFile(given.rave or priors["told"].rave or "")
    split = Dataset(given.dataset).split("validation")
    rate, ratio = rave.sample_rate, rave.ratio
    heard, steps = (round(s * rate / ratio) for s in (given.heard, given.seconds))
    long_enough = [i for i in range(len(split.files)) if
                   split.files[i].frames >= (heard + steps) * ratio]  # fmt: skip
    if not long_enough:
        raise SystemExit("no held-out recording is as long as --heard and --seconds together.")
    chosen = long_enough[: given.recordings]
    figure, axes = plt.subplots(len(chosen), 2, figsize=(12, 2.6 * len(chosen)), squeeze=False)
    found: dict[str, dict[str, list[float]]] = {}
    for row, index in enumerate(chosen):
        audio = split.file(index)
        target = describe(audio, rate, ratio)["centroid"][: heard + steps]
        for column, (name, trained) in enumerate(priors.items()):
            drawing = Drawing(seed=index, temperature=given.temperature)
            results = played(trained, rave, audio, heard, steps, drawing, given.variations)
            kept = found.setdefault(name, {"each": [], "mean": []})
            kept["each"] += [correlation(target[heard:], result[heard:]) for result in results]
            kept["mean"].append(correlation(target[heard:], np.mean(results, axis=0)[heard:]))
            seconds = (np.arange(heard + steps) + 0.5) * ratio / rate
            for result in results:
                axes[row][column].plot(seconds, result, color="tab:blue", alpha=0.3)
            axes[row][column].plot(seconds, target, color="tab:red")
            axes[row][column].plot(seconds[heard], target[heard], "ko")
            axes[row][column].set_title(f"{name}: {kept['mean'][-1]:.2f}")
            axes[row][column].set_ylabel("centroid, Hz")
            axes[row][column].set_xlabel("s" if row == len(chosen) - 1 else "")
    given.out.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    picture = given.out / "steering.png"
    figure.savefig(picture, dpi=80)
    Image.open(picture).convert("RGB").quantize(32).save(picture, optimize=True)  # a small file
    (given.out / "steering.json").write_text(json.dumps(found, indent=1) + "\n")
    for name, kept in found.items():
        each, mean = np.mean(kept["each"]), np.mean(kept["mean"])
        print(f"{name}: correlation {each:.3f} per variation, {mean:.3f} of their mean")


if __name__ == "__main__":
    main()
