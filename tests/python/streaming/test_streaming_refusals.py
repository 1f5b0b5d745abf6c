# SPDX-License-Identifier: MIT
"""What cannot be streamed is refused, by name, with the place, the reason and a way out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from streaming_helpers import noise, offline
from torch import Tensor, nn

from nnbridge import streaming


class Net(nn.Module):
    """A convolution, then something."""

    def __init__(self, then: Callable[[Tensor], Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 4, 3, padding=1)
        self.layers = nn.ModuleList(layers)
        self.then = then

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for layer in self.layers:
            x = layer(x)
        return self.then(x)


class Twoway(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(4, 4, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x.transpose(1, 2))[0]


class LastState(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(4, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y, last = self.rnn(x.transpose(1, 2))
        return y + last.transpose(0, 1)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(x.transpose(1, 2), x.transpose(1, 2), x.transpose(1, 2))[0]


class Cache(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.old: Tensor | float = 0.0

    def forward(self, x: Tensor) -> Tensor:
        y = x + self.old
        self.old = x * 1.0
        return y


class Count(nn.Module):
    """Counts its calls in a buffer, with numbers only, or with what it hears."""

    def __init__(self, heard: bool) -> None:
        super().__init__()
        self.heard = heard
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.count.copy_(x.sum()) if self.heard else self.count.add_(1)
        return x * self.count


class OneDraw(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(4, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.randn_like(self.gain)


class Sideways(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.transpose(1, 2)).transpose(1, 2)


class Position(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(1, 4, 64))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table


def same(x: Tensor) -> Tensor:
    return x


def layers(*modules: nn.Module) -> nn.Module:
    return Net(same, *modules)


REFUSED: dict[str, tuple[Callable[[], nn.Module], str, str]] = {
    # name: network, operation named, part of the reason or the remedy
    "batch norm in training": (lambda: layers(nn.BatchNorm1d(4).train()), "BatchNorm1d", "eval()"),
    "batch norm without statistics": (
        lambda: layers(nn.BatchNorm1d(4, track_running_stats=False)), "BatchNorm1d", "all of time"),
    "dropout in training": (lambda: layers(nn.Dropout(0.5).train()), "Dropout", "eval()"),
    "instance norm": (lambda: layers(nn.InstanceNorm1d(4)), "InstanceNorm1d", "all of time"),
    "group norm": (lambda: layers(nn.GroupNorm(2, 4)), "GroupNorm", "all of time"),
    "layer norm over time": (lambda: layers(nn.LayerNorm(64)), "LayerNorm", "time axis"),
    "global pooling": (lambda: layers(nn.AdaptiveAvgPool1d(1)), "AdaptiveAvgPool1d", "AvgPool1d"),
    "global maximum": (lambda: layers(nn.AdaptiveMaxPool1d(1)), "AdaptiveMaxPool1d", "whole"),
    "linear over time": (lambda: layers(nn.Linear(64, 64)), "Linear", "time axis"),
    "softmax over time": (lambda: layers(nn.Softmax(dim=-1)), "Softmax", "time axis"),
    "glu over time": (lambda: layers(nn.GLU()), "GLU", "dim=1"),
    "bidirectional": (lambda: layers(Twoway()), "GRU", "from its end"),
    "last state": (lambda: layers(LastState()), "getitem", "never reaches"),
    "attention": (lambda: layers(Attention()), "MultiheadAttention", "every other"),
    "table of positions": (lambda: layers(Position()), "add", "64 values along time"),
    "flatten": (lambda: layers(nn.Flatten()), "Flatten", "mixes time"),
    "reflect padding": (lambda: layers(nn.ReflectionPad1d(2)), "ReflectionPad1d", "edges='zero'"),
    "circular convolution": (
        lambda: layers(nn.Conv1d(4, 4, 3, padding=1, padding_mode="circular")), "Conv1d",
        "edges='zero'"),
    "padding not counted": (
        lambda: layers(nn.AvgPool1d(3, 1, 1, count_include_pad=False)), "AvgPool1d",
        "count_include_pad=True"),
    "ceil mode": (lambda: layers(nn.MaxPool1d(2, ceil_mode=True)), "MaxPool1d", "ceil_mode"),
    "corners": (
        lambda: layers(nn.Upsample(scale_factor=2, mode="linear", align_corners=True)),
        "Upsample", "align_corners=False"),
    "odd factor": (lambda: layers(nn.Upsample(scale_factor=1.5)), "Upsample", "whole factor"),
    "given size": (lambda: layers(nn.Upsample(size=100)), "Upsample", "scale_factor"),
    "unknown layer": (lambda: layers(nn.Bilinear(4, 4, 4)), "Bilinear", "does not know"),
    "mean over time": (lambda: Net(lambda x: x - x.mean(-1, keepdim=True)), "mean", "all of time"),
    "mean over all": (lambda: Net(lambda x: x / x.abs().mean()), "mean", "all of time"),
    "maximum over time": (lambda: Net(lambda x: x / x.amax(2, True)), "amax", "all of time"),
    "flip": (lambda: Net(lambda x: x.flip(-1)), "flip", "turns time around"),
    "roll": (lambda: Net(lambda x: torch.roll(x, 1, -1)), "roll", "from the end"),
    "running sum": (lambda: Net(lambda x: x.cumsum(-1)), "cumsum", "streaming rule"),
    "reshape": (lambda: Net(lambda x: x.reshape(x.shape[0], -1, 2)), "reshape", "mix time"),
    "chunks of time": (lambda: Net(lambda x: x.chunk(2, -1)[0]), "chunk", "cuts time"),
    "one frame": (lambda: Net(lambda x: x[:, :, 3]), "getitem", "one frame"),
    "the last frames": (lambda: Net(lambda x: x[:, :, -8:]), "getitem", "depends on the length"),
    "the first frames": (lambda: Net(lambda x: x[:, :, :8]), "getitem", "fixed number of frames"),
    "joined in time": (lambda: Net(lambda x: torch.cat([x, x], -1)), "cat", "F.pad"),
    "matrix of frames": (lambda: Net(lambda x: x @ x.transpose(1, 2)), "matmul", "mix frames"),
    "einsum": (lambda: Net(lambda x: torch.einsum("bct,bcs->bts", x, x)), "einsum", "mix frames"),
    "attention function": (
        lambda: Net(lambda x: F.scaled_dot_product_attention(x, x, x)),
        "scaled_dot_product_attention", "every other"),
    "different rates": (lambda: Net(lambda x: x + x[:, :, ::2]), "add", "different rates (1 and 2"),
    "length as a number": (lambda: Net(lambda x: x / x.shape[-1]), "truediv", "length"),
    "decision on values": (lambda: Net(lambda x: x if x.sum() > 0 else -x), "forward", "values"),
    "function dropout": (lambda: Net(lambda x: F.dropout(x)), "dropout", "eval()"),
    "function batch norm": (
        lambda: Net(lambda x: F.batch_norm(x, None, None, training=True)), "batch_norm",
        "all of time"),
    "assignment": (lambda: Net(assign), "forward", "item assignment"),
    "a random constant": (lambda: Net(lambda x: x * torch.rand(1)), "random number", "for ever"),
    "a memory of its own": (lambda: layers(Cache()), "self.old", "between calls"),
    "a count of its own": (lambda: layers(Count(False)), "self.count", "between calls"),
    "a memory in a buffer": (lambda: layers(Count(True)), "count", "between calls"),
    "a random constant like a weight": (lambda: layers(OneDraw()), "randn_like", "for ever"),
    "a response norm along time": (
        lambda: layers(Sideways(nn.LocalResponseNorm(3))), "LocalResponseNorm", "not time"),
    "maximum over channels with positions": (
        lambda: Net(lambda x: x - x.max(1, keepdim=True)[0]), "max", "x.amax(1)"),
    "length of a computed signal": (
        lambda: Net(lambda x: x[..., -x[..., ::2].shape[-1] :]), "getitem", "another rate"),
    "called in a way nobody knows": (
        lambda: Net(lambda x: torch.transpose(x, dim0=x.shape[0], dim1=1)), "transpose",
        "write it plainly"),
    "unknown function": (lambda: Net(lambda x: torch.sort(x, 1)[0]), "sort", "does not know"),
    "alias changed": (lambda: Net(aliased), "relu_", "another name"),
}  # fmt: skip


def assign(x: Tensor) -> Tensor:
    x[:, 0] = 0.0
    return x


def aliased(x: Tensor) -> Tensor:
    half = x[:, :2]
    y = x.relu_()
    return y[:, :2] + half


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_streamed_is_named_with_its_reason(name: str) -> None:
    make, operation, words = REFUSED[name]
    network = make()
    with pytest.raises(streaming.NotStreamable) as caught:
        streaming.convert(network.eval() if "train" not in name else network)
    error = caught.value
    assert operation in error.operation
    assert words in str(error)
    assert error.where
    assert error.why
    assert error.remedy
    assert "cannot be streamed" in str(error)
    assert "What to do" in str(error)


def test_the_place_is_the_module_and_the_line() -> None:
    class Inner(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x - x.mean(-1, keepdim=True)

    network = nn.Sequential(nn.Conv1d(1, 1, 1), nn.Sequential(nn.ReLU(), Inner()))
    with pytest.raises(streaming.NotStreamable) as caught:
        streaming.convert(network.eval())
    assert "'1.1'" in caught.value.where
    assert "test_streaming_refusals.py:" in caught.value.where


def test_a_refused_network_is_left_as_it_was() -> None:
    cache = Cache()
    with pytest.raises(streaming.NotStreamable):
        streaming.convert(cache)
    assert cache.old == 0.0


@pytest.mark.parametrize("heard", [False, True])
def test_a_buffer_is_as_it_was_after_a_refusal(heard: bool) -> None:
    network = Count(heard).eval()
    with pytest.raises(streaming.NotStreamable):
        streaming.convert(network)
    assert network.count == 0.0


@pytest.mark.parametrize("what", [lambda x: x, torch.jit.script(nn.ReLU()), "stream"])
def test_what_is_no_plain_module_is_refused_in_one_sentence(what: object) -> None:
    given = streaming.convert(nn.ReLU().eval()) if what == "stream" else what
    with pytest.raises(TypeError, match="as it was trained"):
        streaming.convert(given)  # type: ignore[arg-type]


def test_a_forward_hook_is_not_dropped_silently() -> None:
    conv = nn.Conv1d(1, 1, 3)
    conv.register_forward_hook(lambda module, args, output: output * 2)
    with pytest.raises(streaming.NotStreamable, match="hook"):
        streaming.convert(nn.Sequential(conv).eval())


def test_a_second_input_is_refused() -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor, condition: Tensor) -> Tensor:
            return x + condition

    with pytest.raises(streaming.NotStreamable, match=r"'condition'.*as channels"):
        streaming.convert(Two().eval())


def test_reflected_edges_may_be_given_up_and_nothing_else_changes() -> None:
    network = nn.Sequential(
        nn.ReflectionPad1d(3), nn.Conv1d(1, 2, 7), nn.Tanh(),
        nn.Conv1d(2, 1, 5, padding=2, padding_mode="circular"),
    ).double().eval()  # fmt: skip
    stream = streaming.convert(network, edges="zero")
    x = noise(1, 100, torch.float64)
    y, z = offline(network, x), stream.render(x, 8)
    torch.testing.assert_close(z[..., 5:-5], y[..., 5:-5], atol=1e-12, rtol=0)
    assert not torch.allclose(z[..., :5], y[..., :5])
