# SPDX-License-Identifier: MIT
"""A descriptor steers: a prior learns what it tells, and plays what it asks for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_priors import TINY

from nnbridge.prior.conditioning import NAMES
from nnbridge.prior.player import player
from nnbridge.prior.recipe import Recipe
from nnbridge.prior.sequences import Sequences
from nnbridge.prior.training import Training

V = 5


def told_by_centroid(folder: Path) -> Sequences:
    """Tokens that only the centroid tells: the first is its fifth of the range."""
    rng = np.random.default_rng(0)
    levels = rng.integers(V, size=600)
    curves = np.zeros((600, len(NAMES)), np.float32)
    curves[:, NAMES.index("centroid")] = (levels + 0.5) / V * 22050
    np.save(folder / "tokens.npy", np.stack([levels, (levels + 1) % V], 1).astype(np.uint16))
    np.save(folder / "curves.npy", curves)
    files = [
        {"path": "a", "split": "train", "begin": 0, "steps": 500},
        {"path": "b", "split": "validation", "begin": 500, "steps": 100},
    ]
    about = {"format": 1, "quantisers": 2, "vocabulary": V, "code": "codes", "ratio": 512,
             "sample_rate": 44100, "hash": "", "rave": {}, "files": files}  # fmt: skip
    (folder / "sequences.json").write_text(json.dumps(about))
    return Sequences(folder)


@pytest.mark.parametrize(
    ("temporal", "parametrisation"),
    [("transformer", "residual"), ("wavenet", "decoupled"), ("gru", "residual")],
)
def test_what_is_played_follows_the_curve(
    temporal: str, parametrisation: str, tmp_path: Path
) -> None:
    sequences = told_by_centroid(tmp_path)
    recipe = Recipe().override(
        [*TINY, "network.width=32", "network.cycle=2", "training.batch=8",
         f"network.temporal={temporal}", f"network.parametrisation={parametrisation}"]
    )  # fmt: skip
    training = Training(recipe, sequences)
    optimizer = torch.optim.Adam(training.prior.parameters(), 5e-3)
    for step in range(150):
        batch = training._crops.at(step)
        logits = training.prior(batch.tokens, batch.curves)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 2), batch.tokens.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    file = sequences.split("validation")[0]
    curve = torch.from_numpy(sequences.curves(file, ("centroid",)))
    playing = player(training.prior.eval())
    with torch.inference_mode():
        played = [playing(torch.zeros(1, 2, dtype=torch.long), curve[t : t + 1], False)[0]
                  for t in range(file.steps)]  # fmt: skip
    right = (torch.cat(played).numpy() == sequences.tokens(file)).mean()
    assert right > 0.9  # by chance 0.2
