# SPDX-License-Identifier: MIT
"""Random networks for the property test: programs of layers, valid offline by construction."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LENGTHS = (2520, 5040)  # every stride product met here divides them


@dataclass
class Line:
    """One signal of the program: who made it, from what, and its shape for both `LENGTHS`."""

    kind: str
    inputs: tuple[int, ...]
    module: str
    channels: int
    ratio: Fraction
    lengths: tuple[int, ...]


def _act(name: str, x: Tensor) -> Tensor:
    if name == "sigmoid":
        return torch.sigmoid(x)
    if name == "cos":
        return torch.cos(x)
    if name == "relu_":
        return F.relu(x * 1.0, inplace=True)
    return F.leaky_relu(x, 0.2) if name == "leaky" else torch.tanh(x)


class RandomNetwork(nn.Module):
    """A random graph of convolutions, strides, transposed convolutions, pools and merges."""

    def __init__(self, rng: Random, size: int = 9) -> None:
        super().__init__()
        self.layers = nn.ModuleDict()
        self.lines = [Line("input", (), "", 2, Fraction(1), LENGTHS)]
        for _ in range(rng.randint(3, size)):
            self._add(rng)
        self._close(rng)

    # -- building -----------------------------------------------------------------------------

    def _append(
        self, kind: str, inputs: tuple[int, ...], module: nn.Module | str, channels: int,
        ratio: Fraction,
    ) -> bool:  # fmt: skip
        name = module if isinstance(module, str) else f"l{len(self.lines)}"
        if not isinstance(module, str):
            self.layers[name] = module
        line = Line(kind, inputs, name, channels, ratio, ())
        sources = [self.lines[i] for i in inputs]
        try:
            with torch.no_grad():
                line.lengths = tuple(
                    self._run(
                        line, [torch.zeros(1, y.channels, y.lengths[n]) for y in sources]
                    ).shape[-1]
                    for n in range(2)
                )
        except RuntimeError:  # the kernel does not fit: not a valid offline network either
            return False
        fits = all(t * ratio >= 400 for t in line.lengths) and all(t <= 20000 for t in line.lengths)
        if fits:
            self.lines.append(line)
        return fits

    def _add(self, rng: Random) -> None:
        at = rng.randrange(max(0, len(self.lines) - 3), len(self.lines))
        x = self.lines[at]
        kind = rng.choice(["conv", "conv", "conv", "strided", "up", "act", "act", "norm", "pad",
                           "pool", "resize", "merge", "merge", "crop", "gru"])  # fmt: skip
        c, r = x.channels, x.ratio
        out = rng.choice([1, 2, 3, 4])
        if kind in ("conv", "strided"):
            stride = 1 if kind == "conv" else rng.choice([2, 3, 4])
            if (r * stride).numerator > 60:
                return
            k, d = rng.randint(1, 7), rng.choice([1, 1, 2, 3])
            pad: int | str = rng.choice([0, 1, (k - 1) * d // 2, (k - 1) * d, k + 3])
            if stride == 1 and rng.random() < 0.2:
                pad = "same"
            mode = rng.choice(["zeros", "zeros", "zeros", "replicate"])
            groups = c if rng.random() < 0.3 else 1
            out = c * rng.choice([1, 2]) if groups == c else out
            conv = nn.Conv1d(c, out, k, stride, pad, d, groups, rng.random() < 0.7, mode)
            if rng.random() < 0.2:
                nn.utils.parametrizations.weight_norm(conv)
            self._append("module", (at,), self._lively(rng, conv), out, r * stride)
        elif kind == "up":
            s, k = rng.choice([1, 2, 3, 4]), rng.randint(1, 9)
            if (r / s).denominator > 12:
                return
            d = rng.choice([1, 1, 2])
            pad, extra = rng.randint(0, (k - 1) * d // 2), rng.choice([0, 0, max(s, d) - 1])
            layer = nn.ConvTranspose1d(
                c, out, k, s, pad, extra, bias=rng.random() < 0.7, dilation=d
            )
            self._append("module", (at,), self._lively(rng, layer), out, r / s)
        elif kind == "act":
            self._append(
                "act", (at,), rng.choice(["sigmoid", "cos", "relu_", "leaky", "tanh"]), c, r
            )
        elif kind == "norm":
            norm = nn.BatchNorm1d(c)
            assert norm.running_mean is not None
            norm.running_mean.fill_(0.3)
            self._append("module", (at,), norm, c, r)
        elif kind == "pad":
            amount = f"{rng.choice([0, 1, 4, 9])},{rng.choice([0, 1, 4])}"
            mode = rng.choice(["constant,0", "constant,0", "constant,0.5", "replicate,0"])
            self._append("pad", (at,), f"{amount},{mode}", c, r)
        elif kind == "pool":
            k, s = rng.randint(1, 5), rng.randint(1, 3)
            if (r * s).numerator > 60:
                return
            pool = rng.choice([nn.AvgPool1d, nn.MaxPool1d])(k, s, rng.randint(0, k // 2))
            self._append("module", (at,), pool, c, r * s)
        elif kind == "resize":
            s = rng.choice([2, 3])
            # linear by 3: torch's own float32 positions drift with the length of the file
            mode = "linear" if s == 2 and rng.random() < 0.6 else "nearest"
            if (r / s).denominator <= 12:
                self._append("module", (at,), nn.Upsample(scale_factor=s, mode=mode), c, r / s)
        elif kind == "crop":
            step = rng.choice([1, 1, 1, 2])
            if (r * step).numerator <= 60:
                self._append("crop", (at,), f"{rng.choice([0, 1, 5])},{rng.choice([0, 3])},{step}",
                             c, r * step)  # fmt: skip
        elif kind == "gru":
            if rng.random() < 0.4:
                self._append("gru", (at,), nn.GRU(c, out, batch_first=True), out, r)
        else:
            self._merge(rng, at)

    def _merge(self, rng: Random, at: int) -> None:
        x = self.lines[at]
        how = rng.choice(["add", "mul", "cat", "gate"])
        alike = [
            i for i, y in enumerate(self.lines)
            if y.ratio == x.ratio and (y.channels == x.channels or how == "cat")
            and (y.lengths[0] - x.lengths[0] == y.lengths[1] - x.lengths[1])
        ]  # fmt: skip
        other = rng.choice(alike)
        if self.lines[other].lengths[0] < x.lengths[0]:
            at, other = other, at
        channels = x.channels + (self.lines[other].channels if how == "cat" else 0)
        if channels <= 8 and self.lines[other].channels + self.lines[at].channels <= 16:
            self._append(how, (at, other), "", channels, x.ratio)

    def _close(self, rng: Random) -> None:
        """Bring the last few signals of one rate together as the output."""
        last = self.lines[-1]
        for i in range(len(self.lines) - 2, -1, -1):
            y = self.lines[i]
            shift = y.lengths[0] - last.lengths[0]
            if y.ratio == last.ratio and shift >= 0 and shift == y.lengths[1] - last.lengths[1]:
                self._append("cat", (len(self.lines) - 1, i), "", last.channels + y.channels,
                             last.ratio)  # fmt: skip
                break

    @staticmethod
    def _lively(rng: Random, layer: nn.Conv1d | nn.ConvTranspose1d) -> nn.Module:
        if layer.bias is not None:
            nn.init.uniform_(layer.bias, -0.5, 0.5)
        return layer

    # -- running ------------------------------------------------------------------------------

    def _run(self, line: Line, inputs: list[Tensor]) -> Tensor:
        x = inputs[0]
        if line.kind == "module":
            y: Tensor = self.layers[line.module](x)
            return y
        if line.kind == "act":
            return _act(line.module, x)
        if line.kind == "pad":
            left, right, mode, value = line.module.split(",")
            if mode == "replicate":
                return F.pad(x, (int(left), int(right)), mode)
            return F.pad(x, (int(left), int(right)), value=float(value))
        if line.kind == "crop":
            start, cut, step = map(int, line.module.split(","))
            return x[..., start : -cut if cut else None : step]
        if line.kind == "gru":
            y, _ = self.layers[line.module](x.transpose(1, 2))
            return y.transpose(1, 2)
        other = inputs[1][..., : x.shape[-1]]
        if line.kind == "add":
            return x + other
        if line.kind == "mul":
            return x * other * 0.5
        if line.kind == "gate":
            return torch.tanh(x) * torch.sigmoid(other)
        return torch.cat([x, other], 1)

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for line in self.lines[1:]:
            values.append(self._run(line, [values[i] for i in line.inputs]))
        return values[-1]
