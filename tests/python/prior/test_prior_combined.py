# SPDX-License-Identifier: MIT
"""One file that sounds: a prior and its RAVE; and the same audio from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tiny_priors import tiny
from toy_rave import LATENTS, RATE, RATIO

import nnbridge
from nnbridge.contract import export
from nnbridge.prior.code import Bins, Codes
from nnbridge.prior.conditioning import conditions
from nnbridge.prior.curves import drawn
from nnbridge.prior.errors import PriorError
from nnbridge.prior.generate import Drawing, generate
from nnbridge.prior.module import PriorWithRave
from nnbridge.prior.rave_file import RaveFile
from nnbridge.prior.run import load
from nnbridge.prior.trained import Trained


@pytest.fixture(scope="module")
def trained(run: Path) -> Trained:
    return load(run)


@pytest.fixture(scope="module")
def combined(trained: Trained, discrete: Path, place: Path) -> nnbridge.Model:
    module = PriorWithRave(trained.prior, trained.code, RaveFile(discrete))
    return nnbridge.load(export(module, place / "combined.ts"))


def recording(steps: int) -> np.ndarray:
    t = np.arange(steps * RATIO) / RATE
    return (0.5 * np.sin(2 * np.pi * (200 + 150 * t) * t)).astype(np.float32)[np.newaxis]


def through(stream: Any, signal: np.ndarray) -> np.ndarray:
    pieces = [signal[:, i : i + RATIO] for i in range(0, signal.shape[1], RATIO)]
    return np.concatenate([stream.process(piece) for piece in pieces], 1)


def prompt(model: nnbridge.Model, method: str) -> Any:
    return model.stream(method, block=RATIO, host_block=RATIO)


def with_centroid(audio: np.ndarray, hertz: float = 900.0) -> np.ndarray:
    return np.concatenate([audio, np.full_like(audio, hertz)])


def test_the_file_has_the_methods_of_both(combined: nnbridge.Model) -> None:
    shapes = {name: (m.in_channels, m.in_ratio, m.out_channels, m.out_ratio)
              for name, m in combined.methods.items()}  # fmt: skip
    assert shapes == {
        "encode": (1, 1, LATENTS, RATIO),
        "decode": (LATENTS, RATIO, 1, 1),
        "forward": (1, 1, 1, 1),
        "prior": (LATENTS + 1, RATIO, LATENTS + 2, RATIO),
        "play": (2, 1, 1, 1),
    }
    assert combined.methods["play"].delay == RATIO
    assert combined.methods["play"].in_labels[1] == "(signal) centroid (Hz)"
    assert combined.sample_rate == RATE


def test_the_rave_in_it_is_the_rave(combined: nnbridge.Model, discrete: Path) -> None:
    audio = recording(30)
    alone = through(prompt(nnbridge.load(discrete), "forward"), audio)
    assert np.array_equal(through(prompt(combined, "forward"), audio), alone)


def test_listening_play_is_forward_and_playing_it_sounds_without_input(
    combined: nnbridge.Model,
) -> None:
    audio = recording(30)
    stream = prompt(combined, "play")
    heard = through(stream, with_centroid(audio))
    assert np.array_equal(heard, through(prompt(combined, "forward"), audio))
    stream.set("listen", False)
    played = through(stream, with_centroid(np.zeros_like(audio)))
    assert np.abs(played).max() > 0.05
    assert stream.stats.failed == 0


def test_switching_in_the_middle_of_a_stream_leaves_no_gap_and_follows_again(
    combined: nnbridge.Model, discrete: Path
) -> None:
    audio = with_centroid(recording(45))
    rave = torch.jit.load(str(discrete))  # whose latents and sound are late, as the stream's
    with torch.inference_mode():
        latents = rave.encode(torch.from_numpy(audio[None, :1]))[0].numpy()
    held = np.concatenate([latents, audio[1:, ::RATIO]]).repeat(RATIO, 1)
    playing, walking = prompt(combined, "play"), prompt(combined, "prior")
    sound, walked = [], []
    for listens, begin, end in ((True, 0, 15), (False, 15, 35), (True, 35, 45)):
        for stream, signal, kept in ((playing, audio, sound), (walking, held, walked)):
            stream.set("listen", listens)
            kept.append(through(stream, signal[:, begin * RATIO : end * RATIO]))
    made = np.concatenate(sound, 1)[0]
    codes = np.concatenate(walked, 1)[:LATENTS, ::RATIO]
    with torch.inference_mode():
        expected = rave.decode(torch.from_numpy(codes)[None])[0, 0].numpy()
    np.testing.assert_allclose(made, expected, atol=1e-6)
    np.testing.assert_array_equal(codes[:, 35:], latents[:, 35:])
    assert not np.array_equal(codes[:, 15:35], latents[:, 15:35])
    played = made[15 * RATIO : 35 * RATIO].reshape(20, RATIO)
    assert np.abs(played).max(1).min() > 0.02  # no code of the toy is silence


def test_python_continues_a_recording_as_the_file_does(
    combined: nnbridge.Model, trained: Trained, discrete: Path
) -> None:
    audio = recording(30)
    rave = RaveFile(discrete)
    curves = {"centroid": np.full(20, 900.0, np.float32)}
    made = generate(trained, rave, 20 * RATIO / RATE, Drawing(7, 1.2), 1, audio, curves)
    assert made.heard == 30
    stream = prompt(combined, "prior")
    stream.set("seed", 7)
    stream.set("temperature", 1.2)
    latents = rave.encode(audio).numpy()
    from nnbridge.audio.descriptors import describe

    centroid = describe(audio, RATE, RATIO)["centroid"]
    heard = np.concatenate([latents, centroid[np.newaxis]]).repeat(RATIO, 1)
    through(stream, heard)
    stream.set("listen", False)
    silence = np.concatenate([np.zeros((LATENTS, 20 * RATIO)), np.full((1, 20 * RATIO), 900.0)])
    played = through(stream, silence.astype(np.float32))[:LATENTS, ::RATIO]
    assert np.array_equal(made.tokens[0, 30:].T, played)
    decoded = rave.decode(torch.from_numpy(made.tokens[0].T).float()).numpy()
    np.testing.assert_array_equal(made.audio[0], decoded)


def test_variations_differ_and_each_is_what_it_would_be_among_fewer(
    trained: Trained, discrete: Path
) -> None:
    rave = RaveFile(discrete)
    curves = {"centroid": np.full(25, 500.0, np.float32)}
    three = generate(trained, rave, 25 * RATIO / RATE, variations=3, curves=curves).tokens
    one = generate(trained, rave, 25 * RATIO / RATE, variations=1, curves=curves).tokens
    assert np.array_equal(three[:1], one)
    assert not np.array_equal(three[0], three[1])


def test_latents_that_a_continuous_prior_leaves_out_stay_at_their_mean(
    continuous: Path, tmp_path: Path
) -> None:
    prior = tiny("gru", "residual", 2, 16)
    model = nnbridge.load(
        export(PriorWithRave(prior, Bins(16), RaveFile(continuous)), tmp_path / "c.ts")
    )
    stream = prompt(model, "play")
    audio = recording(20)
    heard = through(stream, audio)  # all latents pass through
    np.testing.assert_allclose(heard, through(prompt(model, "forward"), audio), atol=1e-6)
    stream.set("listen", False)
    played = through(stream, audio)
    spectrum = RaveFile(continuous).encode(played).numpy()
    assert np.abs(spectrum[:2]).max() > 0.1
    assert np.abs(spectrum[2:]).max() < 1e-4


def test_a_rave_with_other_latents_is_refused(discrete: Path, continuous: Path) -> None:
    with pytest.raises(PriorError, match=r"plays 5 latents, but .* has 4"):
        PriorWithRave(tiny("gru", "residual", 5, 9), Codes(9), RaveFile(discrete))
    with pytest.raises(PriorError, match=r"plays 2 latents, but .* has 4"):
        PriorWithRave(tiny("gru", "residual", 2, 9), Codes(9), RaveFile(discrete))
    with pytest.raises(PriorError, match=r"plays latents of a continuous RAVE, .* has 9 codes"):
        PriorWithRave(tiny("gru", "residual", 4, 9), Bins(9), RaveFile(discrete))
    with pytest.raises(PriorError, match=r"plays 12 codes, but .* has 9 codes"):
        PriorWithRave(tiny("gru", "residual", 4, 12), Codes(12), RaveFile(discrete))


def test_drawn_curves_are_numbers_tempos_and_files(tmp_path: Path) -> None:
    centroid, beat = conditions(("centroid", "beat"), 44100)
    assert drawn(centroid, "1200", 4, 0.1).tolist() == [1200.0] * 4
    points = tmp_path / "c.csv"
    points.write_text("0, 100\n1, 300\n")
    np.testing.assert_allclose(drawn(centroid, str(points), 4, 0.25), [125, 175, 225, 275])
    assert drawn(beat, "120bpm", 10, 0.1).tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    points.write_text("0.05\n0.72\n")
    assert drawn(beat, str(points), 10, 0.1).nonzero()[0].tolist() == [0, 7]
    # What is too much for a descriptor is its most, and not too much for a number.
    assert drawn(centroid, "1e300", 2, 0.1).tolist() == [22050.0] * 2
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    points.write_text("soon, high\n")
    for text in (str(points), str(empty), "none.csv", "nan"):
        with pytest.raises(PriorError, match=r"seconds and value"):
            drawn(centroid, text, 4, 0.1)


def test_a_rave_with_steps_of_another_length_is_refused(trained: Trained, discrete: Path) -> None:
    rave = RaveFile(discrete)
    rave.sample_rate = 2 * RATE
    with pytest.raises(PriorError, match=r"steps of 64 samples at 16000 Hz, the prior of 64 at"):
        trained.check_steps(rave)


# The command line -------------------------------------------------------------------------------


def command(*words: object) -> int:
    from nnbridge.cli import main

    return main([str(word) for word in words])


def test_the_commands_make_sound_out_of_recordings(
    place: Path, dataset: Any, discrete: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert command("prior", "encode", dataset.path, discrete, "-o", tmp_path / "s", "-q") == 0
    settings = ["network.width=16", "network.layers=1", "network.heads=2", "training.segment=24",
                "training.batch=2", "training.steps=6", "training.validate_every=3",
                "network.temporal=gru", "network.parametrisation=decoupled"]  # fmt: skip
    given = [word for setting in settings for word in ("--set", setting)]
    assert command("prior", "train", tmp_path / "s", "-o", run, "-r", "small", *given) == 0
    assert "step 6: cross-entropy" in capsys.readouterr().out
    more = ("--set", "training.steps=8")
    assert command("prior", "train", "-o", run, "--resume", *more, "-q") == 0
    assert command("prior", "evaluate", run) == 0
    out = capsys.readouterr().out
    assert "perplexity" in out
    assert "bigram" in out
    assert command("prior", "export", run, tmp_path / "alone.ts", "--no-check", "-q") == 0
    combined = tmp_path / "combined.ts"
    assert command("prior", "export", run, combined, "--rave", discrete, "-q") == 0
    assert "prior" in nnbridge.load(combined).methods
    soundfile.write(tmp_path / "in.wav", recording(40)[0], RATE)
    sound = tmp_path / "out.wav"
    words = ["--continue", tmp_path / "in.wav", "--from", "0.2", "--seconds", "0.4"]
    assert command("prior", "generate", run, sound, *words, "--variations", "2", "--json") == 0
    facts = capsys.readouterr().out
    assert '"plays_from_second": 0.2' in facts
    first, second = (soundfile.read(tmp_path / f"out-{i}.wav")[0] for i in (1, 2))
    assert len(first) == 25 * RATIO + 50 * RATIO
    assert np.array_equal(first[: 25 * RATIO], second[: 25 * RATIO])
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("generate", "RUN", "o.wav"), "follows centroid: say what it should be"),
        (("generate", "RUN", "o.wav", "--curve", "beat=1"), "does not follow 'beat'"),
        (("generate", "RUN", "o.wav", "--curve", "centroid=9", "--temperature", "-1"), "negative"),
        (("generate", "RUN", "o.wav", "--from", "3"), "needs a recording"),
        (("generate", "RUN", "o.wav", "--continue", "no.wav"), "there is no file 'no.wav'"),
        (("generate", "RUN", "o.xyz", "--curve", "centroid=9"), "o.xyz"),
        (("generate", "none", "o.wav"), "'none' is no run folder"),
        (("export", "RUN", "o.ts", "--rave", "no.ts"), "there is no file 'no.ts'"),
        (("export", "RUN", "o.ts", "--checkpoint", "7"), "no checkpoint '7'"),
        (("export", "RUN", "o.safetensors", "--rave", "o.ts"), "leave out --rave"),
        (("generate", "RUN", "o.wav", "--seconds", "inf"), "something to play, not inf"),
        (("generate", "RUN", "o.wav", "--curve", "centroid=9", "--seed", "9" * 25), "below 2 to"),
        (("generate", "RUN", "o.wav", "--continue", "HERE", "--from", "nan"), "a second between"),
        (("generate", "RUN", "o.wav", "--curve", "centroid=9", "--seconds", "1e15"), "memory"),
        (("train", "--resume", "-o", "RUN", "-r", "small"), "keeps its recipe"),
        (("encode", "x", "y.ts", "-o", "z", "--quantisers", "0"), "'--quantisers'"),
        (("evaluate", "RUN", "--skip", "1000"), "nothing to predict"),
        (("train", "none"), "'none' holds no sequences"),
        (("train", "--resume"), "say what to train on"),
        (("evaluate", "RUN", "--split", "test"), "validation or train"),
    ],
)
def test_a_mistake_is_answered_with_one_sentence(
    words: tuple[str, ...],
    sentence: str,
    run: Path,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    there = {"RUN": run, "HERE": place / "recordings" / "0.wav"}
    code = command("prior", *(there.get(word, word) for word in words))
    lines = capsys.readouterr().err.strip().splitlines()
    assert code in (1, 2)
    assert len(lines) == 1
    assert sentence in lines[0]
    assert not list(tmp_path.iterdir())
