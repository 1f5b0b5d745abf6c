# SPDX-License-Identifier: MIT
"""A dataset and a network so small that a whole training takes a second."""

from pathlib import Path

import numpy as np
import soundfile
import torch

from nnbridge.audio.dataset import Dataset
from nnbridge.audio.prepare import prepare
from nnbridge.rave import session
from nnbridge.rave.loop import train
from nnbridge.rave.progress import Display
from nnbridge.rave.recipe import Recipe
from nnbridge.rave.session import Session

RATE = 8000
SETTINGS = [
    f"network.sample_rate={RATE}",
    "network.bands=4",
    "network.capacity=2",
    "network.strides=[2, 2]",
    "network.latents=4",
    "network.noise_bands=3",
    "network.noise_strides=[2, 2]",
    "losses.scales=[256, 64]",
    "losses.band_scales=[64, 16]",
    "discriminator.capacity=2",
    "discriminator.layers=2",
    "discriminator.scales=2",
    "training.segment=1024",
    "training.batch=4",
    "training.stage_one_steps=8",
    "training.stage_two_steps=8",
    "training.validate_every=5",
    "training.checkpoint_every=3",
    "training.log_every=2",
    "training.validation_seconds=0.5",
    "training.validation_items=2",
]


def recordings(folder: Path) -> Path:
    """Four short plucks."""
    folder.mkdir(parents=True, exist_ok=True)
    time = np.arange(RATE) / RATE
    for index, pitch in enumerate((110, 220, 330, 440)):
        pluck = 0.5 * np.sin(2 * np.pi * pitch * time) * np.exp(-4 * time)
        soundfile.write(folder / f"pluck{index}.wav", pluck, RATE)
    return folder


def make_dataset(folder: Path) -> Dataset:
    prepare([recordings(folder / "recordings")], folder / "dataset", RATE)
    return Dataset(folder / "dataset")


def recipe(*settings: str) -> Recipe:
    return Recipe.load("small").override([*SETTINGS, *settings])


def go(started: Session) -> None:
    train(
        started.training,
        started.run,
        Display(started.training.ends, quiet=True),
        {},
        started.checkpoint,
        accelerator="cpu",
    )


def weights(run: Path, checkpoint: str = "newest") -> dict[str, torch.Tensor]:
    _, held, _ = session.Run(run).find(checkpoint)
    return dict(held["state_dict"])


def state(run: Path, checkpoint: str = "newest") -> dict[str, object]:
    """All that training goes on from, with nested dictionaries and lists taken apart."""
    _, held, _ = session.Run(run).find(checkpoint)
    flat: dict[str, object] = {}

    def take(name: str, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                take(f"{name}.{key}", inner)
        elif isinstance(value, list | tuple):
            for index, inner in enumerate(value):
                take(f"{name}.{index}", inner)
        else:
            flat[name] = value

    for part in ("state_dict", "optimizer_states", "nnbridge"):
        take(part, held[part])
    return flat


def differing(a: dict[str, object], b: dict[str, object]) -> list[str]:
    """The names under which the two hold other values, to the bit."""
    assert a.keys() == b.keys()
    return [
        name
        for name in a
        if not (
            torch.equal(a[name], b[name])  # type: ignore[arg-type]
            if isinstance(a[name], torch.Tensor)
            else a[name] == b[name]
        )
    ]
