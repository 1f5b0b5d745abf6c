# SPDX-License-Identifier: MIT
"""A prior's file, played by the engine: the tokens that Python plays, and the attributes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_priors import COMBINATIONS, tiny

import nnbridge
from nnbridge.contract import export, read_manifest
from nnbridge.prior.code import Bins, Codes
from nnbridge.prior.module import LonePrior
from nnbridge.prior.network import Prior
from nnbridge.prior.player import player

Q, V, RATIO = 3, 7, 16
DESCRIPTORS = ("loudness", "beat")


def file_of(prior: Prior, folder: Path, code: Codes | Bins | None = None) -> Path:
    return export(LonePrior(prior, code or Codes(V), RATIO, 44100), folder / "prior.ts")


def material(steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(steps)
    tokens = torch.randint(0, V, (steps, Q), generator=generator)
    curves = torch.rand(steps, 2, generator=generator) * torch.tensor([-60.0, 1.0])
    return tokens, curves


def held(tokens: torch.Tensor, curves: torch.Tensor) -> np.ndarray:
    """At audio rate: each value held for the steps' samples."""
    steps = torch.cat([tokens.float(), curves], 1).T
    return steps.repeat_interleave(RATIO, 1).numpy()


def by_step(audio: np.ndarray) -> np.ndarray:
    """One column per step, which must be held."""
    steps = audio.reshape(len(audio), -1, RATIO)
    assert np.ptp(steps, axis=2).max() == 0.0
    return steps[..., 0]


def fed(stream: Any, signal: np.ndarray, sizes: list[int]) -> np.ndarray:
    """The stream's output for a signal in pieces of these sizes in turn."""
    out, done, turn = [], 0, 0
    while done < signal.shape[1]:
        piece = signal[:, done : done + sizes[turn % len(sizes)]]
        out.append(stream.process(piece))
        done, turn = done + piece.shape[1], turn + 1
    return np.concatenate(out, 1)


def in_python(prior: Prior, seed: int, plays: range, steps: int, **settings: float) -> np.ndarray:
    """What Python's player gives: tokens, accuracy, perplexity, one column per step."""
    tokens, curves = material(steps)
    playing = player(prior)
    playing.seed = seed
    for name, value in settings.items():
        setattr(playing, name, value)
    columns = []
    with torch.inference_mode():
        for t in range(steps):
            out = playing(tokens[t : t + 1], curves[t : t + 1], t not in plays)
            columns.append(torch.cat([out[0][0].float(), out[1], out[2]]))
    return torch.stack(columns, 1).numpy()


@pytest.mark.parametrize(("temporal", "parametrisation"), COMBINATIONS)
def test_the_engine_plays_the_tokens_that_python_plays(
    temporal: str, parametrisation: str, tmp_path: Path
) -> None:
    prior = tiny(temporal, parametrisation, Q, V, DESCRIPTORS)
    model = nnbridge.load(file_of(prior, tmp_path))
    signal = held(*material(48))
    expected = in_python(prior, 11, range(24, 48), 48, temperature=1.5)
    for block, sizes in ((1, [RATIO]), (1, [1, 7, 64, 3, 250]), (4, [1000]), (8, [33])):
        stream = model.stream(block=block * RATIO)
        stream.set("temperature", 1.5)
        stream.set("seed", 11)
        torch.rand(17)  # whatever else draws
        heard = fed(stream, signal[:, : 24 * RATIO], sizes)
        stream.set("listen", False)
        played = fed(stream, np.pad(signal[:, 24 * RATIO :], ((0, 0), (0, 8 * RATIO))), sizes)
        late = stream.latency.total
        out = by_step(np.concatenate([heard, played], 1)[:, late : late + 48 * RATIO])
        assert np.array_equal(out[:Q], expected[:Q])
        np.testing.assert_allclose(out[Q:], expected[Q:], atol=1e-4)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> nnbridge.Model:
    prior = tiny("transformer", "residual", Q, V, DESCRIPTORS)
    return nnbridge.load(file_of(prior, tmp_path_factory.mktemp("prior")))


def steps_of(stream: Any, count: int) -> np.ndarray:
    """The next steps, for an input that is new at each call, without latency."""
    return by_step(fed(stream, held(*material(count)), [RATIO]))


def prompt(model: nnbridge.Model) -> Any:
    return model.stream(block=RATIO, host_block=RATIO)


def test_listening_passes_the_input_through_and_measures_it(model: nnbridge.Model) -> None:
    out = steps_of(prompt(model), 20)
    assert np.array_equal(out[:Q], material(20)[0].T.numpy())
    expected = in_python(tiny("transformer", "residual", Q, V, DESCRIPTORS), 0, range(0), 20)
    np.testing.assert_allclose(out[Q:], expected[Q:], atol=1e-4)


def test_listening_again_follows_the_input_and_remembers_what_was_played(
    model: nnbridge.Model,
) -> None:
    stream, signal, parts = prompt(model), held(*material(40)), []
    for listens, steps in ((True, range(15)), (False, range(15, 25)), (True, range(25, 40))):
        stream.set("listen", listens)
        parts.append(fed(stream, signal[:, steps.start * RATIO : steps.stop * RATIO], [RATIO]))
    out = by_step(np.concatenate(parts, 1))
    heard = material(40)[0].T.numpy()
    assert np.array_equal(out[:Q, 25:], heard[:, 25:])
    assert not np.array_equal(out[:Q, 15:25], heard[:, 15:25])
    prior = tiny("transformer", "residual", Q, V, DESCRIPTORS)
    np.testing.assert_allclose(out, in_python(prior, 0, range(15, 25), 40), atol=1e-4)


def test_reset_forgets_and_goes_off_by_itself(model: nnbridge.Model) -> None:
    stream = prompt(model)
    first = steps_of(stream, 20)
    assert not np.array_equal(steps_of(stream, 20)[Q:], first[Q:])
    stream.set("reset", True)
    assert np.array_equal(steps_of(stream, 20), first)
    assert stream.get("reset") == [False]


def test_temperature_zero_repeats_itself_whatever_the_seed(model: nnbridge.Model) -> None:
    stream = prompt(model)
    stream.set("listen", False)
    stream.set("temperature", 0.0)
    first = steps_of(stream, 20)
    stream.set("reset", True)
    stream.set("seed", 99)
    assert np.array_equal(steps_of(stream, 20), first)


def test_a_seed_begins_its_random_numbers_again_and_another_plays_something_else(
    model: nnbridge.Model,
) -> None:
    stream = prompt(model)
    stream.set("listen", False)
    played = []
    for seed in (5, 5, 6):
        stream.set("reset", True)
        stream.set("seed", seed)
        played.append(steps_of(stream, 20)[:Q])
    assert np.array_equal(played[0], played[1])
    assert not np.array_equal(played[0], played[2])


def test_without_learn_context_nothing_is_remembered_of_the_input(model: nnbridge.Model) -> None:
    stream, other = prompt(model), prompt(model)
    stream.set("learn_context", False)
    out = steps_of(stream, 20)
    assert np.array_equal(out[:Q], material(20)[0].T.numpy())
    assert not out[Q:].any()
    for each in (stream, other):
        each.set("listen", False)
    assert np.array_equal(steps_of(stream, 20), steps_of(other, 20))


def test_top_k_of_one_is_greedy(model: nnbridge.Model) -> None:
    played = []
    for name, value in (("top_k", 1), ("temperature", 0.0), ("top_p", 0.0)):
        stream = prompt(model)
        stream.set("listen", False)
        stream.set(name, value)
        played.append(steps_of(stream, 20))
    assert np.array_equal(played[0], played[1])
    assert np.array_equal(played[0], played[2])


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", -0.5), ("seed", -1), ("top_k", -1), ("top_p", 1.5)]
)
def test_a_value_out_of_range_is_refused_in_one_sentence(
    model: nnbridge.Model, name: str, value: float
) -> None:
    stream = prompt(model)
    with pytest.raises(nnbridge.Error, match=rf"refused the value of '{name}'.*range is 0 to"):
        stream.set(name, value)
    assert steps_of(stream, 2).shape == (Q + 2, 2)


def test_bad_input_is_taken_for_silence_and_does_no_harm(model: nnbridge.Model) -> None:
    stream = prompt(model)
    wild = held(*material(20))
    wild[:, 5 * RATIO : 6 * RATIO] = np.nan
    wild[:Q, 7 * RATIO : 8 * RATIO] = [[1e9], [-1e9], [3.4]]
    out = by_step(fed(stream, wild, [RATIO]))
    assert np.isfinite(out).all()
    assert stream.stats.failed == 0


def test_a_batch_plays_independent_variations(model: nnbridge.Model) -> None:
    stream = model.stream(block=RATIO, host_block=RATIO, batch=3)
    stream.set("listen", False)
    alone = prompt(model)
    alone.set("listen", False)
    signal = held(*material(20))
    out = np.concatenate([stream.process(np.stack([signal[:, i : i + RATIO]] * 3))
                          for i in range(0, 20 * RATIO, RATIO)], -1)  # fmt: skip
    assert np.array_equal(by_step(out[0])[:Q], steps_of(alone, 20)[:Q])
    assert not np.array_equal(out[0], out[1])


def test_latents_of_a_continuous_rave_go_through_untouched_and_come_as_bin_centres(
    tmp_path: Path,
) -> None:
    code = Bins(V)
    path = file_of(tiny("gru", "residual", Q, V, DESCRIPTORS), tmp_path, code)
    stream = prompt(nnbridge.load(path))
    latents = torch.randn(10, Q, generator=torch.Generator().manual_seed(0))
    signal = torch.cat([latents, material(10)[1]], 1).T.repeat_interleave(RATIO, 1).numpy()
    assert np.array_equal(by_step(fed(stream, signal, [RATIO]))[:Q], latents.T.numpy())
    stream.set("listen", False)
    played = by_step(fed(stream, signal, [RATIO]))[:Q]
    assert np.isin(played, code.middles.numpy()).all()


def test_the_file_says_what_its_signals_are(model: nnbridge.Model) -> None:
    method = model.methods["forward"]
    assert method.in_labels[Q:] == ["(signal) loudness (dB)", "(signal) beat"]
    assert method.out_labels[Q:] == ["(signal) accuracy", "(signal) perplexity"]
    assert (method.in_channels, method.out_channels) == (Q + 2, Q + 2)
    assert method.in_ratio == method.out_ratio == method.step == RATIO
    manifest = read_manifest(model.path)
    assert manifest is not None
    assert manifest["attributes"]["temperature"]["min"] == 0.0
