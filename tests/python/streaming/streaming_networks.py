# SPDX-License-Identifier: MIT
"""Networks for the streaming tests and figures, written with plain torch layers.

None of them knows anything of streaming. The RAVE-shaped one follows the sizes of the thesis's
section 3.1.3 (convolutional encoder and decoder around a 16-band split, waveform and loudness
heads), without what makes it a model (no noise branch, the latent is the mean).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnbridge.streaming import PQMF


class Conv(nn.Module):
    """A convolution padded to keep time / stride frames, centred or causal."""

    def __init__(
        self, i: int, o: int, k: int, stride: int = 1, dilation: int = 1, groups: int = 1,
        causal: bool = False, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        total = (k - 1) * dilation
        self.pad = (total, 0) if causal else (total // 2, total - total // 2)
        self.conv = nn.Conv1d(i, o, k, stride, 0, dilation, groups, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, self.pad))


def up(i: int, o: int, r: int) -> nn.ConvTranspose1d:
    """r times as many frames, kernel 2r, for odd r too."""
    return nn.ConvTranspose1d(i, o, 2 * r, r, (r + 1) // 2, r % 2)


class WaveNet(nn.Module):
    """Gated dilated convolutions with residual and skip paths."""

    def __init__(self, causal: bool, channels: int = 8, layers: int = 6) -> None:
        super().__init__()
        self.first = Conv(1, channels, 3, causal=causal)
        self.gates = nn.ModuleList(
            Conv(channels, 2 * channels, 3, dilation=2 ** (n % 4), causal=causal)
            for n in range(layers)
        )
        self.mix = nn.ModuleList(nn.Conv1d(channels, 2 * channels, 1) for _ in range(layers))
        self.last = nn.Sequential(nn.ReLU(), nn.Conv1d(channels, channels, 1), nn.ReLU(),
                                  nn.Conv1d(channels, 2, 1))  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        skips = 0.0
        for gate, mix in zip(self.gates, self.mix, strict=True):
            a, b = gate(x).chunk(2, 1)
            residual, skip = mix(torch.tanh(a) * torch.sigmoid(b)).split(x.shape[1], 1)
            x = x + residual
            skips = skips + skip
        return self.last(skips)


class Asserting(nn.Module):
    """Checks its input as code for training does (here, since pytest rewrites its own modules)."""

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, time = x.shape
        assert x.dim() == 3
        assert x.ndim != 2 and not time == 0  # noqa: PT018, SIM201
        assert channels == 4, f"{channels} channels in a batch of {batch}"
        return x * 2


class UNet(nn.Module):
    """Down by strides, up by interpolation and transposed convolution, skips concatenated."""

    def __init__(self, strides: Sequence[int] = (2, 4, 2), channels: int = 6) -> None:
        super().__init__()
        c = channels
        self.inp = nn.Conv1d(1, c, 5, padding=2)
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv1d(c, c, 2 * s + 1, s, s), nn.BatchNorm1d(c), nn.ELU())
            for s in strides
        )
        self.middle = nn.Conv1d(c, c, 3, padding=2, dilation=2)
        self.up = nn.ModuleList(
            up(c, c, s) if n % 2 else nn.Upsample(scale_factor=s)
            for n, s in enumerate(reversed(strides))
        )
        self.join = nn.ModuleList(nn.Conv1d(2 * c, c, 3, padding="same") for _ in strides)
        self.out = nn.Conv1d(c, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.inp(x)
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        x = F.gelu(self.middle(x))
        for up_, join in zip(self.up, self.join, strict=True):
            x = up_(x)
            skip = skips.pop()
            x = F.leaky_relu(join(torch.cat([x, skip[..., : x.shape[-1]]], 1)), 0.1)
        return torch.tanh(self.out(x))


class ResidualEncoder(nn.Module):
    """Strided stages, each a sum of a strided convolution and a pooled, projected shortcut."""

    def __init__(self, strides: Sequence[int] = (2, 3, 5), channels: int = 4) -> None:
        super().__init__()
        c = channels
        self.inp = nn.Conv1d(1, c, 7, padding=3)
        self.main = nn.ModuleList()
        self.short = nn.ModuleList()
        self.units = nn.ModuleList()
        for s in strides:
            self.units.append(
                nn.Sequential(nn.LeakyReLU(0.2), nn.Conv1d(c, c, 3, padding=3, dilation=3),
                              nn.LeakyReLU(0.2, inplace=True), nn.Conv1d(c, c, 1))
            )  # fmt: skip
            self.main.append(Conv(c, 2 * c, 2 * s, s))
            self.short.append(nn.Sequential(nn.AvgPool1d(s), nn.Conv1d(c, 2 * c, 1)))
            c *= 2
        self.norm = nn.LayerNorm(c)
        self.rnn = nn.GRU(c, c, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.inp(x)
        for unit, main, short in zip(self.units, self.main, self.short, strict=True):
            x = x + unit(x)
            x = main(F.leaky_relu(x, 0.2)) + short(x)
        y, _ = self.rnn(self.norm(x.transpose(1, 2)))
        return y.transpose(1, 2)


class Encoder(nn.Module):
    """The RAVE-shaped encoder: bands in, mean and scale of the latent out."""

    def __init__(
        self, bands: int, c: int, ratios: Sequence[int], latent: int, causal: bool
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [Conv(bands, c, 7, causal=causal, bias=False)]
        for r in ratios:
            layers += [nn.BatchNorm1d(c), nn.LeakyReLU(0.2),
                       Conv(c, 2 * c, 2 * r + 1, r, causal=causal, bias=False)]  # fmt: skip
            c *= 2
        layers += [nn.LeakyReLU(0.2), Conv(c, 2 * latent, 5, groups=2, causal=causal, bias=False)]
        self.net = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, scale = self.net(x).chunk(2, 1)
        return mean, F.softplus(scale) + 1e-4


class Residual(nn.Module):
    """x + f(x), f two convolutions of which the first is dilated."""

    def __init__(self, c: int, dilation: int, causal: bool) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.LeakyReLU(0.2), Conv(c, c, 3, dilation=dilation, causal=causal, bias=False),
            nn.LeakyReLU(0.2), Conv(c, c, 3, causal=causal, bias=False),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.net(x)


class Decoder(nn.Module):
    """The RAVE-shaped decoder: latent in, bands out."""

    def __init__(
        self, bands: int, c: int, ratios: Sequence[int], latent: int, causal: bool
    ) -> None:
        super().__init__()
        width = c * 2 ** len(ratios)
        layers: list[nn.Module] = [Conv(latent, width, 7, causal=causal, bias=False)]
        for r in ratios:
            layers += [nn.LeakyReLU(0.2), up(width, width // 2, r)]
            width //= 2
            layers += [Residual(width, d, causal) for d in (1, 3, 5)]
        self.net = nn.Sequential(*layers)
        self.wave = Conv(width, bands, 7, causal=causal, bias=False)
        self.loudness = Conv(width, 1, 3, causal=causal, bias=False)

    def forward(self, z: Tensor) -> Tensor:
        x = self.net(z)
        loudness = 2.0 * torch.sigmoid(self.loudness(x)) ** 2.3 + 1e-7
        return torch.tanh(self.wave(x)) * loudness


class Rave(nn.Module):
    """Encoder and decoder with the band split; `weight_norm` as such models are trained."""

    def __init__(
        self, channels: int = 4, ratios: Sequence[int] = (4, 4, 4, 2), latent: int = 8,
        causal: bool = False, bands: int = 16, weight_norm: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.pqmf = PQMF(bands)
        self.encoder = Encoder(bands, channels, ratios, latent, causal)
        self.decoder = Decoder(bands, channels, ratios, latent, causal)
        if weight_norm:
            for module in [*self.encoder.modules(), *self.decoder.modules()]:
                if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
                    nn.utils.parametrizations.weight_norm(module)

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(self.pqmf.analysis(x))[0]

    def decode(self, z: Tensor) -> Tensor:
        return self.pqmf.synthesis(self.decoder(z))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class Encode(nn.Module):
    """The encoding half of `Rave` as a network of its own."""

    def __init__(self, rave: Rave) -> None:
        super().__init__()
        self.rave = rave

    def forward(self, x: Tensor) -> Tensor:
        return self.rave.encode(x)


class Decode(nn.Module):
    """The decoding half of `Rave` as a network of its own."""

    def __init__(self, rave: Rave) -> None:
        super().__init__()
        self.rave = rave

    def forward(self, z: Tensor) -> Tensor:
        return self.rave.decode(z)


def prepared(network: nn.Module, seed: int = 0) -> nn.Module:
    """In eval mode, with weights of lively size and batch statistics as training leaves them."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv1d | nn.ConvTranspose1d | nn.Linear):
                if not module.weight.requires_grad:
                    continue  # a fixed filter bank
                if not nn.utils.parametrize.is_parametrized(module):
                    fan = module.weight[0].numel()
                    noise = torch.randn(module.weight.shape, generator=generator)
                    module.weight.copy_(noise * (1.0 / fan**0.5))
                if module.bias is not None:
                    module.bias.copy_(0.3 * torch.randn(module.bias.shape, generator=generator))
            elif isinstance(module, nn.BatchNorm1d):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.normal_(0.0, 0.3, generator=generator)
                module.running_var.uniform_(0.5, 1.5, generator=generator)
    return network.eval()
