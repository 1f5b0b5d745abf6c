# SPDX-License-Identifier: MIT
"""What the studies share: opening a network, held-out recordings, tables and pictures."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import torch
from matplotlib.figure import Figure
from torch import Tensor

from nnbridge.audio.dataset import Dataset, Split
from nnbridge.rave import run, weights
from nnbridge.rave.losses import evaluation_distance
from nnbridge.rave.network import RAVE

SECONDS = 6.0
"""Of each held-out recording, at most."""


def parser(description: str, *, dataset: bool = True) -> argparse.ArgumentParser:
    """The arguments that all studies of one network take."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("network", help="a run folder, or a .safetensors file")
    if dataset:
        made.add_argument("dataset", help="a folder that `nnbridge data prepare` made")
    made.add_argument("--checkpoint", default="newest", help="of a run folder")
    made.add_argument("--items", type=int, default=16, help="held-out recordings to use")
    made.add_argument("--out", type=Path, default=Path("out/rave/studies"), help="for pictures")
    return made


def network(source: str, checkpoint: str = "newest") -> RAVE:
    """A trained network, deterministic: without its noise head's chance, see `seeded`."""
    if source.endswith(weights.SUFFIX):
        return weights.load(source)
    return run.load(source, checkpoint)[1]


def untrained(rave: RAVE) -> RAVE:
    """The same network before its first step."""
    torch.manual_seed(rave.recipe.training.seed)
    return RAVE(rave.recipe).eval()


def held_out(dataset: Dataset, items: int, ratio: int, split: str = "validation") -> list[Tensor]:
    """Evenly chosen recordings of a split, [channels, samples], whole latent frames each."""
    return list(_pieces(dataset.split(split), items, ratio))


def _pieces(split: Split, items: int, ratio: int) -> Iterator[Tensor]:
    count = min(items, len(split.files))
    longest = int(SECONDS * split.dataset.sample_rate)
    for index in torch.linspace(0, len(split.files) - 1, count).long().tolist():
        x = torch.from_numpy(split.file(index))[:, :longest]
        frames = x.shape[-1] // ratio
        if frames:
            yield x[:, : frames * ratio]


@torch.no_grad()
def reconstructed(rave: RAVE, x: Tensor) -> Tensor:
    """[channels, samples] through the network; its noise is the same at every call."""
    torch.manual_seed(0)
    y: Tensor = rave(x[None])[0]
    return y


def distances(rave: RAVE, items: Sequence[Tensor]) -> Tensor:
    """Equation 5.4 for each item."""
    return torch.stack([evaluation_distance(x, reconstructed(rave, x)) for x in items])


def spread(values: Tensor) -> str:
    """Mean and standard deviation, to print."""
    deviation = values.std() if len(values) > 1 else torch.zeros(())
    return f"{values.mean():.3f} ± {deviation:.3f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table as Markdown."""
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def save(figure: Figure, folder: Path, name: str) -> None:
    """Writes a picture and says where."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    figure.savefig(path, dpi=80, bbox_inches="tight")
    print(f"\npicture: {path}")
