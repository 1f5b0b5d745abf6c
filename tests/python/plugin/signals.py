# SPDX-License-Identifier: MIT
"""What goes into a plugin, and what `nnbridge render` makes of the same."""

import numpy as np

import nnbridge

RATE = 48000


def noise(channels, frames, seed=0):
    return (np.random.default_rng(seed).standard_normal((channels, frames)) * 0.1).astype("f4")


def rendered(model, signal, method="forward", rate=RATE):
    # The plugin's own seed offline, for models that draw random numbers.
    return nnbridge.render(model, signal, method=method, sample_rate=rate, tail=0, seed=0).values
