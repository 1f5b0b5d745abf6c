# SPDX-License-Identifier: MIT
"""Descriptors are what their definitions give, and lie where the sound lies."""

import numpy as np
import pytest

from nnbridge.audio.descriptors import UNITS, describe
from nnbridge.audio.onsets import beats, onset_strength, tempo

RATE = 44100
TIME = np.arange(RATE) / RATE
INSIDE = slice(2, -2)


def sine(frequency: float, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * frequency * TIME)).astype(np.float32)


def noise(frames: int = RATE, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.1, frames).astype(np.float32)


@pytest.mark.parametrize("frequency", [110.0, 441.0, 1000.0, 1900.0])
def test_a_sine(frequency):
    curves = {name: curve[INSIDE] for name, curve in describe(sine(frequency), RATE, 2048).items()}
    assert curves["loudness"] == pytest.approx(20 * np.log10(0.5) - 3.0103, abs=0.02)
    assert curves["centroid"] == pytest.approx(frequency, abs=20.0)
    assert curves["bandwidth"].max() < 60.0
    assert curves["rolloff"] == pytest.approx(frequency, abs=44.0)
    assert curves["flatness"].max() < 1e-4
    assert curves["crossings"] == pytest.approx(frequency, abs=RATE / 2048)
    assert curves["clarity"].min() > 0.99
    assert curves["pitch"] == pytest.approx(frequency, rel=2e-3)


def test_white_noise():
    curves = {n: curve[INSIDE].mean() for n, curve in describe(noise(), RATE, 2048).items()}
    assert curves["loudness"] == pytest.approx(-20.0, abs=0.1)
    assert curves["centroid"] == pytest.approx(RATE / 4, rel=0.02)
    assert curves["bandwidth"] == pytest.approx(RATE / 2 / np.sqrt(12), rel=0.02)
    assert curves["rolloff"] == pytest.approx(0.85 * RATE / 2, rel=0.02)
    assert curves["flatness"] == pytest.approx(np.exp(-np.euler_gamma), abs=0.02)
    assert curves["crossings"] == pytest.approx(RATE / 4, rel=0.02)
    assert curves["clarity"] < 0.2


def test_against_the_definitions_written_out():
    random = np.random.default_rng(1)
    x = (noise(9000) * np.linspace(0.2, 1.0, 9000) + 0.2 * sine(300.0)[:9000]).astype(np.float32)
    hop = 512
    curves = describe(x, RATE, hop)
    for k in random.integers(0, 18, 5):
        middle = k * hop + hop / 2
        place = np.arange(2048) + int(middle) - 1024
        window = np.where((place >= 0) & (place < 9000), x[np.clip(place, 0, 8999)], 0.0)
        hann = np.sin(np.pi * np.arange(2048) / 2048) ** 2
        matrix = np.exp(-2j * np.pi * np.outer(np.arange(1025), np.arange(2048)) / 2048)
        magnitude = np.abs(matrix @ (window * hann))
        frequency = np.arange(1025) * RATE / 2048
        centroid = (frequency * magnitude).sum() / magnitude.sum()
        spread = ((frequency - centroid) ** 2 * magnitude).sum() / magnitude.sum()
        power = magnitude**2
        rolloff = next(
            f for i, f in enumerate(frequency) if power[: i + 1].sum() >= 0.85 * power.sum()
        )
        flatness = np.prod(power ** (1 / 1025)) / power.mean()
        level = 10 * np.log10((window**2 * hann).sum() / hann.sum())
        assert curves["loudness"][k] == pytest.approx(level, abs=1e-3)
        assert curves["centroid"][k] == pytest.approx(centroid, rel=1e-4)
        assert curves["bandwidth"][k] == pytest.approx(np.sqrt(spread), rel=1e-4)
        assert curves["rolloff"][k] == pytest.approx(rolloff, rel=1e-6)
        assert curves["flatness"][k] == pytest.approx(flatness, rel=1e-3)


def test_clarity_against_the_autocorrelation_written_out():
    saw = (0.3 * (2 * ((TIME * 147.0) % 1.0) - 1) + 0.3 * noise()).astype(np.float32)
    curves = describe(saw, RATE, 2048)
    window = saw[2048 * 5 : 2048 * 6].astype(np.float64)
    similar = [
        2 * (window[lag:] @ window[: 2048 - lag])
        / ((window[lag:] ** 2).sum() + (window[: 2048 - lag] ** 2).sum())
        for lag in range(1, 883)
    ]  # fmt: skip
    assert curves["clarity"][5] == pytest.approx(max(similar[100:]), abs=0.01)
    assert curves["pitch"][5] == pytest.approx(147.0, rel=0.01)


@pytest.mark.parametrize("hop", [256, 512, 2048, 4096])
@pytest.mark.parametrize("frames", [1, 2047, 20000])
def test_a_value_for_every_hop_that_begins(hop, frames):
    curves = describe(noise(frames)[None], RATE, hop)
    assert curves.keys() == UNITS.keys()
    for curve in curves.values():
        assert curve.shape == (-(-frames // hop),)
        assert curve.dtype == np.float32
        assert np.isfinite(curve).all()


@pytest.mark.parametrize("hop", [512, 2048])
def test_curves_lie_where_the_sound_lies(hop):
    x = np.zeros((2, 30 * 2048), dtype=np.float32)
    x[:, 10 * 2048 : 12 * 2048] = noise(4096)
    curves = describe(x, RATE, hop)
    first, last = 10 * 2048 // hop, 12 * 2048 // hop
    loud = np.flatnonzero(curves["loudness"] > -23.0)  # half of the window, or more
    assert (loud[0], loud[-1]) == (first, last - 1)
    assert curves["onset"].argmax() in (first - 1, first)
    silent = curves["loudness"] <= -100.0
    assert silent[:8].all()
    for name in UNITS.keys() - {"loudness", "onset", "beat"}:
        assert not curves[name][silent].any()


def test_silence_has_no_values_and_no_beats():
    curves = describe(np.zeros((1, RATE), dtype=np.float32), RATE, 2048)
    assert (curves.pop("loudness") == -120.0).all()
    for curve in curves.values():
        assert not curve.any()


@pytest.mark.parametrize("rate", [16000, 44100, 48000, 96000])
@pytest.mark.parametrize("pace", [80.0, 120.0, 150.0])
def test_beats_fall_on_clicks(rate, pace):
    x = np.zeros(12 * rate, dtype=np.float32)
    clicks = np.arange(0.3, 11.9, 60.0 / pace)
    for click in clicks:
        begin = round(click * rate)
        length = min(rate // 50, len(x) - begin)
        x[begin : begin + length] = noise(length) * np.linspace(1, 0, length)
    strength, per_second = onset_strength(x, rate)
    assert tempo(strength, per_second) == pytest.approx(pace, rel=0.01)
    found = beats(strength, per_second)
    assert len(found) >= len(clicks) - 2
    distance = np.abs(found[:, None] - clicks).min(axis=1)
    assert distance.max() < 0.02


def test_a_brighter_sound_is_brighter_and_a_louder_one_louder():
    dull, bright = sine(300.0), sine(300.0) + sine(3000.0)
    for name in ("centroid", "bandwidth", "rolloff"):
        assert describe(bright, RATE, 2048)[name][5] > describe(dull, RATE, 2048)[name][5]
    assert describe(bright, RATE, 2048)["loudness"][5] > describe(dull, RATE, 2048)["loudness"][5]
