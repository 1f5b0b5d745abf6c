# SPDX-License-Identifier: MIT
"""Augmentations change what they say, as much as they say, and nothing else."""

import numpy as np
import pytest

from nnbridge.audio import AudioError
from nnbridge.audio.augment import all_pass, chain, dequantise, gain

STEP = 1 / 32768


@pytest.mark.parametrize(
    ("noise", "deviation", "reach"), [("uniform", 12**-0.5, 0.5), ("triangular", 6**-0.5, 1.0)]
)
def test_dequantisation_is_noise_of_one_step(noise, deviation, reach):
    x = (
        np.round(np.random.default_rng(0).uniform(-9000, 9000, (2, 50000))).astype(np.float32)
        * STEP
    )
    added = (dequantise(x, np.random.default_rng(1), noise).astype(np.float64) - x) / STEP
    assert added.std() == pytest.approx(deviation, rel=0.01)
    assert abs(added.mean()) < 0.01
    assert np.abs(added).max() <= reach * 1.01  # float32 adds its own rounding
    assert dequantise(x, np.random.default_rng(1), "none") is x


def test_an_all_pass_turns_phases_and_keeps_every_magnitude():
    impulse = np.zeros((2, 1 << 15), dtype=np.float32)
    impulse[:, 0] = 1.0
    angles = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        y = all_pass(impulse, random, 44100, sections=3, radius=0.99)
        np.testing.assert_array_equal(y[0], y[1])
        spectrum = np.fft.rfft(y[0].astype(np.float64))
        assert np.abs(np.abs(spectrum) - 1.0).max() < 1e-4
        angles.append(np.unwrap(np.angle(spectrum))[-1])
        # Each second-order section turns by two whole turns from 0 Hz to half the rate.
    assert np.array(angles) / (-2 * np.pi) == pytest.approx(np.full(20, 3.0), abs=1e-3)


def test_an_all_pass_is_centred_where_its_range_says():
    impulse = np.zeros((1, 1 << 15), dtype=np.float32)
    impulse[:, 0] = 1.0
    places = []
    random = np.random.default_rng(0)
    for _ in range(300):
        y = all_pass(impulse, random, 44100, lowest=500.0, highest=2000.0)
        phase = np.unwrap(np.angle(np.fft.rfft(y[0].astype(np.float64))))
        places.append(np.diff(phase).argmin() * 44100 / (1 << 15))
    places = np.array(places)
    assert 480 < places.min() < 520
    assert 1900 < places.max() < 2050
    assert np.median(places) == pytest.approx(1000.0, rel=0.1)  # uniformly in pitch


def test_a_gain_stays_in_its_range_and_below_full_scale():
    x = np.array([[0.5, -0.25]], dtype=np.float32)
    factors = [gain(x, np.random.default_rng(s), -12.0, 12.0)[0, 0] / 0.5 for s in range(400)]
    assert min(factors) == pytest.approx(10 ** (-12 / 20), rel=0.05)
    assert max(factors) == pytest.approx(2.0)
    level = 20 * np.log10([factor for factor in factors if factor < 1.99])
    assert np.histogram(level, 3, (-12, 6))[0] / len(level) == pytest.approx([1 / 3] * 3, abs=0.07)
    silent = np.zeros((1, 9), dtype=np.float32)
    assert not gain(silent, np.random.default_rng(0), 0.0, 12.0).any()


def test_a_chain_applies_each_with_its_probability():
    x = np.full((1, 64), 0.25, dtype=np.float32)
    quiet = {"dequantisation": "none", "all_pass_probability": 0.0}
    untouched = chain(44100, **quiet)
    half = chain(44100, **quiet, gain_probability=0.5, gain_lowest=-6.0, gain_highest=-1.0)
    phases = chain(44100, dequantisation="none", all_pass_probability=0.3)
    for seed in range(3):
        np.testing.assert_array_equal(untouched(x, np.random.default_rng(seed)), x)
    for change, share in [(half, 0.5), (phases, 0.3)]:
        changed = [not np.array_equal(change(x, np.random.default_rng(s)), x) for s in range(600)]
        assert np.mean(changed) == pytest.approx(share, abs=0.06)
    assert untouched(x, np.random.default_rng(0)).dtype == np.float32
    everything = chain(44100, all_pass_probability=1.0, gain_probability=1.0)
    assert everything(x, np.random.default_rng(0)).dtype == np.float32


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dequantisation": "pink"}, "not 'pink'"),
        ({"all_pass_probability": 1.5}, "all-pass probability"),
        ({"gain_probability": -0.1}, "gain probability"),
        ({"all_pass_sections": 0}, "at least 1"),
        ({"all_pass_radius": 1.0}, "radius"),
        ({"all_pass_lowest": 0.0}, "frequencies"),
        ({"all_pass_lowest": 900.0, "all_pass_highest": 100.0}, "frequencies"),
        ({"all_pass_lowest": 30000.0, "all_pass_highest": 40000.0}, "22050 Hz"),
        ({"gain_lowest": 3.0}, "gain"),
    ],
)
def test_values_that_make_no_sense_are_refused(options, words):
    with pytest.raises(AudioError, match=words):
        chain(44100, **options)
