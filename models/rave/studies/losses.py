# SPDX-License-Identifier: MIT
"""How a training went: its losses and its held-out distance, over the steps.

python models/rave/studies/losses.py RUN
"""

from __future__ import annotations

import argparse
from pathlib import Path

from common import save
from matplotlib.figure import Figure

from nnbridge.rave.run import Run
from nnbridge.training.metrics import history

CURVES = {
    "spectral distance": ("train/spectral",),
    "held out, equation 5.4": ("validation/distance",),
    "divergence, nats per frame": ("latent/divergence",),
    "stage two": ("train/discriminator", "train/feature_matching", "train/adversarial"),
}


def main() -> None:
    """See the top."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("network", metavar="RUN", help="a run folder")
    arguments.add_argument("--out", type=Path, default=Path("out/rave/studies"))
    args = arguments.parse_args()
    run = Run(args.network)
    ends = run.recipe().training.stage_one_steps
    figure = Figure((11, 2.6))
    for axis, (title, names) in zip(figure.subplots(1, len(CURVES)), CURVES.items(), strict=True):
        for name in names:
            steps, values = history(run.metrics, name)
            if steps:
                axis.plot(steps, values, linewidth=1, label=name.partition("/")[2])
        if len(names) == 1:
            axis.axvline(ends, color="gray", linewidth=0.5)  # stage two begins
        elif axis.lines:
            axis.legend(fontsize=7)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("step", fontsize=7)
        axis.tick_params(labelsize=7)
    figure.tight_layout()
    save(figure, args.out, "losses.webp")


if __name__ == "__main__":
    main()
