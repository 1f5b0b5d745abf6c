# SPDX-License-Identifier: MIT
"""A packed stream gives the same samples as the network it was made from; only faster."""

from __future__ import annotations

import io
from random import Random

import pytest
import torch
from random_networks import RandomNetwork
from streaming_helpers import error, fed, noise, offline
from streaming_networks import Rave, WaveNet, prepared
from test_streaming_exact import NETWORKS, frames
from torch import Tensor, nn

from nnbridge import streaming
from nnbridge.streaming.packed import PackedConv1d, PackedGroupedConv1d


def packed(network: nn.Module) -> streaming.Streaming:
    return streaming.pack(streaming.convert(network))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_packed_network_equals_offline_after_its_delay(name: str, dtype: torch.dtype) -> None:
    network = prepared(NETWORKS[name]()).to(dtype)
    stream = packed(network)
    step = stream.block
    for batch in (1, 2):
        x = noise(1, frames(stream), dtype, batch)
        peak = float(offline(network, x).abs().max())
        # float32: what the other order of its sums costs, relative to full scale
        tolerance = 1e-10 if dtype == torch.float64 else 1e-5 * max(1.0, peak)
        many = step * 8 if step < 8 else step
        for blocks in ([many], [step * 2, step * 5, step, step * 14], [x.shape[-1]]):
            assert error(stream, network, x, blocks) <= tolerance, (batch, blocks)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_whole_file_comes_out_as_offline_at_both_ends_too(name: str) -> None:
    network = prepared(NETWORKS[name]()).double()
    stream = packed(network)
    x = noise(1, stream.block * max(6, 600 // stream.block), torch.float64)
    y = offline(network, x)
    for block in (stream.block, stream.block * 4):
        torch.testing.assert_close(stream.render(x, block), y, atol=1e-10, rtol=0)


def test_random_graphs_are_packed_exactly() -> None:
    for seed in range(25):
        torch.manual_seed(seed)
        network = RandomNetwork(Random(seed)).eval().double()
        stream = packed(network)
        x = noise(2, 480, torch.float64, seed=seed)
        y = offline(network, x)
        for block in (stream.block, stream.block * (1 + seed % 7)):
            z = stream.render(x, block)
            assert float((z - y).abs().max()) <= 1e-10 * max(1.0, float(y.abs().max())), seed


LAYERS = {
    "strided": lambda: nn.Conv1d(4, 6, 9, 4, 3),
    "a-kernel-below-its-stride": lambda: nn.Conv1d(4, 6, 2, 5),
    "dilated": lambda: nn.Conv1d(4, 6, 3, padding=9, dilation=9),
    "of-one-tap": lambda: nn.Conv1d(4, 6, 1),
    "in-groups": lambda: nn.Conv1d(4, 6, 5, 2, 2, groups=2),
    "depthwise": lambda: nn.Conv1d(12, 24, 3, padding=1, groups=12),
    "of-a-long-kernel": lambda: nn.Conv1d(4, 6, 65, 4, 32),
    "of-a-long-kernel-in-groups": lambda: nn.Conv1d(4, 6, 65, 4, 32, groups=2),
    "transposed": lambda: nn.ConvTranspose1d(4, 6, 8, 4, 2),
    "transposed-with-gaps": lambda: nn.ConvTranspose1d(4, 6, 2, 5),
    "transposed-of-an-odd-kernel": lambda: nn.ConvTranspose1d(4, 6, 7, 3, 2),
    "transposed-in-groups": lambda: nn.ConvTranspose1d(4, 6, 7, 3, 2, groups=2),
    "transposed-and-dilated": lambda: nn.ConvTranspose1d(4, 6, 3, 2, 1, dilation=2),
    "transposed-depthwise": lambda: nn.ConvTranspose1d(12, 24, 4, 2, 1, groups=12),
    "transposed-of-a-long-kernel": lambda: nn.ConvTranspose1d(4, 2, 64, 2, 31),
}


@pytest.mark.parametrize("norm", [False, True], ids=["bare", "batch-norm"])
@pytest.mark.parametrize("bias", [False, True], ids=["no-bias", "bias"])
@pytest.mark.parametrize("name", LAYERS)
def test_every_kind_of_convolution_is_packed_exactly(name: str, bias: bool, norm: bool) -> None:
    torch.manual_seed(0)
    layer = LAYERS[name]()
    if not bias:
        layer.bias = None
    network: nn.Module = nn.Sequential(
        nn.Conv1d(1, layer.in_channels, 3, padding=1),
        layer,
        nn.BatchNorm1d(layer.out_channels) if norm else nn.Identity(),
        nn.LeakyReLU(0.2),
        nn.Conv1d(layer.out_channels, 2, 3, padding=1),
    )
    network = prepared(network).double()
    stream = packed(network)
    assert not any(isinstance(m, nn.BatchNorm1d) for m in stream.modules())
    x = noise(1, 60 * stream.block, torch.float64)
    y = offline(network, x)
    # a long block goes tap by tap, a short one does not
    for block in (stream.block * 3, stream.block * 60):
        torch.testing.assert_close(stream.render(x, block), y, atol=1e-12, rtol=0)
        torch.testing.assert_close(stream.render(x[:1], block), y[:1], atol=1e-12, rtol=0)


class Viewed(nn.Module):
    """Folds channels into the batch by a view, as code for contiguous tensors does."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 4, 3, padding=1)
        self.each = nn.Conv1d(1, 2, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        batch, _, time = x.shape
        y: Tensor = self.each(self.first(x).view(batch * 4, 1, time))
        return y.view(batch, 8, time)


def test_a_network_that_views_its_signals_may_be_packed() -> None:
    network = Viewed().double().eval()
    stream = packed(network)
    x = noise(1, 60, torch.float64)
    torch.testing.assert_close(stream.render(x, 12), offline(network, x), atol=1e-12, rtol=0)


def test_a_packed_stream_may_be_packed_again() -> None:
    network = prepared(WaveNet(causal=False)).double()
    once = packed(network)
    x = noise(1, 100, torch.float64)
    once(x)
    twice = streaming.pack(once)
    torch.testing.assert_close(twice.render(x, 10), offline(network, x), atol=1e-12, rtol=0)


def test_a_long_block_goes_tap_by_tap_and_gives_the_same() -> None:
    network = prepared(WaveNet(causal=False)).double()
    stream = packed(network)
    x = noise(1, 4096, torch.float64, batch=1)
    y = offline(network, x)
    torch.testing.assert_close(stream.render(x, 4096), y, atol=1e-12, rtol=0)
    torch.testing.assert_close(stream.render(x, 16), y, atol=1e-12, rtol=0)


def test_every_convolution_of_a_rave_is_packed_and_no_norm_is_left() -> None:
    stream = packed(prepared(Rave(ratios=(4, 2))))
    kinds = [type(s).__name__ for s in stream.net.states]
    assert not any(kind.startswith("StreamConv") for kind in kinds)
    assert sum(isinstance(s, PackedConv1d | PackedGroupedConv1d) for s in stream.net.states) > 10
    assert not any(isinstance(m, nn.BatchNorm1d) for m in stream.modules())


def test_a_saved_packed_stream_gives_what_it_gave() -> None:
    stream = packed(prepared(Rave(ratios=(2, 2), bands=4)).double())
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(stream), file)
    file.seek(0)
    loaded = torch.jit.load(file)
    x = noise(1, stream.block * 30, torch.float64)
    sizes = [stream.block * n for n in (1, 4, 2)]
    for _ in range(2):
        torch.testing.assert_close(fed(loaded, x, sizes), fed(stream, x, sizes), atol=1e-12, rtol=0)
        loaded.reset()
        stream.reset()


def test_reset_and_another_batch_size_begin_anew_bit_for_bit() -> None:
    stream = packed(prepared(Rave(ratios=(2, 2), bands=4)))
    x = noise(1, stream.block * 12, torch.float32)
    first = fed(stream, x, [stream.block * 3])
    stream.reset()
    assert torch.equal(first, fed(stream, x, [stream.block * 3]))
    stream(noise(1, stream.block, torch.float32, batch=3))
    assert torch.equal(first, fed(stream, x, [stream.block * 3]))


def test_packing_leaves_the_stream_and_the_network_as_they_were() -> None:
    conv = nn.Conv1d(1, 1, 3, padding=1, bias=False).eval()
    network = nn.Sequential(conv, nn.BatchNorm1d(1)).eval()
    plain = streaming.convert(network)
    x = torch.randn(1, 1, 8)
    plain(x)  # its past is its own
    fast = streaming.pack(plain)
    assert torch.allclose(fast(x), streaming.convert(network)(x), atol=1e-6)
    before = fast(x)
    with torch.no_grad():
        conv.weight.zero_()
    fast.reset()
    fast(x)
    assert torch.equal(fast(x), before)  # a later change of the network is not heard
    assert float(plain(x).abs().max()) < 1e-6  # and still is, in what convert returned


class Merge(nn.Module):
    """Operations of one frame, and of channels, between convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.inp = nn.Conv1d(1, 4, 3, padding=1)
        self.gate = nn.Conv1d(2, 2, 3, padding=1)
        self.act = nn.PReLU(2)
        self.scale = nn.Parameter(torch.rand(2, 1))
        self.out = nn.Conv1d(6, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.inp(x).chunk(2, 1)
        c = torch.tanh(self.gate(a)) * torch.sigmoid(self.gate(b))
        d = self.act(self.gate(b)) * self.scale + c.mean(1, keepdim=True)
        return self.out(torch.cat([c, d, a[:, :1] - b[:, 1:], b[:, :1]], 1))


def test_operations_between_packed_layers_see_the_axes_that_they_mean() -> None:
    torch.manual_seed(0)
    network = Merge().eval().double()
    x = noise(1, 64, torch.float64)
    stream = packed(network)
    torch.testing.assert_close(stream.render(x, 8), offline(network, x), atol=1e-12, rtol=0)
