# SPDX-License-Identifier: MIT
"""Random draws that a key decides: what is trained again is trained alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """Draws in here depend on the key alone, on the CPU and on the GPU in use."""
    number = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(number)
        yield
