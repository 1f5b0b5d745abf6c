# SPDX-License-Identifier: MIT
"""A script as nn~ authors write them. Only its import is not nn~'s."""

from typing import List, Tuple  # noqa: UP035

import torch
import torch.nn as nn

from nnbridge.contract import Buffer, Module


class Resonator(nn.Module):
    def __init__(self, channels: int):  # type: ignore[no-untyped-def]
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.conv(x))


class AudioUtils(Module):
    def __init__(self):  # type: ignore[no-untyped-def]
        super().__init__()
        torch.manual_seed(0)
        self.net = Resonator(1)
        # with accessors of its own, returning a scalar
        self.register_attribute("gain_factor", 1.0)
        # a list of values, accessors generated
        self.register_attribute("polynomial_factors", (1.0, 0.0, -0.5))
        self.register_attribute("saturate_mode", "tanh")
        self.register_attribute("invert_signal", [True])
        self.register_attribute("fractal", (2, 0.5))
        self.register_attribute("window", torch.ones(16))
        self.register_attribute("sample", Buffer(None, 4, 400))

        self.register_method(
            "thru",
            in_channels=1,
            in_ratio=1,
            out_channels=1,
            out_ratio=1,
            input_labels=["(signal) input"],
            output_labels=["(signal) output"],
        )
        self.register_method("invert", 1, 1, 1, 1)
        self.register_method("rms", 1, 1, 1, 1024, test_buffer_size=4096)
        self.register_method("midside", 2, 1, 2, 1, ["left", "right"], ["mid", "side"], True)
        self.register_method("dummy", 1, 2048, 1, 2048, test_method=False)

    @torch.jit.export
    def thru(self, x: torch.Tensor):  # type: ignore[no-untyped-def]
        return x * self.gain_factor[0]

    @torch.jit.export
    def invert(self, x: torch.Tensor):  # type: ignore[no-untyped-def]
        if self.invert_signal[0]:
            return -self.net(x)
        return self.net(x)

    @torch.jit.export
    def rms(self, x: torch.Tensor, power: float = 2.0):  # type: ignore[no-untyped-def]
        x = x.reshape(x.shape[0], 1, -1, 1024)
        return x.pow(power).mean(-1)

    @torch.jit.export
    def midside(self, x: torch.Tensor) -> torch.Tensor:
        left, right = x[:, 0], x[:, 1]
        return torch.stack([(left + right) / 2, (left - right) / 2], 1)

    @torch.jit.export
    def get_gain_factor(self) -> float:
        return float(self.gain_factor[0])

    @torch.jit.export
    def set_gain_factor(self, gain: float) -> int:
        if gain < 0:
            return -1
        self.gain_factor = (gain,)
        return 0

    @torch.jit.export
    def get_invert_signal(self) -> List[bool]:  # noqa: UP006
        return [self.invert_signal[0]]

    @torch.jit.export
    def get_fractal(self) -> Tuple[int, float]:  # noqa: UP006
        return self.fractal


if __name__ == "__main__":
    import sys

    model = AudioUtils()  # type: ignore[no-untyped-call]
    model.finish()
    model.export_to_ts(sys.argv[1])
