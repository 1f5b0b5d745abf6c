# SPDX-License-Identifier: MIT
"""The comparison of `rave_speed.py`: a streaming network as it is usually exported.

Every convolution is a scripted module that joins its cache to the block, convolves, and copies the
new cache; delays are lines of their own (thesis, section 5.1); batch norms stay layers. Weights,
operations and results are those of the network that it is made from.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from nnbridge import streaming
from nnbridge.streaming.layers import StreamConv1d, StreamConvTranspose1d, StreamDelay


class Delay(nn.Module):
    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.register_buffer("cache", torch.zeros(1, channels, frames))

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([self.cache, x], -1)
        self.cache.copy_(joined[..., joined.shape[-1] - self.frames :])
        return joined[..., : x.shape[-1]]


class Pad(nn.Module):
    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.register_buffer("cache", torch.zeros(1, channels, frames))

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([self.cache, x], -1)
        self.cache.copy_(joined[..., joined.shape[-1] - self.frames :])
        return joined


class Conv(nn.Module):
    def __init__(self, layer: StreamConv1d) -> None:
        super().__init__()
        outputs, width, taps = layer.weight.shape
        channels = width * layer.groups
        past = (taps - 1) * layer.dilation
        late = layer.keep - past
        assert late >= 0
        assert layer.skip == 0
        assert layer.trim in (0, late)
        self.delay = Delay(channels, late) if late else nn.Identity()
        self.pad = Pad(channels, past) if past else nn.Identity()
        self.conv = nn.Conv1d(channels, outputs, taps, layer.stride, 0, layer.dilation,
                              layer.groups, layer.bias is not None)  # fmt: skip
        self.conv.weight.data = layer.weight.clone()
        if layer.bias is not None:
            self.conv.bias.data = layer.bias.clone()

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.pad(self.delay(x)))


class ConvTranspose(nn.Module):
    def __init__(self, layer: StreamConvTranspose1d) -> None:
        super().__init__()
        self.stride, self.groups, self.overlap = layer.stride, layer.groups, layer.overlap
        assert layer.dilation == 1
        self.weight = nn.Parameter(layer.weight.clone(), requires_grad=False)
        self.register_buffer("bias", layer.bias)
        outputs = layer.weight.shape[1] * layer.groups
        self.register_buffer("cache", torch.zeros(1, outputs, self.overlap))

    def forward(self, x: Tensor) -> Tensor:
        y = F.conv_transpose1d(x, self.weight, None, self.stride, 0, 0, self.groups)
        y[..., : self.overlap] += self.cache
        self.cache.copy_(y[..., y.shape[-1] - self.overlap :])
        y = y[..., : y.shape[-1] - self.overlap]
        if self.bias is not None:
            y = y + self.bias
        return y


def plain(network: nn.Module, example: Tensor) -> nn.Module:
    """`network`, streaming, exported plainly; for one item, and blocks like `example`."""
    stream = streaming.convert(network, early=False)
    net = stream.net
    assert isinstance(net, fx.GraphModule)
    stream(example)  # delays learn their channels
    for index, layer in enumerate(net.states):  # type: ignore[arg-type]
        if isinstance(layer, StreamConv1d):
            net.states[index] = Conv(layer)  # type: ignore[index]
        elif isinstance(layer, StreamConvTranspose1d):
            net.states[index] = ConvTranspose(layer)  # type: ignore[index]
        elif isinstance(layer, StreamDelay):
            net.states[index] = Delay(layer.state.shape[1], layer.keep)  # type: ignore[index]
        else:
            layer.reset()
    return net
