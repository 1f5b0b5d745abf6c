# SPDX-License-Identifier: MIT
"""Recordings, from a folder of files to batches: what training reads.

    from nnbridge.audio.prepare import prepare
    from nnbridge.audio.dataset import Dataset
    from nnbridge.audio.batches import Batches

    prepare(["recordings"], "dataset", sample_rate=44100)
    train = Dataset("dataset").split("train")
    x = Batches(train, frames=32768, batch=4, seed=0).at(step=0)    # [4, channels, 32768]

Knows of no model, and needs no compiled engine.
"""

from .errors import AudioError

__all__ = ["AudioError"]
