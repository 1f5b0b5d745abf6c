# SPDX-License-Identifier: MIT
"""Small changes that a listener hardly hears and a network must not mind.

Each is a plain function of float samples [channels, frames] and a random generator; random numbers
come from nowhere else. The random crop, thesis section 3.1.3's fourth augmentation, is
`dataset.Split.crop`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt

from .errors import AudioError

Signal = NDArray[np.float32]
Augmentation = Callable[[Signal, np.random.Generator], Signal]
Noise = Literal["none", "uniform", "triangular"]

STEP = 2.0**-15
"""Of a 16-bit sample."""


def dequantise(x: Signal, random: np.random.Generator, noise: Noise = "uniform") -> Signal:
    """Fills the steps of 16-bit samples with noise.

    Args:
        x: [channels, frames].
        random: where the noise comes from.
        noise: `uniform`, one step wide: the density of what may have been rounded to a value;
            `triangular`, two steps wide: its variance does not depend on the signal.
    """
    if noise == "none":
        return x
    offset = random.random(x.shape, dtype=np.float32) - np.float32(0.5)
    if noise == "triangular":
        offset += random.random(x.shape, dtype=np.float32) - np.float32(0.5)
    offset *= np.float32(STEP)
    offset += x
    return offset


def all_pass(
    x: Signal,
    random: np.random.Generator,
    sample_rate: int,
    sections: int = 1,
    lowest: float = 20.0,
    highest: float = 2000.0,
    radius: float = 0.99,
) -> Signal:
    """Turns phases by random second-order all-pass sections; magnitudes stay.

    A section with poles at r exp(±j theta) has zeros at their mirror images 1/r exp(±j theta):

        H(z) = (r^2 - 2 r cos(theta) z^-1 + z^-2) / (1 - 2 r cos(theta) z^-1 + r^2 z^-2)

    Args:
        x: [channels, frames]; all channels go through the same sections.
        random: draws the angle of each section, uniformly in pitch.
        sample_rate: of x, in Hz.
        sections: how many, one after the other.
        lowest: of the frequencies that are drawn, in Hz.
        highest: as well; half the sample rate at most.
        radius: of the poles, below 1; the nearer to it, the longer phases are turned.
    """
    highest = min(highest, 0.499 * sample_rate)
    draws = random.uniform(math.log(lowest), math.log(max(lowest, highest)), sections)
    middle = -2.0 * radius * np.cos(2.0 * math.pi * np.exp(draws) / sample_rate)
    one, square = np.ones(sections), np.full(sections, radius * radius)
    coefficients = np.stack([square, middle, one, one, middle, square], axis=1)
    return np.asarray(sosfilt(coefficients, x.astype(np.float64)), dtype=np.float32)


def gain(
    x: Signal, random: np.random.Generator, lowest: float = -6.0, highest: float = 0.0
) -> Signal:
    """Changes the level by so many decibels, drawn uniformly; never beyond full scale.

    A draw above what the peak allows is taken down to it.
    """
    factor = 10.0 ** (random.uniform(lowest, highest) / 20.0)
    peak = float(np.abs(x).max(initial=0.0))
    if factor > 1.0 and factor * peak > 1.0:
        factor = max(1.0, 1.0 / peak)
    return x * np.float32(factor)


def chain(
    sample_rate: int,
    *,
    dequantisation: Noise = "uniform",
    all_pass_probability: float = 0.8,
    all_pass_sections: int = 1,
    all_pass_lowest: float = 20.0,
    all_pass_highest: float = 2000.0,
    all_pass_radius: float = 0.99,
    gain_probability: float = 0.0,
    gain_lowest: float = -6.0,
    gain_highest: float = 0.0,
) -> Augmentation:
    """All of them in their order, each with its probability.

    Args:
        sample_rate: in Hz.
        dequantisation: noise of `dequantise`; always applied, unless `none`.
        all_pass_probability: 0 to 1.
        all_pass_sections: see `all_pass`.
        all_pass_lowest: in Hz.
        all_pass_highest: in Hz.
        all_pass_radius: below 1.
        gain_probability: 0 to 1.
        gain_lowest: in dB.
        gain_highest: in dB.

    Raises:
        AudioError: a value makes no sense.
    """
    if dequantisation not in ("none", "uniform", "triangular"):
        raise AudioError(
            f"The dequantisation noise is none, uniform or triangular, not '{dequantisation}'."
        )
    for name, chance in [("all-pass", all_pass_probability), ("gain", gain_probability)]:
        if not 0.0 <= chance <= 1.0:
            raise AudioError(f"The {name} probability lies from 0 to 1, not at {chance:g}.")
    if all_pass_sections < 1:
        raise AudioError(f"There is at least 1 all-pass section, not {all_pass_sections}.")
    if not 0.0 < all_pass_radius < 1.0:
        raise AudioError(f"The all-pass radius lies between 0 and 1, not at {all_pass_radius:g}.")
    if not 0.0 < all_pass_lowest <= all_pass_highest or all_pass_lowest >= sample_rate / 2:
        raise AudioError(
            f"The all-pass frequencies rise from above 0 to below {sample_rate / 2:g} Hz, not from "
            f"{all_pass_lowest:g} to {all_pass_highest:g}."
        )
    if gain_lowest > gain_highest:
        raise AudioError(f"The gain can't lie from {gain_lowest:g} to {gain_highest:g} dB.")
    phases = partial(
        all_pass,
        sample_rate=sample_rate,
        sections=all_pass_sections,
        lowest=all_pass_lowest,
        highest=all_pass_highest,
        radius=all_pass_radius,
    )
    level = partial(gain, lowest=gain_lowest, highest=gain_highest)
    return partial(
        _apply,
        steps=(
            (1.0, partial(dequantise, noise=dequantisation)),
            (all_pass_probability, phases),
            (gain_probability, level),
        ),
    )


def _apply(
    x: Signal, random: np.random.Generator, steps: Sequence[tuple[float, Augmentation]]
) -> Signal:
    for probability, change in steps:
        if random.random() < probability:
            x = change(x, random)
    return x
