# SPDX-License-Identifier: MIT
"""What a sound is like, as curves in step with a latent or any other signal at a ratio.

Value k of a curve describes samples k * hop to (k + 1) * hop: the window that it is measured in has
its middle where theirs is, and the signal is silent before its begin and after its end. So the
curves of [channels, frames] are [ceil(frames / hop)]; channels are mixed down first. In silence,
below -100 dB, everything but the loudness is 0.

    curves = describe(x, sample_rate=44100, hop=2048)
    curves["centroid"]      # float32 [ceil(frames / 2048)], Hz
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .onsets import at_hop, beats, onset_strength

Values = NDArray[np.float32]
"""[frames] or [values]"""
Array = NDArray[np.float64]

UNITS = {
    "loudness": "dB",
    "centroid": "Hz",
    "bandwidth": "Hz",
    "rolloff": "Hz",
    "flatness": "0 to 1",
    "crossings": "Hz",
    "clarity": "0 to 1",
    "pitch": "Hz",
    "onset": "0 and up",
    "beat": "0 or 1",
}
"""All curves and what they are measured in."""

WINDOW = 2048
"""Samples that a value describes, at least."""
FLOOR = -120.0
"""The lowest loudness, in dB."""
_SILENCE = -100.0
_CHUNK = 512  # windows at a time


def describe(x: NDArray[np.float32], sample_rate: int, hop: int) -> dict[str, Values]:
    """All curves of `UNITS`.

    loudness: mean power in the window, re full scale, in dB; a sine of amplitude 1 has -3.01. No
        weighting by frequency.
    centroid, bandwidth: mean of the frequencies and their deviation from it, both weighted by the
        magnitudes of the spectrum.
    rolloff: frequency below which 85 % of the power lies.
    flatness: geometric over arithmetic mean of the power spectrum: 0 for tones, 0.56 on average for
        white noise.
    crossings: changes of sign, per second and halved: of a sine, its frequency.
    clarity, pitch: height and position of the first high peak of the normalised autocorrelation
        (McLeod and Wyvill, A smarter way to find pitch, 2005): 1 for anything periodic between
        50 Hz and 2 kHz, near 0 for noise.
    onset: see `onsets.onset_strength`; the highest within a hop.
    beat: 1 where a beat of `onsets.beats` falls.

    Args:
        x: [channels, frames] or [frames].
        sample_rate: in Hz.
        hop: samples from value to value; windows are of 2048 samples, or of a hop if that is more.
    """
    mono = _mono(x)
    count = -(-len(mono) // hop)
    curves = {name: np.zeros(count, dtype=np.float32) for name in UNITS}
    for begin, frames in _windows(mono, hop, count):
        there = slice(begin, begin + len(frames))
        for name, values in _of_windows(frames, sample_rate).items():
            curves[name][there] = values
    strength, rate = onset_strength(mono, sample_rate)
    curves["onset"] = at_hop(strength, rate, sample_rate, hop, count)
    times = beats(strength, rate)
    curves["beat"][np.minimum((times * sample_rate / hop).astype(int), count - 1)] = 1.0
    return curves


def _mono(x: NDArray[np.float32]) -> Values:
    return x if x.ndim == 1 else x.mean(axis=0)


def _windows(mono: Values, hop: int, count: int) -> Iterator[tuple[int, Array]]:
    """(number of the first, [windows, samples]), some at a time."""
    window = max(WINDOW, hop)
    before = (window - hop) // 2
    padded = np.pad(mono, (before, count * hop + window - len(mono)))
    views = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop][:count]
    for begin in range(0, count, _CHUNK):
        yield begin, views[begin : begin + _CHUNK].astype(np.float64)


def _of_windows(frames: Array, rate: int) -> dict[str, Array]:
    length = frames.shape[1]
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)
    power = (frames**2 * hann).sum(axis=1) / hann.sum()
    loudness = 10.0 * np.log10(np.maximum(power, 10.0 ** (FLOOR / 10.0)))
    magnitudes = np.abs(np.fft.rfft(frames * hann))
    frequencies = np.arange(length // 2 + 1) * (rate / length)
    curves = _of_spectra(magnitudes, frequencies)
    negative = np.signbit(frames)
    changes = (negative[:, 1:] != negative[:, :-1]).sum(axis=1)
    curves["crossings"] = changes * (rate / (2.0 * (length - 1)))
    curves["clarity"], curves["pitch"] = _periodicity(frames, rate)
    heard = loudness > _SILENCE
    return {"loudness": loudness} | {name: curve * heard for name, curve in curves.items()}


def _of_spectra(magnitudes: Array, frequencies: Array) -> dict[str, Array]:
    tiny = np.finfo(np.float64).tiny
    total = magnitudes.sum(axis=1) + tiny
    centroid = magnitudes @ frequencies / total
    spread = (frequencies - centroid[:, None]) ** 2
    power = magnitudes**2 + 1e-20
    below = power.cumsum(axis=1)
    rolloff = frequencies[(below >= 0.85 * below[:, -1:]).argmax(axis=1)]
    return {
        "centroid": centroid,
        "bandwidth": np.sqrt((magnitudes * spread).sum(axis=1) / total),
        "rolloff": rolloff,
        "flatness": np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1),
    }


def _periodicity(frames: Array, rate: int) -> tuple[Array, Array]:
    """Clarity and pitch."""
    length = frames.shape[1]
    longest = min(rate // 50, length * 3 // 4)
    spectra = np.fft.rfft(frames, 2 * length)
    products = np.fft.irfft(np.abs(spectra) ** 2)[:, : longest + 2]
    squares = np.pad((frames**2).cumsum(axis=1), ((0, 0), (1, 0)))
    lags = np.arange(longest + 2)
    energies = squares[:, length - lags] + squares[:, -1:] - squares[:, lags]
    similar = 2.0 * products / (energies + 1e-12)

    # Peaks behind the first lag at which a window no longer resembles itself.
    away = np.cumsum(similar < 0.0, axis=1) > 0
    inner = similar[:, 1:-1]
    peaks = (inner >= similar[:, :-2]) & (inner > similar[:, 2:]) & away[:, 1:-1]
    peaks &= lags[1:-1] >= rate // 2000
    heights = np.where(peaks, inner, 0.0)
    high = heights >= np.maximum(0.9 * heights.max(axis=1, keepdims=True), 1e-3)
    found = high.any(axis=1)
    rows, place = np.arange(len(frames)), high.argmax(axis=1) + 1
    left, middle, right = (similar[rows, place + shift] for shift in (-1, 0, 1))
    bend = left - 2.0 * middle + right
    offset = np.where(found, 0.5 * (left - right) / np.where(bend == 0.0, 1.0, bend), 0.0)
    height = np.clip(middle - 0.25 * (left - right) * offset, 0.0, 1.0)
    return height * found, rate / (place + offset) * found
