# SPDX-License-Identifier: MIT
"""State: reset, batch items, scripting, block lengths, shared weights."""

from __future__ import annotations

import copy
import io

import pytest
import torch
import torch.nn.functional as F
from streaming_helpers import fed, noise, offline
from streaming_networks import Rave, ResidualEncoder, UNet, WaveNet, prepared
from torch import Tensor, nn

from nnbridge import streaming

SMALL = {
    "wavenet": lambda: WaveNet(causal=False, layers=3),
    "unet": lambda: UNet((2, 3)),
    "residual-encoder": lambda: ResidualEncoder((2, 3)),  # has a GRU
    "rave": lambda: Rave(ratios=(2, 2), bands=4),  # has a band split, whose signs alternate
}


@pytest.mark.parametrize("name", SMALL)
def test_after_reset_a_stream_repeats_itself_bit_for_bit(name: str) -> None:
    stream = streaming.convert(prepared(SMALL[name]()))
    x = noise(1, stream.block * 31, torch.float32)
    sizes = [stream.block * n for n in (5, 2, 8)]
    first = fed(stream, x, sizes)
    assert not torch.equal(first, fed(stream, x, sizes))  # it goes on where it was
    stream.reset()
    assert torch.equal(first, fed(stream, x, sizes))


@pytest.mark.parametrize("name", SMALL)
def test_batch_items_do_not_hear_each_other(name: str) -> None:
    stream = streaming.convert(prepared(SMALL[name]()).double())
    x = noise(1, stream.block * 24, torch.float64, batch=3)
    sizes = [stream.block * n for n in (3, 1)]
    together = fed(stream, x, sizes)
    for item in range(3):
        stream.reset()
        alone = fed(stream, x[item : item + 1], sizes)
        torch.testing.assert_close(together[item : item + 1], alone, atol=1e-12, rtol=0)


def test_another_batch_size_begins_all_streams_anew() -> None:
    stream = streaming.convert(prepared(SMALL["rave"]()))
    x = noise(1, stream.block * 8, torch.float32, batch=2)
    first = stream(x)
    stream(noise(1, stream.block * 3, torch.float32, batch=5))
    assert torch.equal(stream(x), first)


@pytest.mark.parametrize("name", SMALL)
def test_scripted_gives_what_eager_gives(name: str) -> None:
    stream = streaming.convert(prepared(SMALL[name]()).double())
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(stream), file)
    file.seek(0)
    scripted = torch.jit.load(file)
    x = noise(1, stream.block * 30, torch.float64)
    sizes = [stream.block * n for n in (1, 4, 2)]
    for _ in range(2):
        torch.testing.assert_close(
            fed(scripted, x, sizes), fed(stream, x, sizes), atol=1e-12, rtol=0
        )
        scripted.reset()
        stream.reset()
    with pytest.raises(Exception, match="multiples of"):
        scripted(x[..., :0])


def test_a_copy_of_a_stream_is_a_stream_of_its_own() -> None:
    stream = streaming.convert(prepared(SMALL["rave"]()))
    x = noise(1, stream.block * 8, torch.float32)
    fresh = copy.deepcopy(stream)
    first = stream(x)
    assert torch.equal(fresh(x), first)


def test_a_block_of_a_wrong_length_is_refused_in_one_sentence() -> None:
    stream = streaming.convert(prepared(UNet((2, 3))))
    for frames in (1, 5, 7, 0):
        with pytest.raises(ValueError, match="takes multiples of 6 samples"):
            stream(torch.zeros(1, 1, frames))
    with pytest.raises(ValueError, match=r"\[batch, channels, time\]"):
        stream(torch.zeros(1, 6))
    stream(torch.zeros(1, 1, 6))


def test_the_network_is_left_as_it_was_and_its_weights_are_shared() -> None:
    network = prepared(Rave(ratios=(2, 2), bands=4))
    before = {k: v.clone() for k, v in network.state_dict().items()}
    names = set(vars(network))
    stream = streaming.convert(network)
    weights = {p.data_ptr() for p in network.parameters()}
    states = stream.net.states
    assert sum(getattr(s, "weight", torch.zeros(1)).data_ptr() in weights for s in states) > 10
    stream(noise(1, stream.block * 4, torch.float32))
    stream.double()
    assert set(vars(network)) == names
    assert all(p.dtype == torch.float32 for p in network.parameters())
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_a_tensor_written_out_in_forward_leaves_no_trace_in_the_network() -> None:
    class Literal(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.conv1d(x, torch.ones(1, 1, 3))

    network = Literal().eval()
    names = set(vars(network))
    streaming.convert(network)(torch.zeros(1, 1, 4))
    assert set(vars(network)) == names


def test_a_later_change_of_a_shared_weight_is_heard() -> None:
    conv = nn.Conv1d(1, 1, 3, padding=1).eval()
    stream = streaming.convert(nn.Sequential(conv))
    with torch.no_grad():
        conv.weight.zero_()
        assert conv.bias is not None
        conv.bias.fill_(2.0)
    assert torch.equal(stream(torch.randn(1, 1, 4)), torch.full((1, 1, 4), 2.0))


def test_weight_normalisation_old_and_new_is_folded() -> None:
    new = nn.utils.parametrizations.weight_norm(nn.Conv1d(1, 3, 3, padding=1))
    with pytest.warns(FutureWarning):
        old = nn.utils.weight_norm(nn.ConvTranspose1d(3, 1, 4, 2, 1))
    network = nn.Sequential(new, old).double().eval()
    with torch.no_grad():
        old.weight_g.mul_(2.0)  # the stale `weight` attribute still has the old value
    stream = streaming.convert(network)
    x = noise(1, 50, torch.float64)
    torch.testing.assert_close(stream.render(x, 5), offline(network, x), atol=1e-12, rtol=0)
    assert not any("weight_g" in k or "parametriz" in k for k in stream.state_dict())


class Mixing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.utils.parametrizations.weight_norm(nn.Linear(1, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(x.transpose(1, 2)).transpose(1, 2)


def test_a_network_with_computed_weights_works_on_after_conversion() -> None:
    network = Mixing().eval()
    x = noise(1, 5, torch.float32)
    before = offline(network, x)
    stream = streaming.convert(network)
    assert torch.equal(offline(network, x), before)
    assert nn.utils.parametrize.is_parametrized(network.mix, "weight")
    torch.testing.assert_close(stream(x), before)


def test_a_hook_and_a_weight_norm_of_the_network_itself_are_not_forgotten() -> None:
    hooked = nn.Sequential(nn.Conv1d(1, 1, 3, padding=1))
    hooked.register_forward_hook(lambda module, args, output: output * 2)
    with pytest.warns(FutureWarning):
        normed = nn.utils.weight_norm(nn.Conv1d(1, 1, 3, padding=1))
    with torch.no_grad():
        normed.weight_g.mul_(2.0)  # the stale `weight` attribute still has the old value
    for network in (hooked.double().eval(), normed.double().eval()):
        stream = streaming.convert(network)
        x = noise(1, 50, torch.float64)
        torch.testing.assert_close(stream.render(x, 5), offline(network, x), atol=1e-12, rtol=0)


def test_nothing_infinite_is_heard_while_the_delay_passes() -> None:
    network = nn.Sequential(nn.Conv1d(1, 2, 9, padding=4), nn.MaxPool1d(3, 2, 1),
                            nn.Conv1d(2, 1, 1)).eval()  # fmt: skip
    stream = streaming.convert(network)
    assert stream.output_delay > 0
    for part in (stream, streaming.pack(stream)):
        for _ in range(2):
            assert torch.isfinite(fed(part, noise(1, 40, torch.float32), [2, 6])).all()
            part.reset()


class Gates(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 5, padding=2)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.conv(x).chunk(2, 1)


def test_chunks_may_be_the_outputs() -> None:
    network = Gates().double().eval()
    stream = streaming.convert(network)
    x = noise(1, 40, torch.float64)
    for ours, theirs in zip(stream.render(x, 8), offline(network, x), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)
    torch.jit.script(stream)


def test_the_past_does_not_hold_on_to_a_long_block() -> None:
    stream = streaming.convert(nn.Conv1d(4, 4, 3, padding=1).eval())
    stream(torch.zeros(1, 4, 100000))
    (state,) = stream.net.states
    assert state.state.untyped_storage().nbytes() < 1000


def test_streaming_keeps_no_graph_for_gradients() -> None:
    stream = streaming.convert(prepared(SMALL["wavenet"]()))
    y = stream(torch.randn(1, 1, 16, requires_grad=True))
    assert not y.requires_grad


def test_a_stream_cannot_be_put_in_training_mode() -> None:
    network = prepared(SMALL["unet"]())  # has batch norm
    stream = streaming.convert(network)
    x = noise(1, 60, torch.float32)
    stream.train()
    torch.testing.assert_close(stream.render(x), offline(network, x))


class InPlace(nn.Module):
    """Every in-place form that training code is full of."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv1d(1, 3, 5, padding=2)
        self.b = nn.Conv1d(3, 3, 3, padding=1)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        shortcut = x
        y = self.b(x)
        self.act(x)  # `shortcut` and `x` are one tensor
        y += shortcut
        y = F.elu(y, inplace=True)
        y.mul_(0.5).tanh_()
        y = torch.relu_(y + 0.1)
        return y * x


def test_in_place_operations_mean_what_they_meant() -> None:
    network = InPlace().double().eval()
    stream = streaming.convert(network)
    x = noise(1, 60, torch.float64)
    before = x.clone()
    torch.testing.assert_close(stream.render(x, 7), offline(network, x), atol=1e-12, rtol=0)
    assert torch.equal(x, before)


def test_the_block_that_is_streamed_is_not_written_to() -> None:
    stream = streaming.convert(nn.Sequential(nn.ReLU(inplace=True), nn.Conv1d(1, 1, 3)).eval())
    x = noise(1, 20, torch.float32)
    before = x.clone()
    stream(x)
    assert torch.equal(x, before)


class Several(nn.Module):
    """Two outputs of different rates."""

    def __init__(self) -> None:
        super().__init__()
        self.fast = nn.Conv1d(1, 2, 5, padding=2)
        self.slow = nn.Conv1d(2, 3, 8, stride=4, padding=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.fast(x)
        return y, self.slow(y)


def test_several_outputs_have_a_delay_and_a_ratio_each() -> None:
    network = Several().double().eval()
    stream = streaming.convert(network)
    assert [int(r) for r in stream.ratios] == [1, 4]
    assert stream.delays[0] == 2
    x = noise(1, 80, torch.float64)
    for ours, theirs in zip(stream.render(x, 12), offline(network, x), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)
    torch.jit.script(stream)


class Twice(nn.Module):
    """One layer in two places: its weights are one, its past is not."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(torch.tanh(self.conv(x)))


def test_a_layer_used_twice_has_two_pasts() -> None:
    network = Twice().double().eval()
    stream = streaming.convert(network)
    x = noise(1, 60, torch.float64)
    torch.testing.assert_close(stream.render(x, 7), offline(network, x), atol=1e-12, rtol=0)
