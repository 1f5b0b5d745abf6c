# SPDX-License-Identifier: MIT
"""Tables 3.5 and 5.1: the same training with one thing changed, equally long, on the same data.

    python models/rave/studies/variants.py regularisation DATASET [--steps 6000]
    python models/rave/studies/variants.py causality DATASET [--steps 6000]

Trains what is not trained yet under --out (an interrupted study goes on), then prints the table.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import torch
from common import distances, held_out, spread, table
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.distributions import Normal

from nnbridge.audio.dataset import Dataset
from nnbridge.rave import run
from nnbridge.rave.latent import Discrete, Variational
from nnbridge.rave.network import RAVE

STUDIES = {
    "regularisation": ("small", "wasserstein", "discrete", "spherical"),
    "causality": ("causal", "small"),
}
NAMES = {
    "small": "KL (variational)",
    "wasserstein": "MMD (Wasserstein)",
    "discrete": "RVQ (discrete)",
    "spherical": "spherical",
}
COMPONENTS = 48
DRAWS = 20_000


@torch.no_grad()
def divergence(rave: RAVE, items: list[Tensor]) -> str:
    """Equations 3.10 and 3.11: how far all latents together are from the prior, per dimension."""
    latent = rave.latent
    statistics = [rave.encode_statistics(x[None]) for x in items]
    if isinstance(latent, Discrete):
        codes = torch.cat([latent.quantiser.codes(s) for s in statistics], 2)[0]
        size = latent.quantiser.codebooks.shape[1]
        per_book = []
        for chosen in codes:
            share = torch.bincount(chosen, minlength=size).double() / len(chosen)
            entropy = -(share * torch.log(share.clamp(min=1e-12))).sum()
            per_book.append(torch.log(torch.tensor(float(size))) - entropy)
        return f"{torch.stack(per_book).mean():.2f}"
    if rave.recipe.latent.kind == "spherical":
        return "–"
    torch.manual_seed(0)
    if isinstance(latent, Variational):
        z = torch.cat([latent.sample(s)[0] for s in statistics], 2)
    else:
        z = torch.cat([latent.mean(s) for s in statistics], 2)
    points = z[0].T.double().numpy()
    mixture = GaussianMixture(min(COMPONENTS, len(points) // 4), covariance_type="diag",
                              random_state=0, reg_covar=1e-4).fit(points)  # fmt: skip
    drawn, _ = mixture.sample(DRAWS)
    prior = Normal(0.0, 1.0).log_prob(torch.from_numpy(drawn)).sum(1)
    nats = torch.from_numpy(mixture.score_samples(drawn)) - prior
    return f"{nats.mean() / points.shape[1]:.2f}"


def trained(recipe: str, dataset: Path, steps: int, out: Path) -> RAVE:
    """The network of this recipe after so many steps of stage one."""
    folder = out / f"{dataset.name}-{recipe}-{steps}"
    if run.exists(folder):
        if run.Run(folder).find()[1]["nnbridge"]["step"] >= steps:
            return run.load(folder)[1]
        options = ["--resume"]
    else:
        settings = {"stage_one_steps": steps, "stage_two_steps": 0, "validate_every": steps}
        options = [str(dataset), "--recipe", recipe]
        options += [part for k, v in settings.items() for part in ("--set", f"training.{k}={v}")]
    command = [sys.executable, "-m", "nnbridge.cli", "rave", "train", "--out", str(folder)]
    subprocess.run([*command, *options], check=True)
    return run.load(folder)[1]


def main() -> None:
    """See the top."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("study", choices=STUDIES)
    arguments.add_argument("dataset", type=Path, nargs="+")
    arguments.add_argument("--steps", type=int, default=6000)
    arguments.add_argument("--items", type=int, default=32)
    arguments.add_argument("--out", type=Path, default=Path("out/rave/studies"))
    args = arguments.parse_args()
    rows = []
    for folder in args.dataset:
        networks = {
            recipe: trained(recipe, folder, args.steps, args.out) for recipe in STUDIES[args.study]
        }
        ratio = next(iter(networks.values())).ratio
        items = held_out(Dataset(folder), args.items, ratio)
        if args.study == "causality":
            rows.append((folder.name, *(spread(distances(n, items)) for n in networks.values())))
        else:
            rows += [
                (NAMES[name], spread(distances(n, items)), divergence(n, items))
                for name, n in networks.items()
            ]
    if args.study == "causality":
        table(("equation 5.4", "pre-training causal", "post-training causal"), rows)
    else:
        table(("regularisation", "reconstruction", "divergence, nats per dimension"), rows)


if __name__ == "__main__":
    main()
