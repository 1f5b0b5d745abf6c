# SPDX-License-Identifier: MIT
"""Figure 3.9: ramps on single dimensions of the latent, and what they change in the sound.

    python models/rave/studies/manipulation.py RUN DATASET

Also prints how the first dimensions correlate with descriptors over held-out recordings.
"""

from __future__ import annotations

import numpy as np
import torch
from common import held_out, network, parser, save, table
from dimensions import measured
from matplotlib.figure import Figure
from scipy.stats import spearmanr
from torch import Tensor

from nnbridge.audio.dataset import Dataset
from nnbridge.audio.descriptors import describe
from nnbridge.rave.network import RAVE

SHOWN = ("loudness", "centroid", "bandwidth", "rolloff", "flatness", "clarity", "onset")
FIRST = 6
STEPS = 64


@torch.no_grad()
def ramped(rave: RAVE, z: Tensor, dimension: int, deviation: float) -> Tensor:
    """Audio of a constant latent whose `dimension` goes from -2 to 2 deviations.

    Args:
        rave: its latent is measured.
        z: [latents], in order of importance.
        dimension: which one to turn.
        deviation: of this dimension over the recordings.
    """
    latent = z[None, :, None].repeat(1, 1, STEPS)
    latent[0, dimension] = torch.linspace(-2.0, 2.0, STEPS) * deviation
    torch.manual_seed(0)
    none = latent.new_zeros(1, 0, STEPS)
    return rave.decode(rave.restore(latent, none))[0]


def main() -> None:
    """See the top."""
    args = parser(__doc__ or "").parse_args()
    rave = network(args.network, args.checkpoint)
    dataset = Dataset(args.dataset)
    measured(rave, dataset, 200)
    items = held_out(dataset, args.items, rave.ratio)
    rate, ratio = dataset.sample_rate, rave.ratio
    size = rave.latent_mean.numel()
    with torch.no_grad():
        latents = [rave.compact(rave.encode(x[None]), size)[0] for x in items]
    curves = [describe(x.numpy(), rate, ratio) for x in items]
    z = torch.cat(latents, 1)
    heard = np.concatenate([curve["loudness"] for curve in curves]) > -60
    rows = []
    for dimension in range(min(FIRST, size)):
        values = z[dimension].numpy()[heard]
        row = [str(dimension + 1)]
        for name in SHOWN:
            described = np.concatenate([curve[name] for curve in curves])[heard]
            row.append(f"{np.corrcoef(values, described)[0, 1]:+.2f}")
        rows.append(row)
    print("Correlation of latent dimensions and descriptors, held-out recordings:\n")
    table(("dimension", *SHOWN), rows)

    print("\nRamps from -2 to 2 deviations, rank correlation of ramp and descriptor:\n")
    middle = z[:, torch.from_numpy(heard)].median(1).values
    figure = Figure((10, 5))
    axes = figure.subplots(2, 2)
    rows = []
    for dimension in range(2):
        y = ramped(rave, middle, dimension, float(z[dimension].std()))
        described = describe(y.numpy(), rate, ratio)
        row = [str(dimension + 1)]
        for column, name in enumerate(("loudness", "centroid")):
            inner = described[name][2:-2]
            row.append(f"{spearmanr(np.arange(len(inner)), inner).statistic:+.2f}")
            row.append(f"{inner[0]:.1f} to {inner[-1]:.1f}")
            axes[dimension][column].plot(inner)
            axes[dimension][column].set(title=f"{name}, dimension {dimension + 1} rising")
        rows.append(row)
    table(("dimension", "loudness", "dB", "centroid", "Hz"), rows)
    figure.tight_layout()
    save(figure, args.out, "manipulation.webp")


if __name__ == "__main__":
    main()
