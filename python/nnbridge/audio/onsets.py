# SPDX-License-Identifier: MIT
"""Where sounds begin, and where a listener might tap along."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Array = NDArray[np.float64]

_RATE = 172.0  # onset strengths per second, roughly
_CHUNK = 2048
_TIGHTNESS = 100.0  # how much a beat may depart from the tempo, as in the paper
_USUAL = 120.0  # beats per minute


def onset_strength(mono: Values, sample_rate: int) -> tuple[Values, float]:
    """How much louder, summed over frequencies, each moment is than the one before.

    The spectral flux: the mean over all bins of max(0, the increase of log(1 + 1000 |X|)), where X
    is a Hann-windowed spectrum of 23 ms, scaled so that a full-scale sine has 0.5.

    Args:
        mono: [frames].
        sample_rate: in Hz.

    Returns:
        A value for about every 6 ms, and their exact rate in Hz. Value k belongs to time k / rate.
    """
    step = max(1, round(sample_rate / _RATE))
    window = 4 * step
    hann = np.hanning(window + 1)[:-1].astype(np.float32)
    count = max(1, len(mono) // step)
    padded = np.pad(mono, (window // 2, window))
    views = np.lib.stride_tricks.sliding_window_view(padded, window)[::step][:count]
    strength = np.zeros(count, dtype=np.float32)
    before = np.zeros((1, window // 2 + 1))
    for begin in range(0, count, _CHUNK):
        spectra = np.abs(np.fft.rfft(views[begin : begin + _CHUNK] * hann)) / hann.sum()
        levels = np.concatenate([before, np.log1p(1000.0 * spectra)])
        rise = np.maximum(np.diff(levels, axis=0), 0.0).mean(axis=1)
        strength[begin : begin + len(rise)] = rise
        before = levels[-1:]
    return strength, sample_rate / step


def at_hop(strength: Values, rate: float, sample_rate: int, hop: int, count: int) -> Values:
    """The highest value within each of `count` hops; the next one, where there is none."""
    first = np.ceil(np.arange(count) * (hop * rate / sample_rate)).astype(int)
    return np.maximum.reduceat(strength, np.minimum(first, len(strength) - 1))


def tempo(strength: Values, rate: float) -> float:
    """Beats per minute, from 40 to 240; 0 if nothing repeats.

    The lag at which the onset strength resembles itself most, weighted by how usual its tempo is: a
    normal distribution over octaves around 120, 0.9 octaves wide (Ellis, Beat tracking by dynamic
    programming, 2007).
    """
    envelope = strength.astype(np.float64) - strength.mean()
    longest = min(int(rate * 60.0 / 40.0), len(envelope) - 1)
    shortest = max(1, int(rate * 60.0 / 240.0))
    if longest <= shortest + 1 or not envelope.any():
        return 0.0
    size = 2 * len(envelope)
    similar = np.fft.irfft(np.abs(np.fft.rfft(envelope, size)) ** 2, size)[: longest + 1]
    lags = np.arange(shortest, longest)
    octaves = np.log2(60.0 * rate / lags / _USUAL)
    weighted = similar[lags] * np.exp(-0.5 * (octaves / 0.9) ** 2)
    best = int(lags[weighted.argmax()])
    if weighted.max() <= 0.0:
        return 0.0
    left, middle, right = similar[best - 1], similar[best], similar[best + 1]
    bend = left - 2.0 * middle + right
    offset = 0.5 * (left - right) / bend if bend < 0.0 else 0.0
    return float(60.0 * rate / (best + np.clip(offset, -0.5, 0.5)))


def beats(strength: Values, rate: float) -> Array:
    """Times of beats in seconds: onsets that are also about one beat apart.

    The sequence with the highest sum of onset strengths, less a penalty for every step that is not
    the tempo's: tightness * log(step / beat)^2, maximised by dynamic programming (Ellis 2007). One
    tempo for all of the signal; every signal with onsets gets beats, whether it has a metre or not.

    Args:
        strength: of `onset_strength`.
        rate: its values per second.
    """
    pace = tempo(strength, rate)
    if pace == 0.0:
        return np.zeros(0)
    beat = 60.0 * rate / pace
    envelope = strength / max(float(strength.std()), 1e-9)
    near, far = max(1, round(beat / 2)), round(2 * beat)
    back = np.arange(-far, -near + 1)
    cost = -_TIGHTNESS * np.log(-back / beat) ** 2
    total = np.pad(envelope.astype(np.float64), (far, 0))
    total[:far] = 0.0
    source = np.full(len(envelope), -1)
    for place in range(len(envelope)):
        scores = total[place + far + back[0] : place + far + back[-1] + 1] + cost
        best = int(scores.argmax())
        if scores[best] > 0.0:
            total[place + far] += scores[best]
            source[place] = place + back[best]
    last_beat = max(0, len(envelope) - round(beat))
    place = last_beat + int(total[far + last_beat :].argmax())
    found = []
    while place >= 0:
        found.append(place)
        place = source[place]
    # A tempo goes on before and after the music; its beats do not.
    struck = envelope[found[::-1]]
    heard = np.flatnonzero(struck >= 0.5 * np.sqrt(np.mean(struck**2)))
    return np.array(found[::-1], dtype=np.float64)[heard[0] : heard[-1] + 1] / rate
