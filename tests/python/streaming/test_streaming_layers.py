# SPDX-License-Identifier: MIT
"""Layer by layer and operation by operation: whatever is accepted is exact, both ends included."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from streaming_helpers import fed, noise, offline
from streaming_networks import Asserting
from torch import Tensor, nn

from nnbridge import streaming


class Around(nn.Module):
    """Something between two centred convolutions with biases, so that its ends matter."""

    def __init__(self, inner: nn.Module | Callable[[Tensor], Tensor], out: int = 4) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 4, 5, padding=2)
        self.inner = inner
        self.last = nn.Conv1d(out, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.inner(self.first(x)))


class Recurrent(nn.Module):
    def __init__(self, rnn: nn.RNNBase) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, x: Tensor) -> Tensor:
        order = (0, 2, 1) if self.rnn.batch_first else (2, 0, 1)
        y, _ = self.rnn(x.permute(*order))
        return y.permute(0, 2, 1) if self.rnn.batch_first else y.permute(1, 2, 0)


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.linspace(0.5, 2.0, 4)[:, None])
        self.matrix = nn.Parameter(torch.randn(4, 4))
        self.kernel = nn.Parameter(torch.randn(4, 4, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.gain.exp() + self.gain[None]
        x = torch.matmul(self.matrix, x)
        x = F.conv1d(x, self.kernel * 0.5, padding=2, dilation=2)
        return (x.transpose(1, 2) @ self.matrix).transpose(1, 2)


class ChannelNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.mix = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.mix(F.gelu(self.norm(x.transpose(1, 2)))).transpose(1, 2)
        y = (y - y.mean(1, keepdim=True)) / (y.std(dim=1, keepdim=True) + 0.1)
        return y + torch.softmax(x, dim=1)


class CausalConv(nn.Conv1d):
    """An author's own layer, made the usual way: a subclass that pads and calls its base."""

    def forward(self, input: Tensor) -> Tensor:
        left = (self.kernel_size[0] - 1) * self.dilation[0]
        return super().forward(F.pad(input, (left, 0)))


class OwnConv(nn.Conv1d):
    """A layer of torch with another default."""

    def __init__(self, i: int, o: int, k: int) -> None:
        super().__init__(i, o, k, padding=k // 2)


class OwnNorm(nn.BatchNorm1d):
    pass


class OwnGRU(nn.GRU):
    pass


def grouped(x: Tensor) -> Tensor:
    batch, channels, time = x.shape
    y = x.reshape(batch, 2, channels // 2, time).softmax(2)
    return y.reshape(batch, channels, time) + x.view(batch, channels, -1, x.size(-1)).sum(2)


def stacked(x: Tensor) -> Tensor:
    return torch.stack([x, x * 2], 1).amax(1) + x.unflatten(1, (2, 2)).flatten(1, 2).flip(1)


def cropped(x: Tensor) -> Tensor:
    y = F.conv1d(x, torch.ones(4, 1, 5).double(), groups=4)  # "valid": four frames shorter
    return y + x[..., 2:-2] * x[:, :, 4:] - x[:, :, : y.shape[-1]]


def padded_about(x: Tensor) -> Tensor:
    y = F.pad(F.pad(x, (2, 0)), (1, 3))
    return torch.sigmoid(y) + F.pad(torch.tanh(F.pad(x, (3, 0))), (0, 3))


class Typed(nn.Module):
    """Constants brought to the type of a signal, beside branches of other delays."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 4, 9, padding=4)
        self.register_buffer("gain", torch.linspace(0.5, 2.0, 4)[:, None])
        self.register_buffer("steps", torch.arange(4)[None, :, None])

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x) * self.gain.to(x) + self.gain.to(x.device) - self.steps.type_as(x)
        return y + (x > 0).to(x.dtype) * self.gain.to(device=x.device, dtype=x.dtype)


class Newest(nn.Module):
    """Convolutions without padding, whose shorter result meets the newest frames of its input."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv1d(4, 4, 2, dilation=4)
        self.b = nn.Conv1d(4, 4, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        y = y + x[:, :, -y.size(2) :]
        z = self.b(y)
        middle = (y.shape[-1] - z.shape[-1]) // 2
        z = z + y[..., middle : middle + z.shape[-1]] * y[..., y.shape[-1] - z.shape[-1] :]
        z = F.pad(z, (x.shape[-1] - z.shape[-1], 0)) + x  # as long as x again
        return z[..., 3 : z.shape[-1] - 2]


class Perceptron(nn.Module):
    """A layer of features whose weights are computed in the given way, and a recurrent one."""

    def __init__(self, norm: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.mix = norm(nn.Linear(4, 4))
        self.rnn = norm(nn.GRU(4, 4, batch_first=True), "weight_hh_l0")
        self(torch.zeros(1, 4, 2))  # a weight is not a leaf from here on

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(self.mix(x.transpose(1, 2)), None)[0].transpose(1, 2)


CASES: dict[str, nn.Module | Callable[[], nn.Module]] = {
    "asymmetric padding": lambda: Around(nn.Sequential(nn.ConstantPad1d((5, 1), 0.0),
                                                       nn.Conv1d(4, 4, 7))),
    "padding with ones": lambda: Around(nn.Sequential(nn.ConstantPad1d((5, 2), 1.0),
                                                      nn.Conv1d(4, 4, 3))),
    "negative padding": lambda: Around(nn.ConstantPad1d((-3, -2), 0.0)),
    "mixed padding": lambda: Around(lambda x: F.pad(x, (-2, 4)) + F.pad(x, (4, -2))),
    "replicate padding": lambda: Around(nn.ReplicationPad1d((4, 2))),
    "replicate convolution": lambda: Around(nn.Conv1d(4, 4, 5, 2, 3, padding_mode="replicate")),
    "too much padding": lambda: Around(nn.Conv1d(4, 4, 3, padding=9)),
    "no padding": lambda: Around(nn.Conv1d(4, 4, 9)),
    "kernel below stride": lambda: Around(nn.Conv1d(4, 4, 2, 5)),
    "one tap with stride": lambda: Around(nn.Conv1d(4, 4, 1, 3)),
    "one tap padded": lambda: Around(nn.Conv1d(4, 4, 1, padding=2)),
    "depthwise dilated": lambda: Around(nn.Conv1d(4, 8, 3, padding=6, dilation=6, groups=4), 8),
    "same, even kernel": lambda: Around(nn.Conv1d(4, 4, 4, padding="same", dilation=3)),
    "transposed": lambda: Around(nn.ConvTranspose1d(4, 4, 8, 4, 2)),
    "transposed, odd": lambda: Around(nn.ConvTranspose1d(4, 4, 7, 3, 2, output_padding=1)),
    "transposed, gaps": lambda: Around(nn.ConvTranspose1d(4, 4, 2, 5)),
    "transposed, gap and output padding": lambda: Around(nn.ConvTranspose1d(4, 4, 3, 3, 1, 2)),
    "transposed, grouped and dilated": lambda: Around(
        nn.ConvTranspose1d(4, 8, 3, 2, 1, groups=2, dilation=3), 8),
    "transposed, stride one": lambda: Around(nn.ConvTranspose1d(4, 4, 5, padding=4)),
    "down and up": lambda: Around(nn.Sequential(nn.Conv1d(4, 6, 5, 5, 2), nn.ELU(),
                                                nn.ConvTranspose1d(6, 4, 9, 3, 3))),
    "mean pool": lambda: Around(nn.AvgPool1d(4, 3, 2)),
    "maximum pool": lambda: Around(nn.MaxPool1d(4, 2, 2, dilation=2)),
    "pools as functions": lambda: Around(
        lambda x: F.max_pool1d(x, 4, 2, padding=1) + F.avg_pool1d(x, 2)),
    "nearest": lambda: Around(nn.Upsample(scale_factor=3)),
    "nearest downwards": lambda: Around(lambda x: F.interpolate(x, scale_factor=0.25)),
    "linear": lambda: Around(nn.Upsample(scale_factor=3, mode="linear")),
    "linear as a function": lambda: Around(
        lambda x: F.interpolate(x, scale_factor=4, mode="linear", align_corners=False)),
    "every third frame": lambda: Around(lambda x: x[..., 1::3]),
    "gru": lambda: Around(Recurrent(nn.GRU(4, 5, 2, batch_first=True)), 5),
    "gru, time first": lambda: Around(Recurrent(nn.GRU(4, 5)), 5),
    "lstm, projected": lambda: Around(Recurrent(nn.LSTM(4, 5, proj_size=3, batch_first=True)), 3),
    "rnn": lambda: Around(Recurrent(nn.RNN(4, 5, batch_first=True)), 5),
    "constants": lambda: Around(Scaled()),
    "norms over channels": lambda: Around(ChannelNorm()),
    "groups of channels": lambda: Around(grouped),
    "stacks": lambda: Around(stacked),
    "crops": lambda: Around(cropped),
    "paddings on paddings": lambda: Around(padded_about),
    "an author's layer, weight norm": lambda: Around(
        nn.utils.parametrizations.weight_norm(CausalConv(4, 4, 5))),
    "an author's causal layer": lambda: Around(CausalConv(4, 4, 5, dilation=2)),
    "layers of other names": lambda: Around(nn.Sequential(
        OwnNorm(4), OwnConv(4, 4, 3), Recurrent(OwnGRU(4, 4, batch_first=True)))),
    "batch norm": lambda: Around(nn.Sequential(nn.BatchNorm1d(4), nn.PReLU(4), nn.Dropout())),
    "instance norm with statistics": lambda: Around(
        nn.InstanceNorm1d(4, affine=True, track_running_stats=True)),
    "glu and split": lambda: Around(
        lambda x: torch.cat([F.glu(x, 1), *x.split([1, 3], 1), *x.chunk(2, dim=1)], 1), 10),
    "clamp and where": lambda: Around(
        lambda x: torch.where(x > 0, x, x.clamp(-1, 1).exp()).pow(2) / (1 + x.abs())),
    "nothing at all": lambda: nn.Identity(),
    "hard limits above zero": lambda: Around(lambda x: F.hardtanh(F.pad(x, (4, 0)), 0.5, 2.0)),
    "shifts": lambda: Around(lambda x: F.pad(x[..., 5:], (0, 5)) * F.pad(x, (7, 0))[..., :-7]),
    "channels folded into the batch": lambda: Around(
        lambda x: F.avg_pool1d(x.reshape(-1, 1, x.shape[-1]), 3, 1, 1).reshape(
            x.shape[0], -1, x.shape[-1])),
    "half of the channels by their number": lambda: Around(
        lambda x: torch.tanh(x[:, : x.shape[1] // 2]) * x[:, x.size(1) // 2 :, :], 2),
    "constants of the signal's type": lambda: Around(Typed()),
    "the newest frames": lambda: Around(Newest()),
    "cut to a longer signal": lambda: Around(
        lambda x: F.avg_pool1d(x, 3, 1)[..., : x.shape[-1]] * 2),
    "assertions": lambda: Around(Asserting()),
    "norms of a frame": lambda: Around(
        lambda x: x / (1 + x.norm(dim=1, keepdim=True)) + F.normalize(x, 2, 1)
        + torch.linalg.vector_norm(x, dim=1, keepdim=True)),
    "the larger of two": lambda: Around(
        lambda x: torch.max(x, F.avg_pool1d(x, 3, 1, 1)) - torch.min(x, other=x * x)),
    "axes by name": lambda: Around(
        lambda x: torch.flip(x, dims=[1]).permute(dims=(0, 2, 1)).transpose_(1, 2)
        + torch.div(input=x, other=2.0)),
    "computed weights, old": lambda: Around(Perceptron(nn.utils.weight_norm)),
    "computed weights, new": lambda: Around(Perceptron(nn.utils.parametrizations.weight_norm)),
    "only a crop": lambda: Around(lambda x: x[..., 7:]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize("name", CASES)
def test_every_operation_is_exact_from_the_first_sample_to_the_last(name: str) -> None:
    torch.manual_seed(1)
    network = CASES[name]().double().eval()  # type: ignore[operator]
    for early in (True, False):
        stream = streaming.convert(network, early=early)
        for frames in (60, 97, 120):
            x = noise(1, frames, torch.float64, seed=frames)
            y = offline(network, x)
            for block in (stream.block, stream.block * 7):
                z = stream.render(x, block)
                assert z.shape == y.shape, (frames, block)
                torch.testing.assert_close(z, y, atol=1e-10, rtol=0)
    scripted = torch.jit.script(stream)
    x = noise(1, stream.block * 12, torch.float64)
    stream.reset()
    torch.testing.assert_close(
        fed(scripted, x, [stream.block * 3]), fed(stream, x, [stream.block * 3]), atol=0, rtol=0
    )


def test_a_causal_network_has_no_delay_at_all() -> None:
    network = nn.Sequential(
        CausalConv(1, 4, 7), nn.LeakyReLU(0.2), CausalConv(4, 4, 5, stride=4, dilation=2),
        nn.GELU(), CausalConv(4, 2, 3, stride=3),
    )  # fmt: skip
    stream = streaming.convert(network.eval())
    assert (stream.delay, stream.ratio) == (0, 12)


def test_a_decision_on_random_numbers_is_known() -> None:
    network = Around(lambda x: x + torch.randn_like(x)).eval()
    stream = streaming.convert(network)
    assert stream.random
    stream(torch.zeros(1, 1, 10))
    assert not streaming.convert(nn.Conv1d(1, 1, 1).eval()).random


class Hold(nn.Module):
    """An author's own layer: every frame is the mean of a group of four, repeated."""

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, time = x.shape
        return x.reshape(batch, channels, time // 4, 4).mean(-1)


class HoldStream(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], x.shape[1], -1, 4).mean(-1)


@streaming.rule(Hold)
def _hold(module: Hold, delay: int) -> streaming.Rule:
    late = (-delay) % 4
    inner = nn.Sequential(StreamLate(late), HoldStream())
    return streaming.Rule(inner, delay=(delay + late) // 4, ratio=Fraction(4))


class StreamLate(streaming.Windowed):
    def forward(self, x: Tensor) -> Tensor:
        return self.window(x).narrow(-1, 0, x.size(-1))


class OwnRule(nn.Module):
    """A layer that carries its rule itself: a running mean that starts at zero."""

    def forward(self, x: Tensor) -> Tensor:
        y = [torch.zeros_like(x[..., 0])]
        for n in range(x.shape[-1]):
            y.append(0.9 * y[-1] + 0.1 * x[..., n])
        return torch.stack(y[1:], -1)

    def streaming_rule(self, delay: int) -> streaming.Rule:
        return streaming.Rule(OwnStream(delay), delay=delay)


class OwnStream(streaming.Stateful):
    def forward(self, x: Tensor) -> Tensor:
        if x.size(0) != self.batch:
            self.state = torch.zeros_like(x[..., 0])
            self.batch = x.size(0)
            self.wait = self.start
        x = x.clone()
        self.silence(x, x.size(-1))
        for n in range(x.size(-1)):
            self.state = 0.9 * self.state + 0.1 * x[..., n]
            x[..., n] = self.state
        return x


@pytest.mark.parametrize("own", [Hold, OwnRule])
def test_a_module_may_declare_its_own_rule(own: type[nn.Module]) -> None:
    network = Around(own()).double().eval()
    stream = streaming.convert(network)
    x = noise(1, 80, torch.float64)
    y = offline(network, x)
    z = fed(stream, x, [4, 12])[..., stream.output_delay :]
    torch.testing.assert_close(z, y[..., : z.shape[-1]], atol=1e-12, rtol=0)
    torch.jit.script(stream)
