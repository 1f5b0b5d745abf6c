# SPDX-License-Identifier: MIT
"""Figures 3.6 and 3.10: fidelity against dimensions and distance, divergence per dimension.

python models/rave/studies/dimensions.py RUN DATASET
"""

from __future__ import annotations

import torch
from common import held_out, network, parser, save, table
from matplotlib.figure import Figure
from torch import Tensor

from nnbridge.audio.dataset import Dataset
from nnbridge.rave.fidelity import count, dimensions
from nnbridge.rave.latent import Variational
from nnbridge.rave.losses import evaluation_distance
from nnbridge.rave.network import RAVE

FIDELITIES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99, 1.0)
REPEATS = 4
"""Of the noise that stands for the dropped dimensions."""


@torch.no_grad()
def measured(rave: RAVE, dataset: Dataset, items: int) -> None:
    """Measure the latent on training recordings, as training does at the end of stage one."""
    pieces = held_out(dataset, items, rave.ratio, "train")
    rave.set_dimensions(dimensions(torch.cat([rave.encode(x[None])[0].T for x in pieces])))


@torch.no_grad()
def cropped(rave: RAVE, x: Tensor, kept: int, seed: int) -> Tensor:
    """The reconstruction from the first dimensions, noise for the others."""
    z = rave.compact(rave.encode(x[None]), kept)
    torch.manual_seed(seed)
    dropped = torch.randn(1, rave.latent_mean.numel() - kept, z.shape[-1])
    return rave.decode(rave.restore(z, dropped))[0]


@torch.no_grad()
def divergences(rave: RAVE, items: list[Tensor]) -> Tensor:
    """KL from the prior per dimension, [items, latents], in nats, largest first on average."""
    latent = rave.latent
    assert isinstance(latent, Variational)
    per_item = [latent.divergence(*latent.moments(rave.encode_statistics(x[None]))) for x in items]
    stacked = torch.stack(per_item)
    return stacked[:, stacked.mean(0).argsort(descending=True)]


def main() -> None:
    """See the top."""
    args = parser(__doc__ or "").parse_args()
    rave = network(args.network, args.checkpoint)
    dataset = Dataset(args.dataset)
    items = held_out(dataset, args.items, rave.ratio)
    measured(rave, dataset, 200)
    rows, kept, far = [], [], []
    for fidelity in FIDELITIES:
        number = count(rave.fidelity, fidelity)
        distance = torch.stack(
            [
                evaluation_distance(x, cropped(rave, x, number, seed))
                for x in items
                for seed in range(REPEATS)
            ]
        ).mean()
        kept.append(number)
        far.append(float(distance))
        rows.append((f"{fidelity:.2f}", str(number), f"{distance:.3f}"))
    table(("fidelity", "dimensions", "equation 5.4"), rows)
    figure = Figure((11, 3.2))
    left, middle, right = figure.subplots(1, 3)
    left.plot(FIDELITIES, kept, "o-")
    left.set(xlabel="fidelity", ylabel="dimensions", title="figure 3.6, left")
    middle.plot(FIDELITIES, far, "o-")
    middle.set(xlabel="fidelity", ylabel="equation 5.4", title="figure 3.6, right")
    if isinstance(rave.latent, Variational):
        nats = divergences(rave, items).mean(0)
        print(
            f"\ndivergence from the prior: {nats.sum():.2f} nats per frame; "
            f"{int((nats > 0.1).sum())} of {len(nats)} dimensions above 0.1, "
            f"{int((nats < 0.01).sum())} below 0.01."
        )
        right.bar(range(len(nats)), nats)
        right.set(xlabel="dimension", ylabel="nats", title="figure 3.10", yscale="log")
    figure.tight_layout()
    save(figure, args.out, "dimensions.webp")


if __name__ == "__main__":
    main()
