# SPDX-License-Identifier: MIT
"""How much later a method's output is than its input."""

from __future__ import annotations

import numpy as np

from .check_player import FailedError, Player, Signal
from .check_report import Delay

# An impulse on quiet noise: the model is at its usual working point, and what the impulse changes
# is the difference of two runs, which draw the same random numbers.
_NOISE = 0.05
_IMPULSE = 0.5
_IMPULSES = 5
_SECONDS = 1.0
"""Of the longest delay that is found."""
_AUDIBLE = 1e-4
"""Share of an answer's peak below which it counts as rounding."""
_ANSWER = 0.1
"""Share of the peak at which an answer has begun."""


def measure(player: Player) -> Delay | None:
    """Measures the delay of a method.

    Returns:
        What was measured; None when impulses at different moments find different delays, or fewer
        than two of them find one, as in a decoder of codes, most of which an impulse leaves alone.
    """
    method = player.method
    precision = max(method.in_ratio, method.out_ratio)
    block = player.block(2048)
    window = player.block(int(_SECONDS * player.rate))
    frames = window + player.block(max(8 * precision, block))
    base = player.noise(frames, _NOISE)
    try:
        plain = player.play(base, block)
        found = []
        for index in range(_IMPULSES):
            # At phases that no block or ratio has in common, and not at the very start.
            at = (977 * (index + 1)) % (4 * precision + 1500) // method.in_ratio * method.in_ratio
            answer = player.play(_struck(player, base, at), block) - plain
            delay = _read(np.abs(answer).sum(axis=0), at)
            if delay:
                found.append(delay)
    except FailedError:
        return None
    if len(found) < 2:
        return None
    onsets, peaks = np.array(found).T
    slack = 0 if precision == 1 else precision
    if np.ptp(onsets) > max(2, slack) or np.ptp(peaks) > max(2, slack):
        return _correlate(player, frames, block)
    if precision > 1:
        # An answer begins with the step in which the impulse lies.
        onsets, peaks = np.maximum(onsets, 0), np.maximum(peaks, 0)
    return Delay(int(np.median(onsets)), int(np.median(peaks)), slack)


def _struck(player: Player, base: Signal, at: int) -> Signal:
    signal = base.copy()
    # Not the same in all channels: they might cancel.
    levels = _IMPULSE * 0.8 ** np.arange(signal.shape[0], dtype=np.float32)
    signal[:, at : at + player.method.in_ratio] += levels[:, np.newaxis]
    return signal


def _read(answer: Signal, at: int) -> tuple[int, int] | None:
    peak = float(answer.max())
    if peak < 1e-6:
        return None
    begun = np.flatnonzero(answer > _ANSWER * peak)
    return int(begun[0]) - at, int(np.argmax(answer)) - at


def _correlate(player: Player, frames: int, block: int) -> Delay | None:
    """By the likeness of output and input, for models that answer impulses unevenly."""
    if player.method.in_ratio != 1 or player.method.out_ratio != 1:
        return None
    signal = player.noise(frames, 0.3, seed=5)
    signal[:, frames // 2 :] = 0.0
    output = player.play(signal, block)
    size = 2 * frames
    one, other = np.fft.rfft(signal[0], size), np.fft.rfft(output[0], size)
    likeness = np.abs(np.fft.irfft(other * one.conj(), size)[: frames // 2])
    scale = float(np.sqrt(np.sum(signal[0] ** 2) * np.sum(output[0] ** 2)))
    lag = int(np.argmax(likeness))
    if scale == 0 or likeness[lag] < 0.5 * scale:
        return None
    return Delay(lag, lag, 0)
