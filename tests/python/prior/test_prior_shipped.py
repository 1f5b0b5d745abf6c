# SPDX-License-Identifier: MIT
"""The prior that comes with nnbridge belongs to the drum RAVE that comes with it, and plays on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nnbridge
from nnbridge.contract import export
from nnbridge.prior import weights
from nnbridge.prior.module import PriorWithRave
from nnbridge.prior.rave_file import RaveFile
from nnbridge.prior.recipe import Recipe
from nnbridge.rave import export as raves
from nnbridge.rave import weights as rave_weights

MODELS = Path(__file__).resolve().parents[3] / "models"
DRUMS = MODELS / "prior" / "drums"


@pytest.fixture(scope="module")
def rave(tmp_path_factory: pytest.TempPathFactory) -> RaveFile:
    path = tmp_path_factory.mktemp("shipped") / "rave.ts"
    return RaveFile(
        raves.export(rave_weights.load(MODELS / "rave" / "drums" / "weights.safetensors"), path)
    )


def test_the_shipped_prior_knows_its_rave_and_is_what_its_recipe_says(rave: RaveFile) -> None:
    trained = weights.load(DRUMS / "weights.safetensors")
    assert trained.recipe == Recipe.load(DRUMS / "recipe.toml")
    assert trained.knows(rave)


@pytest.mark.extended
def test_the_shipped_prior_hears_audio_and_plays_on_without_it(
    rave: RaveFile, tmp_path: Path
) -> None:
    trained = weights.load(DRUMS / "weights.safetensors")
    module = PriorWithRave(trained.prior, trained.code, rave)
    stream = nnbridge.load(export(module, tmp_path / "playing.ts")).stream("play", host_block=2048)
    rng = np.random.default_rng(0)
    stream.process(0.3 * rng.standard_normal((1, 8 * 2048)).astype(np.float32))
    stream.set("listen", False)
    played = np.concatenate([stream.process(np.zeros((1, 2048), np.float32)) for _ in range(64)], 1)
    assert np.isfinite(played).all()
    levels = np.sqrt(np.mean(played[0, 32 * 2048 :].reshape(-1, 2048) ** 2, 1))
    assert levels.max() > 1e-3  # long after the noise, and the delay of the RAVE
    assert stream.stats.failed == 0


def test_playing_and_exporting_need_no_training_library() -> None:
    program = """
import sys
for name in ("pytorch_lightning", "lightning", "tensorboard"):
    sys.modules[name] = None
sys.path.insert(0, sys.argv[1])
import demo
import nnbridge.prior.generate, nnbridge.prior.run, nnbridge.rave.export
from nnbridge.cli import prior_export, prior_generate, rave_export
"""
    done = subprocess.run(
        [sys.executable, "-c", program, MODELS], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
