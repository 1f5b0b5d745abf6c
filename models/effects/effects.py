# SPDX-License-Identifier: MIT
"""Six effects in one model file: ``python models/effects/effects.py out.ts``.

Read it as an example of authoring. Three habits make a model play well live:

* It is **exact**: the sound does not depend on how a host cuts it into blocks. Whatever one
  sample needs from earlier ones is kept: the past of a line, a phase, a counter.
* It is **vectorised**: a block is computed as a whole. A loop over samples would cost thousands
  of small operations per block.
* It does **not click**: numbers that a musician turns glide to their new value, see ``Glide``.

Everything is ``[batch, channels, time]`` float32 in and out, and adds no delay.
"""

import sys

import torch
from torch import nn

from nnbridge.contract import Buffer, Module


class Glide(nn.Module):
    """A number that moves to each new value on a straight line, counted in samples.

    The line is computed from the age of the last change, not step by step, so that it comes out
    the same however it is cut. The first value is taken at once.
    """

    def __init__(self, seconds: float = 0.02) -> None:
        super().__init__()
        self.seconds = seconds
        self.start = 0.0
        self.goal = 0.0
        self.age = -1

    def forward(self, goal: float, like: torch.Tensor, rate: float) -> torch.Tensor:
        """``[time]`` float64: the values for the next block.

        Args:
            goal: where to go.
            like: ``[batch, channels, time]``, for its length and device.
            rate: sample rate in hertz.
        """
        length = max(1.0, self.seconds * rate)
        if self.age < 0:
            self.start = goal
            self.goal = goal
            self.age = 0
        elif goal != self.goal:
            self.start = self.goal + (self.start - self.goal) * max(0.0, 1.0 - self.age / length)
            self.goal = goal
            self.age = 0
        time = torch.arange(1, like.shape[-1] + 1, dtype=torch.float64, device=like.device)
        left = (1.0 - (time + self.age) / length).clamp(min=0.0)
        self.age = min(self.age + like.shape[-1], 1 << 40)
        return self.goal + (self.start - self.goal) * left


class Wet(nn.Module):
    """Between what came in and what an effect made of it."""

    def __init__(self) -> None:
        super().__init__()
        self.glide = Glide()

    def forward(
        self, dry: torch.Tensor, wet: torch.Tensor, amount: float, rate: float
    ) -> torch.Tensor:
        """``[batch, channels, time]``: ``dry`` where ``amount`` is 0, ``wet`` where it is 1."""
        share = self.glide(amount, dry, rate).to(dry.dtype)
        return dry + share * (wet - dry)


class Line(nn.Module):
    """The past of a signal: what came before a block, kept for the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.past = torch.zeros(1, 1, 0)

    def forward(self, x: torch.Tensor, samples: int) -> torch.Tensor:
        """``[batch, channels, samples + time]``: the block, with its past in front."""
        past = self.past
        if past.shape[0] != x.shape[0] or past.shape[1] != x.shape[1] or past.shape[2] != samples:
            past = torch.zeros(x.shape[0], x.shape[1], samples, dtype=x.dtype, device=x.device)
        both = torch.cat([past.to(x.device), x], -1)
        # A copy: a view would keep the host's block alive, and change with it.
        self.past = both[..., x.shape[-1] :].clone()
        return both


class Drive(nn.Module):
    """Saturation: ``tanh(g x) / tanh(g)``, so that full scale stays full scale."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = Glide()

    def forward(self, x: torch.Tensor, decibels: float, rate: float) -> torch.Tensor:
        """Saturate ``x`` after a gain of so many decibels."""
        gain = torch.pow(10.0, self.gain(decibels, x, rate) / 20.0).to(x.dtype)
        return torch.tanh(gain * x) / torch.tanh(gain)


class Tremolo(nn.Module):
    """Loudness that swings; the phase goes on from block to block."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = Glide()
        self.depth = Glide()
        self.triangle = Glide()
        self.phase = 0.0

    def forward(
        self, x: torch.Tensor, hertz: float, depth: float, shape: str, rate: float
    ) -> torch.Tensor:
        """Swing ``x``, all channels together."""
        # Phase in turns and in float64: after an hour it is still exact to a millionth.
        turns = self.phase + torch.cumsum(self.rate(hertz, x, rate) / rate, 0)
        self.phase = float(turns[-1]) % 1.0
        turns = turns % 1.0
        sine = 0.5 - 0.5 * torch.cos(2.0 * torch.pi * turns)
        triangle = 1.0 - (2.0 * turns - 1.0).abs()
        share = self.triangle(1.0 if shape == "triangle" else 0.0, x, rate)
        dip = sine + share * (triangle - sine)
        return x * (1.0 - self.depth(depth, x, rate) * dip).to(x.dtype)


class Echo(nn.Module):
    """Up to four repeats, each quieter; without feedback, so the tail has an end.

    A new time is reached as a tape machine reaches it: the pitch of the repeats bends.
    """

    def __init__(self) -> None:
        super().__init__()
        self.line = Line()
        self.longest = 2.0
        self.time = Glide(0.5)
        self.levels = nn.ModuleList([Glide() for _ in range(4)])

    def forward(
        self, x: torch.Tensor, milliseconds: float, repeats: int, decay: float, rate: float
    ) -> torch.Tensor:
        """The repeats alone."""
        # One sample more than the longest delay, for the interpolation.
        length = int(self.longest * rate) + 1
        line = self.line(x, length)
        delay = self.time(milliseconds, x, rate) * (rate / 1000.0)
        now = torch.arange(x.shape[-1], dtype=torch.float64, device=x.device) + length
        out = torch.zeros_like(x)
        for i, level in enumerate(self.levels):
            place = now - (i + 1) * delay
            low = place.floor()
            part = (place - low).to(x.dtype)
            index = low.to(torch.int64)
            after = line.index_select(-1, (index + 1).clamp(max=line.shape[-1] - 1))
            before = line.index_select(-1, index)
            goal = decay ** (i + 1) if i < repeats else 0.0
            out = out + level(goal, x, rate).to(x.dtype) * (before + part * (after - before))
        return out


class Width(nn.Module):
    """Mid and side: 0 is mono, 1 leaves the sound alone, 2 is as wide as it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.width = Glide()

    def forward(self, x: torch.Tensor, width: float, rate: float) -> torch.Tensor:
        """Scale the difference between the two channels of ``x``."""
        mid = 0.5 * (x[:, 0] + x[:, 1])
        side = 0.5 * (x[:, 0] - x[:, 1]) * self.width(width, x, rate).to(x.dtype)
        return torch.stack([mid + side, mid - side], 1)


class Crush(nn.Module):
    """Fewer bits and fewer samples."""

    def __init__(self) -> None:
        super().__init__()
        self.bits = Glide()
        self.line = Line()
        self.hold = 1
        self.count = 0

    def forward(self, x: torch.Tensor, bits: int, hold: int, rate: float) -> torch.Tensor:
        """Round to ``bits``, and keep every ``hold``-th sample until the next."""
        if hold != self.hold:
            self.hold = hold
            self.count = 0
        line = self.line(x, 64)
        time = torch.arange(x.shape[-1], device=x.device)
        # How many samples ago the held one came; never more than 63, which the line remembers.
        ago = (time + self.count) % hold
        self.count = (self.count + x.shape[-1]) % hold
        held = line.index_select(-1, time - ago + 64)
        steps = torch.pow(2.0, self.bits(float(bits), x, rate) - 1.0).to(x.dtype)
        return torch.round(held * steps) / steps


class Convolver(nn.Module):
    """Convolution with one impulse response, through the spectrum."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = torch.ones(1)
        self.spectrum = torch.zeros(0, dtype=torch.complex64)
        self.size = 0

    def take(self, kernel: torch.Tensor) -> None:
        """Use ``kernel`` from now on: ``[samples]``."""
        self.kernel = kernel
        self.size = 0

    def forward(self, line: torch.Tensor, time: int) -> torch.Tensor:
        """``[batch, channels, time]``: the last ``time`` samples of ``line``, convolved."""
        samples = self.kernel.shape[0]
        if samples == 1:
            return line[..., -time:] * self.kernel
        part = line[..., -(time + samples - 1) :]
        # Any size from the length of the part is right; multiples of 4096 are quick ones.
        size = (part.shape[-1] + 4095) // 4096 * 4096
        if size != self.size:
            self.spectrum = torch.fft.rfft(self.kernel, size)
            self.size = size
        product = torch.fft.rfft(part, size) * self.spectrum
        return torch.fft.irfft(product, size)[..., samples - 1 : part.shape[-1]]


class Room(nn.Module):
    """Convolution with the sound of a room; a new room fades in over the old one."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Line()
        self.longest = 48000
        self.fade = Glide(0.05)
        self.rooms = 0.0
        self.new = Convolver()
        self.old = Convolver()

    def enter(self, response: torch.Tensor, response_rate: float, rate: float) -> None:
        """Prepare an impulse response: one channel, at our rate, of unit energy.

        Args:
            response: ``[channels, samples]``; empty for no room at all.
            response_rate: its sample rate in hertz.
            rate: ours.
        """
        kernel = torch.ones(1, device=response.device)
        if response.numel() > 0:
            mono = response.mean(0)
            samples = max(1, int(mono.shape[0] * rate / response_rate + 0.5))
            if samples != mono.shape[0]:
                # Band-limited resampling: cut, or pad, the upper end of the spectrum.
                mono = torch.fft.irfft(torch.fft.rfft(mono, mono.shape[0]), samples)
            mono = mono[: self.longest]
            kernel = mono / mono.square().sum().sqrt().clamp(min=1e-9)
        self.old.take(self.new.kernel)
        self.new.take(kernel)
        self.rooms = self.rooms + 1.0

    def forward(self, x: torch.Tensor, rate: float) -> torch.Tensor:
        """Convolve ``x`` with the room."""
        line = self.line(x, self.longest - 1)
        made = self.new(line, x.shape[-1])
        # The glide follows the number of rooms entered: how far it lags is the old one's share.
        left = self.rooms - self.fade(self.rooms, x, rate)
        if float(left[0]) <= 0.0:
            return made
        share = left.clamp(max=1.0).to(x.dtype)
        return made + share * (self.old(line, x.shape[-1]) - made)


class Effects(Module):
    """The model: six methods and the attributes that turn them."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("drive", "tremolo", "echo", "width", "crush", "room"):
            setattr(self, f"{name}_wet", Wet())
        self.driver = Drive()
        self.swing = Tremolo()
        self.repeats = Echo()
        self.stereo = Width()
        self.crusher = Crush()
        self.space = Room()
        self.space_rate = 0.0
        self.space_full = False

        attribute = self.register_attribute
        attribute("bypass", False, description="let the sound through as it is")
        attribute("mix", 1.0, min=0.0, max=1.0, description="share of the effect in the sound")
        attribute("gain", 12.0, min=0.0, max=40.0, unit="dB", description="into the saturation")
        attribute("speed", 5.0, min=0.05, max=20.0, unit="Hz", description="of the tremolo")
        attribute("depth", 0.7, min=0.0, max=1.0, description="of the tremolo")
        attribute("shape", "sine", description="of the tremolo: sine or triangle")
        attribute("time", 250.0, min=1.0, max=500.0, unit="ms", description="between echoes")
        attribute("taps", 3, min=0, max=4, description="how many echoes")
        attribute("decay", 0.6, min=0.0, max=1.0, description="each echo against the last")
        attribute("spread", 1.5, min=0.0, max=2.0, description="stereo width: 0 mono, 1 as it is")
        attribute("bits", 8, min=1, max=16, description="of the bit crusher")
        attribute("hold", 4, min=1, max=64, unit="samples", description="kept by the bit crusher")
        attribute(
            "response",
            Buffer(None, min_samples=2, max_samples=192000),
            description="impulse response of the room; empty: no room",
        )

        mono = (["in"], ["out"])
        both = (["left", "right"], ["left", "right"])
        self.register_method("drive", 1, 1, 1, 1, *mono, delay=0)
        self.register_method("tremolo", 1, 1, 1, 1, *mono, delay=0)
        self.register_method("echo", 1, 1, 1, 1, *mono, delay=0)
        self.register_method("widen", 2, 1, 2, 1, *both, delay=0)
        self.register_method("crush", 1, 1, 1, 1, *mono, delay=0)
        self.register_method("convolve", 1, 1, 1, 1, *mono, delay=0)
        self.metadata(
            authors=["the nnbridge authors"],
            license="MIT",
            description="Drive, tremolo, echo, stereo width, bit crusher and convolution.",
        )

    @torch.jit.export
    def drive(self, x: torch.Tensor) -> torch.Tensor:
        """Warm saturation."""
        rate = self.rate()
        return self.drive_wet(x, self.driver(x, self.gain[0], rate), self.share(), rate)

    @torch.jit.export
    def tremolo(self, x: torch.Tensor) -> torch.Tensor:
        """Loudness that swings."""
        rate = self.rate()
        y = self.swing(x, self.speed[0], self.depth[0], self.shape[0], rate)
        return self.tremolo_wet(x, y, self.share(), rate)

    @torch.jit.export
    def echo(self, x: torch.Tensor) -> torch.Tensor:
        """The sound and its repeats."""
        rate = self.rate()
        y = x + self.repeats(x, self.time[0], self.taps[0], self.decay[0], rate)
        return self.echo_wet(x, y, self.share(), rate)

    @torch.jit.export
    def widen(self, x: torch.Tensor) -> torch.Tensor:
        """Stereo, narrower or wider."""
        rate = self.rate()
        return self.width_wet(x, self.stereo(x, self.spread[0], rate), self.share(), rate)

    @torch.jit.export
    def crush(self, x: torch.Tensor) -> torch.Tensor:
        """Fewer bits and fewer samples."""
        rate = self.rate()
        y = self.crusher(x, self.bits[0], self.hold[0], rate)
        return self.crush_wet(x, y, self.share(), rate)

    @torch.jit.export
    def convolve(self, x: torch.Tensor) -> torch.Tensor:
        """The sound in a room, whose impulse response is the attribute ``response``."""
        rate = self.rate()
        held = self.response[0]
        # The host may have emptied the buffer, or changed its rate, since the room was entered.
        if held.has_value != self.space_full or (held.has_value and rate != self.space_rate):
            self.enter_room()
        return self.room_wet(x, self.space(x, rate), self.share(), rate)

    def rate(self) -> float:
        """The host's sample rate in hertz; 48000 until it has said one."""
        told = self.get_sample_rate()
        return float(told) if told > 0 else 48000.0

    def share(self) -> float:
        """How much of the effect to hear."""
        return 0.0 if self.bypass[0] else self.mix[0]

    def enter_room(self) -> None:
        """Take the impulse response as it is now."""
        held = self.response[0]
        rate = self.rate()
        self.space.enter(held.value, float(held.sr) if held.sr > 0 else rate, rate)
        self.space_full = held.has_value
        self.space_rate = rate

    # Setters that do more than keep a number are written by hand; 0 means taken, -1 refused.

    @torch.jit.export
    def set_shape(self, shape: str) -> int:
        """Take a shape that there is."""
        if shape != "sine" and shape != "triangle":
            return -1
        self.shape = (shape,)
        return 0

    @torch.jit.export
    def set_response(self, response: str) -> int:
        """Called after the host has filled the buffer ``response#0``."""
        if response != "response#0":
            return -1
        self.enter_room()
        return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python effects.py out.ts")
    Effects().export_to_ts(sys.argv[1])
