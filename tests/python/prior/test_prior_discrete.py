# SPDX-License-Identifier: MIT
"""From a discrete RAVE to sound: its codes are encoded, learnt, exported, and played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import nnbridge
from nnbridge.audio.dataset import Dataset
from nnbridge.audio.prepare import prepare
from nnbridge.cli import main
from nnbridge.prior import run as runs
from nnbridge.prior.errors import PriorError
from nnbridge.prior.generate import generate
from nnbridge.prior.module import PriorWithRave
from nnbridge.prior.network import Prior
from nnbridge.prior.rave_file import RaveFile
from nnbridge.prior.sequences import Sequences
from nnbridge.prior.training import Training
from nnbridge.rave.export import Choices, export
from nnbridge.rave.network import RAVE
from nnbridge.rave.recipe import Recipe

RATE, RATIO, ALL, CODES = 8000, 64, 3, 12
Q = 2
"""Codebooks that the prior learns: the first of ALL."""


def network() -> RAVE:
    """Random weights, and codebooks of what they make of noise."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        settings = [
            'latent.kind="discrete"', f"latent.codes={CODES}", f"latent.quantisers={ALL}",
            f"network.sample_rate={RATE}", "network.bands=4", "network.strides=[4, 4]",
            "network.capacity=4", "network.latents=6", "network.dilations=[3]",
            "network.noise_bands=3", "network.noise_strides=[4]",
        ]  # fmt: skip
        rave = RAVE(Recipe.load("small").override(settings)).eval()
        rave.latent.train().sample(rave.encode_statistics(0.3 * torch.randn(2, 1, RATIO * 256)))
        return rave.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the commands make, each from what the one before made."""
    made = tmp_path_factory.mktemp("discrete")
    (made / "recordings").mkdir()
    rng = np.random.default_rng(0)
    for number in range(5):
        envelope = np.resize(np.exp(-np.arange(600) / 300), RATE)
        noise = 0.4 * envelope * rng.standard_normal(RATE)
        soundfile.write(made / f"recordings/{number}.wav", noise, RATE, "FLOAT")
    prepare([made / "recordings"], made / "dataset", RATE, 1, 0.2)
    rave = network()
    export(rave, made / "all.ts")
    export(rave, made / "rave.ts", Choices(latents=Q))
    settings = [
        "network.width=16", "network.layers=1", "network.heads=2", "training.segment=32",
        "training.batch=4", "training.steps=20", "training.ramp=5", "training.validate_every=10",
        "training.learning_rate=1e-2", "material.rave_codebooks=true",
    ]  # fmt: skip
    given = [word for setting in settings for word in ("--set", setting)]
    for words in (
        ["encode", made / "dataset", made / "all.ts", "-o", made / "s", "--quantisers", Q, "-q"],
        ["train", made / "s", "-o", made / "run", "-q", *given],
        ["export", made / "run", made / "playing.ts", "--rave", made / "rave.ts", "-q"],
    ):
        assert main(["prior", *map(str, words)]) == 0
    return made


def test_the_sequences_are_the_first_codes_that_the_network_finds(folder: Path) -> None:
    held = Sequences(folder / "s")
    assert (held.code, held.quantisers, held.vocabulary) == ("codes", Q, CODES)
    rave = network()
    quantiser: Any = rave.latent.quantiser  # type: ignore[union-attr]
    assert torch.equal(held.codebooks(), quantiser.codebooks[:Q])
    file = held.split("validation")[0]
    audio = Dataset(folder / "dataset").split("validation").file(0)
    with torch.inference_mode():
        z = rave.encode_statistics(torch.from_numpy(audio)[None])
        expected = quantiser.codes(z)[0, :Q].T.numpy()
    found = held.tokens(file)
    assert found.shape == expected.shape
    # Two entries may be equally near, and a stream goes on where the offline network ends.
    assert (found == expected).mean() > 0.98
    assert len(np.unique(found)) > CODES // 2


def test_its_embedding_began_with_the_codebooks_and_learnt(folder: Path) -> None:
    trained, held = runs.load(folder / "run"), Sequences(folder / "s")

    def entries(prior: Prior) -> torch.Tensor:
        return prior.embedding.table.detach().view(Q, CODES + 1, -1)[:, :CODES]

    assert torch.equal(entries(Training(trained.recipe, held).prior), held.codebooks())
    assert not torch.equal(entries(trained.prior), held.codebooks())


def test_going_on_from_the_middle_of_a_recording_hears_what_it_is_there(folder: Path) -> None:
    trained, rave = runs.load(folder / "run"), RaveFile(folder / "rave.ts")
    audio = soundfile.read(folder / "recordings/0.wav", dtype="float32")[0][None]
    made = generate(trained, rave, 0.1, heard=audio, at=RATE // 2)
    steps = RATE // 2 // RATIO
    assert made.heard == steps
    assert made.audio.shape[-1] == RATE // 2 // RATIO * RATIO + 13 * RATIO
    there = trained.code.tokens(rave.encode(audio))[:, :steps]
    assert np.array_equal(made.tokens[0, :steps].T, there.numpy())
    # This RAVE looks ahead: where a recording ends, its last steps are others.
    cut = trained.code.tokens(rave.encode(audio[:, : RATE // 2]))
    assert not torch.equal(cut, there)
    with pytest.raises(PriorError, match="no frame 9000 to go on from"):
        generate(trained, rave, 0.1, heard=audio, at=9000)


def rendered(folder: Path, listen: bool) -> np.ndarray:
    """A recording through the method `play`, by the command line."""
    out = folder / f"listen-{listen}.wav"
    words = ["render", folder / "playing.ts", folder / "recordings/0.wav", out, "-m", "play",
             "--set", f"listen={str(listen).lower()}", "--tail", "0", "-q"]  # fmt: skip
    assert main(list(map(str, words))) == 0
    return soundfile.read(out, dtype="float32")[0]  # type: ignore[no-any-return]


def raw(rave: Path, codes: torch.Tensor | None, audio: np.ndarray) -> np.ndarray:
    """What the RAVE's file decodes, with its delay, from codes or, without any, a recording."""
    module = torch.jit.load(str(rave))
    with torch.inference_mode():
        if codes is None:
            codes = module.encode(torch.from_numpy(audio).view(1, 1, -1))[0]
        return module.decode(codes[None])[0, 0].numpy()  # type: ignore[no-any-return]


def test_rendered_the_file_passes_a_recording_through_and_plays_its_own_codes(folder: Path) -> None:
    model, steps = nnbridge.load(folder / "playing.ts"), RATE // RATIO
    audio = soundfile.read(folder / "recordings/0.wav", dtype="float32")[0]
    late = model.methods["play"].delay
    assert late

    heard = rendered(folder, listen=True)
    expected = raw(folder / "rave.ts", None, np.pad(audio, (0, 16 * RATIO)))
    assert np.abs(heard).max() > 0.01
    np.testing.assert_allclose(heard, expected[late:][: len(heard)], atol=1e-4)

    stream = model.stream("prior", block=RATIO, host_block=RATIO)
    stream.set("listen", False)
    quiet = np.zeros((Q, RATIO), np.float32)
    codes = np.stack([stream.process(quiet)[:Q, 0] for _ in range(steps + 16)], 1)
    assert set(np.unique(codes)) <= set(range(CODES))
    assert min(len(np.unique(row)) for row in codes) > CODES // 3
    played = rendered(folder, listen=False)
    expected = raw(folder / "rave.ts", torch.from_numpy(codes), audio)
    assert np.abs(played).max() > 0.01
    np.testing.assert_allclose(played, expected[late:][: len(played)], atol=1e-4)


def test_a_rave_with_more_codebooks_than_the_prior_plays_is_refused(folder: Path) -> None:
    trained = runs.load(folder / "run")
    with pytest.raises(PriorError, match=r"plays 2 latents, but .* has 3"):
        PriorWithRave(trained.prior, trained.code, RaveFile(folder / "all.ts"))
