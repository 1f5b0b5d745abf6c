# SPDX-License-Identifier: MIT
"""A converted network gives the offline network's samples, its delay later, at any block size."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from streaming_helpers import TOLERANCE, error, noise, offline
from streaming_networks import (
    Decode,
    Encode,
    Rave,
    ResidualEncoder,
    UNet,
    WaveNet,
    prepared,
)
from torch import Tensor, nn

from nnbridge import streaming

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "wavenet-causal": lambda: WaveNet(causal=True),
    "wavenet-centred": lambda: WaveNet(causal=False),
    "unet": lambda: UNet((2, 4, 2)),
    "unet-odd-strides": lambda: UNet((3, 5)),
    "residual-encoder": lambda: ResidualEncoder((2, 3, 5)),
    "residual-encoder-odd": lambda: ResidualEncoder((7, 3)),
    "rave": lambda: Rave(ratios=(4, 2)),
    "rave-causal": lambda: Rave(ratios=(4, 2), causal=True),
    "rave-ratio-2048": lambda: Rave(ratios=(4, 4, 4, 2)),
    "rave-ratio-2048-causal": lambda: Rave(ratios=(4, 4, 4, 2), causal=True),
    "rave-odd-ratio": lambda: Rave(ratios=(4, 3), bands=4),
    "rave-causal-odd-ratio": lambda: Rave(ratios=(3, 5), bands=4, causal=True),
    "rave-weight-norm": lambda: Rave(ratios=(2, 2), bands=8, weight_norm=True),
    "rave-encoder": lambda: Encode(Rave(ratios=(4, 2))),
}


def frames(stream: streaming.Streaming) -> int:
    """A length in whole blocks, with a good deal of output behind the delay."""
    step = stream.block
    return step * (math.ceil(stream.delay / step) + max(14, 600 // step))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_converted_network_equals_offline_after_its_delay(name: str, dtype: torch.dtype) -> None:
    network = prepared(NETWORKS[name]()).to(dtype)
    stream = streaming.convert(network)
    step = stream.block
    x = noise(1, frames(stream), dtype)
    many = step * 8 if step < 8 else step
    for blocks in ([many], [step * 3], [step * 2, step * 5, step, step * 14], [x.shape[-1]]):
        assert error(stream, network, x, blocks) <= TOLERANCE[dtype], blocks


@pytest.mark.parametrize("name", NETWORKS)
def test_the_thesis_delays_are_exact_too_and_never_shorter(name: str) -> None:
    network = prepared(NETWORKS[name]()).double()
    ours, thesis = streaming.convert(network), streaming.convert(network, early=False)
    assert thesis.delay >= ours.delay
    x = noise(1, frames(thesis), torch.float64)
    assert error(thesis, network, x, [ours.block, ours.block * 3]) < 1e-10


@pytest.mark.parametrize("name", NETWORKS)
def test_a_whole_file_comes_out_as_offline_from_its_first_sample_to_its_last(name: str) -> None:
    network = prepared(NETWORKS[name]()).double()
    stream = streaming.convert(network)
    x = noise(1, stream.block * max(6, 600 // stream.block), torch.float64)
    y = offline(network, x)
    for block in (stream.block, stream.block * 4):
        z = stream.render(x, block)
        assert z.shape == y.shape
        torch.testing.assert_close(z, y, atol=1e-10, rtol=0)


def test_a_file_need_not_be_a_multiple_of_the_block() -> None:
    network = prepared(WaveNet(causal=False)).double()
    stream = streaming.convert(network)
    for frames in (1, 7, 1001):
        x = noise(1, frames, torch.float64)
        torch.testing.assert_close(stream.render(x, 64), offline(network, x), atol=1e-10, rtol=0)


def test_a_file_whose_end_the_network_cuts_is_exact_to_its_last_sample() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(1, 1, 9, padding=4)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x[..., :-20])

    network = Cut().double().eval()
    stream = streaming.convert(network)
    x = noise(1, 100, torch.float64)
    torch.testing.assert_close(stream.render(x, 3), offline(network, x), atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", ["wavenet-centred", "unet", "rave-ratio-2048", "rave-causal"])
def test_an_input_that_is_late_already_is_exact_from_its_own_start(name: str) -> None:
    network = prepared(NETWORKS[name]()).double()
    late = 5 * streaming.convert(network).block
    stream = streaming.convert(network, late=late)
    assert stream.delay == streaming.convert(network).delay + late
    x = noise(1, stream.block * max(6, 600 // stream.block), torch.float64)
    before = noise(1, late, torch.float64, seed=1)  # what another stream gives before its start
    for made in (stream, streaming.pack(stream)):
        z = made.render(torch.cat([before, x], -1), stream.block * 2)
        torch.testing.assert_close(z, offline(network, x), atol=1e-10, rtol=0)


def test_a_decoder_that_makes_samples_of_latents_is_exact() -> None:
    network = prepared(Decode(Rave(ratios=(4, 2), latent=8))).double()
    stream = streaming.convert(network)
    assert stream.ratio == Fraction(1, 128)
    assert stream.block == 1
    z = noise(8, 40, torch.float64)
    assert error(stream, network, z, [1, 3, 2]) < 1e-10


def test_delay_and_ratio_are_in_samples_of_the_input() -> None:
    encoder = streaming.convert(prepared(Encode(Rave(ratios=(4, 4, 4, 2)))))
    assert encoder.ratio == 2048
    assert encoder.delay == encoder.output_delay * 2048
    both = streaming.convert(prepared(Rave(ratios=(4, 4, 4, 2))))
    assert (both.ratio, both.block) == (1, 2048)
    impulse = streaming.convert(nn.Conv1d(1, 1, 9, padding=2).eval())
    assert impulse.delay == 6  # its last tap is six frames ahead: nine, less two of padding and now


def test_a_stream_is_never_later_than_what_it_must_wait_for() -> None:
    """The smallest delay for which the output is still causal: one frame less is impossible."""
    network = prepared(Rave(ratios=(4, 3), bands=4)).double()
    stream = streaming.convert(network)
    block = stream.block
    x = noise(1, block * 40, torch.float64, batch=1)
    y = offline(network, x)
    at = block * 20
    changed = x.clone()
    changed[..., at:] += 1.0
    first = int((offline(network, changed) - y).abs().amax((0, 1)).gt(1e-12).nonzero()[0])
    # sample `at - 1` ends a block; the stream has then given offline frames below at - delay
    assert at - stream.delay <= first < at - stream.delay + block


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5])
def test_overlap_add_is_not_exact_where_streaming_is(overlap: float) -> None:
    network = prepared(Rave(ratios=(4, 2))).double()
    stream = streaming.convert(network)
    x = noise(1, 16384, torch.float64, batch=1)
    y = offline(network, x)
    baseline = streaming.OverlapAdd(network, 2048, overlap).render(x)
    distance = float((baseline - y).norm() / y.norm())
    assert float((stream.render(x) - y).norm() / y.norm()) < 1e-12
    assert distance > 0.02, distance


def test_linear_interpolation_by_an_odd_factor_is_exact() -> None:
    for factor in (2, 3, 5):
        network = nn.Sequential(
            nn.Conv1d(1, 2, 5, padding=2),
            nn.Upsample(scale_factor=factor, mode="linear"),
            nn.Conv1d(2, 1, 3, padding=1),
        ).double()
        stream = streaming.convert(network.eval())
        x = noise(1, 200, torch.float64)
        torch.testing.assert_close(stream.render(x, 7), offline(network, x), atol=1e-10, rtol=0)


def test_overlap_add_windows_add_up_to_one() -> None:
    x = noise(1, 1000, torch.float64)
    for overlap in (0.0, 0.25, 0.5):
        y = streaming.OverlapAdd(nn.Identity(), 64, overlap).render(x)
        torch.testing.assert_close(y, x, atol=1e-12, rtol=0)
