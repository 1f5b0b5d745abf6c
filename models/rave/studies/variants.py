# SPDX-License-Identifier: MIT
"""Tables 3.5 and 5.1: the same training with one thing changed, equally long, on the same data.

    python models/rave/studies/variants.py regularisation DATASET [--steps 1000]
    python models/rave/studies/variants.py causality DATASET DATASET [--steps 1000]

Trains what is not trained yet under --out (an interrupted study goes on), then prints the table. A
run's folder is named after everything that decides its result, so a changed recipe or data set is
trained anew. A network of the default size takes some minutes; --set network.capacity=16 and the
like, and more steps, make it a longer study.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

import torch
from common import distances, held_out, spread, table
from mixture import Mixture
from torch import Tensor
from torch.distributions import Normal

from nnbridge.audio.dataset import Dataset
from nnbridge.rave import run
from nnbridge.rave.latent import Discrete, Variational
from nnbridge.rave.network import RAVE
from nnbridge.rave.recipe import Recipe
from nnbridge.training import checkpoints

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
SIZE = (
    "network.capacity=8",
    "network.latents=32",
    "training.segment=16384",
    "training.stage_one_steps={steps}",
    "training.stage_two_steps=0",
)
"""What makes the recipes small enough for minutes on one core, and equal in all but their names.
The noise head joins in where the recipe says so; a shorter study is one without it."""
VARIATIONAL = ("latent.cycle={steps}",)
"""One cycle of annealing."""
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
    points = z[0].T
    mixture = Mixture(points, min(COMPONENTS, len(points) // 4))
    drawn = mixture.draw(DRAWS)
    nats = mixture.log_density(drawn) - Normal(0.0, 1.0).log_prob(drawn).sum(1)
    return f"{nats.mean() / points.shape[1]:.2f}"


def chosen(name: str, steps: int, settings: list[str]) -> Recipe:
    """The shipped recipe of this name, made small."""
    recipe = Recipe.load(name)
    shrink = (*SIZE, *(VARIATIONAL if recipe.latent.kind == "variational" else ()))
    return recipe.override([s.format(steps=steps) for s in shrink] + settings)


def done(folder: Path) -> int:
    """Steps that a run has taken, as far as they are saved."""
    made = run.Run(folder)
    if not checkpoints.available(made.checkpoints):
        return 0
    return int(made.find()[1]["nnbridge"]["step"])


def trained(name: str, dataset: Dataset, steps: int, settings: list[str], out: Path) -> RAVE:
    """The network of this recipe after so many steps of stage one."""
    recipe = chosen(name, steps, settings)
    made_of = hashlib.sha256(f"{recipe.to_toml()}{dataset.hash}".encode()).hexdigest()
    folder = out / f"{dataset.path.name}-{name}-{steps}-{made_of[:8]}"
    if run.exists(folder):
        if done(folder) >= steps:
            return run.load(folder)[1]
        options = ["--resume"]
    else:
        folder.parent.mkdir(parents=True, exist_ok=True)
        file = folder.with_suffix(".toml")
        file.write_text(recipe.to_toml(), encoding="utf-8")
        options = [str(dataset.path), "--recipe", str(file)]
    command = [sys.executable, "-m", "nnbridge.cli", "rave", "train", "--out", str(folder)]
    subprocess.run([*command, *options], check=True)
    return run.load(folder)[1]


def main() -> None:
    """See the top."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("study", choices=STUDIES)
    arguments.add_argument("dataset", type=Path, nargs="+")
    arguments.add_argument("--steps", type=int, default=1000)
    arguments.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    arguments.add_argument("--items", type=int, default=32)
    arguments.add_argument("--out", type=Path, default=Path("out/rave/studies"))
    args = arguments.parse_args()
    rows = []
    for folder in args.dataset:
        dataset = Dataset(folder)
        networks = {
            name: trained(name, dataset, args.steps, args.set, args.out)
            for name in STUDIES[args.study]
        }
        ratio = next(iter(networks.values())).ratio
        items = held_out(dataset, args.items, ratio)
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
