# SPDX-License-Identifier: MIT
"""Any graph of convolutions, strides, transposed convolutions, dilations and merges streams."""

from __future__ import annotations

from random import Random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_networks import RandomNetwork
from streaming_helpers import fed, noise, offline

from nnbridge import streaming


def check(seed: int, early: bool = True) -> None:
    rng = Random(seed)
    torch.manual_seed(seed)
    network = RandomNetwork(rng).eval().double()
    stream = streaming.convert(network, early=early)
    x = noise(2, 480 + 120 * (seed % 3), torch.float64, seed=seed)
    y = offline(network, x)
    long = stream.block * max(1, 120 // stream.block)
    for block in (stream.block * rng.randint(8 // stream.block + 1, 12), long):
        z = stream.render(x, block)  # every sample of the file, both ends included
        assert z.shape == y.shape
        assert float((z - y).abs().max()) <= 1e-10 * max(1.0, float(y.abs().max()))
    # the open stream, against offline on a signal that goes on
    whole = x
    longer = torch.cat([x, noise(2, 600, torch.float64, seed=seed + 1)], -1)
    y = offline(network, longer)
    scripted = torch.jit.script(stream) if seed % 10 == 0 else stream
    x = x[..., : x.shape[-1] // stream.block * stream.block]
    z = fed(scripted, x, [stream.block, stream.block * 7, long])
    z = z[..., stream.output_delay :]
    difference = z - y[..., : z.shape[-1]]
    if z.shape[-1]:
        assert float(difference.abs().max()) <= 1e-10 * max(1.0, float(y.abs().max()))
    single = network.float()
    y32 = offline(single, whole.float())
    z32 = streaming.convert(single, early=early).render(whole.float())
    assert float((z32 - y32).abs().max()) <= 1e-5 * max(1.0, float(y32.abs().max()))


@settings(max_examples=200, derandomize=True, deadline=None, database=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(st.integers(0, 2**32 - 1))
def test_two_hundred_random_graphs_stream_exactly(seed: int) -> None:
    check(seed)


@pytest.mark.extended
@pytest.mark.parametrize("early", [True, False])
def test_a_thousand_more_random_graphs_stream_exactly(early: bool) -> None:
    for seed in range(500):
        check(seed, early)
