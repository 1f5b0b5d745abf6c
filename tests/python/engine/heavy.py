# SPDX-License-Identifier: MIT
"""Run in a process of its own: how many megabytes do eight more models of one file cost?"""

import os
import sys
from pathlib import Path

import numpy as np
import torch
from fixtures.fixture import Listed, save

import nnbridge


class Heavy(Listed):
    """64 MB of weights, and a counter as state."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(64, 1024, 256))
        self.register_buffer("state", torch.zeros(1))
        self.declare("forward", 1, 1, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.state.add_(1.0)
        return x + self.state + self.weight[0, 0, 0]


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


path = Path(sys.argv[1])
save(Heavy(), path)
silence = np.zeros((1, 512), np.float32)
model = nnbridge.load(path)
stream = model.stream(host_block=512)
assert stream.process(silence)[0, 0] == 1.0
assert stream.process(silence)[0, 0] == 2.0
before = resident_megabytes()
models = [nnbridge.load(path) for _ in range(8)]
streams = [model.stream(host_block=512) for model in models]
for stream in streams:
    assert stream.process(silence)[0, 0] == 1.0
print(resident_megabytes() - before)
