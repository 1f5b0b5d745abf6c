# SPDX-License-Identifier: MIT
"""A trained RAVE becomes a model file: encode, decode and forward, for every host.

    export(rave, "cello.ts", fidelity=0.95)

No ``from __future__ import annotations`` here: TorchScript compiles these classes.
"""

import copy
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from nnbridge.contract import Module
from nnbridge.contract import export as write
from nnbridge.streaming import Streaming, convert, pack
from nnbridge.streaming.noise import normal

from .errors import ExportError
from .fidelity import count as dimensions_for
from .latent import Discrete, Spherical, Variational
from .network import RAVE
from .playable import Decode, Encode
from .quantiser import Quantiser
from .sphere import from_angles, to_angles

MOST_TEMPERATURE = 4.0


@dataclass(frozen=True)
class Choices:
    """What a user may choose.

    Attributes:
        fidelity: export the fewest latent dimensions that hold this share (equation 3.7); default
            0.95 where that was measured, else all.
        latents: export so many instead.
        channels: of audio. A network of one channel may be given several: then it runs once for
            each, and the latent signals of the channels follow each other.
        sample_rate: in hertz, default the network's; a latent frame must last whole samples.
    """

    fidelity: float | None = None
    latents: int | None = None
    channels: int | None = None
    sample_rate: int | None = None


_ALL = Choices()


class Playable(Module):
    """A RAVE as hosts play it; kinds of latents differ in `compact` and `restore`.

    encode, decode and forward have a past of their own each, over the same weights: they may be
    called in any order, at different times, on one instance of the file.

    Args:
        rave: the trained network, on the CPU.
        count: latent signals per voice.
        voices: how many copies of the network run side by side, one per channel, for a network of
            one channel that is to have several; else 1.
        factor: target sample rate / that of the network.
    """

    seed: tuple[int]

    def __init__(self, rave: RAVE, count: int, voices: int, factor: Fraction) -> None:
        network = rave.recipe.network
        super().__init__(int(network.sample_rate * factor))
        self.voices = voices
        self.count = count
        self.encoder = pack(convert(Encode(rave, factor)))
        self.decoder = pack(convert(Decode(rave, factor)))
        # forward: two streams more, the second of which knows what is late in the first
        late = self.encoder.output_delay
        self.forward_encoder = pack(convert(Encode(rave, factor)))
        self.forward_decoder = pack(convert(Decode(rave, factor), late=late))
        share_weights(self.encoder, self.forward_encoder)
        share_weights(self.decoder, self.forward_decoder)
        self.seeded = 0
        #: latent frames that decode and forward have had in offline time, which number the noise
        self.decoded = 0
        self.forwarded = -late
        self.register_attribute(
            "seed", 0, min=0, max=2**31 - 1, description="of the noise; the same gives the same"
        )

    def declare(self, rave: RAVE, factor: Fraction, label: str) -> None:
        """Register the methods, which tries them; `label` is what a latent signal is called."""
        ratio = int(rave.ratio * factor)
        channels = rave.recipe.network.channels * self.voices
        audio = ["(signal) audio"]
        if channels > 1:
            audio = [f"(signal) audio {c + 1}" for c in range(channels)]
        latents = [f"(signal) {label} {i + 1}" for i in range(self.count)]
        if self.voices > 1:
            latents = [f"{name}, channel {v + 1}" for v in range(self.voices) for name in latents]
        sizes = {
            "encode": (channels, 1, len(latents), ratio),
            "decode": (len(latents), ratio, channels, 1),
            "forward": (channels, 1, channels, 1),
        }
        delays = {
            "encode": int(self.encoder.delay),
            "decode": self.decoder.output_delay,
            "forward": self.forward_decoder.output_delay,
        }
        labels = {
            "encode": (audio, latents), "decode": (latents, audio), "forward": (audio, audio),
        }  # fmt: skip
        for name, size in sizes.items():
            self.register_method(name, *size, *labels[name], step=ratio, delay=delays[name])

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        """Audio to latent signals."""
        z = self.compact(self.encoder(self.apart(x)))
        return z.reshape(x.size(0), -1, z.size(2))

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        """Latent signals to audio."""
        self.follow_seed()
        y: Tensor = self.decoder(self.restore(self.apart(z), self.decoded))
        self.decoded += z.size(2)
        return y.reshape(z.size(0), -1, y.size(2))

    def forward(self, x: Tensor) -> Tensor:
        """Audio through encode and decode."""
        self.follow_seed()
        z = self.compact(self.forward_encoder(self.apart(x)))
        y: Tensor = self.forward_decoder(self.restore(z, self.forwarded))
        self.forwarded += z.size(2)
        return y.reshape(x.size(0), -1, y.size(2))

    def compact(self, z: Tensor) -> Tensor:
        """What the network says of the latent, as the signals that the file gives."""
        raise NotImplementedError

    def restore(self, z: Tensor, first: int) -> Tensor:
        """What the decoder takes, from such signals; `first` frames came before."""
        raise NotImplementedError

    def apart(self, x: Tensor) -> Tensor:
        """Voices as batch items."""
        return x.reshape(x.size(0) * self.voices, -1, x.size(2)) if self.voices > 1 else x

    def follow_seed(self) -> None:
        """Pass a new seed on to the layers that make noise."""
        if self.seeded != self.seed[0]:
            self.seeded = self.seed[0]
            self.decoder.reseed(self.seeded)
            self.forward_decoder.reseed(self.seeded)


class Continuous(Playable):
    """A variational or a Wasserstein latent, as its most important dimensions."""

    basis: Tensor
    mean: Tensor
    latents: tuple[int]
    temperature: tuple[float]

    def __init__(
        self, rave: RAVE, count: int, voices: int, factor: Fraction, temperature: float
    ) -> None:
        super().__init__(rave, count, voices, factor)
        self.size = rave.recipe.network.latents
        self.rotated = measured(rave)
        self.register_buffer("basis", rave.latent_basis.clone())
        self.register_buffer("mean", rave.latent_mean[:, None].clone())
        self.register_attribute(
            "latents",
            self.count,
            min=1,
            max=self.count,
            description="how many latent signals are heard, the most important first",
        )
        self.register_attribute(
            "temperature",
            temperature,
            min=0.0,
            max=MOST_TEMPERATURE,
            description="deviation of the noise that stands for the other dimensions",
        )
        self.declare(rave, factor, "latent")

    def compact(self, z: Tensor) -> Tensor:
        """[batch, size, time] -> [batch, count, time]."""
        if self.rotated:
            z = torch.matmul(self.basis, z - self.mean)
        return z[:, : self.count]

    def restore(self, z: Tensor, first: int) -> Tensor:
        """[batch, count, time] -> [batch, size, time]; `first` frames came before."""
        used = self.latents[0]
        rows, frames = z.size(0), z.size(2)
        if used < self.size:
            if self.temperature[0] > 0.0:
                drawn = normal(self.seed[0], first, frames, rows * self.size)
                rest = drawn.to(z.device).view(frames, rows, self.size)[:, :, used:]
                rest = rest.permute(1, 2, 0) * self.temperature[0]
            else:
                rest = torch.zeros([rows, self.size - used, frames], device=z.device)
            z = torch.cat([z[:, :used], rest], 1)
        if self.rotated:
            z = torch.matmul(self.basis.t(), z) + self.mean
        return z


class OnSphere(Playable):
    """A spherical latent, as angles between -1 and 1."""

    def __init__(self, rave: RAVE, voices: int, factor: Fraction) -> None:
        super().__init__(rave, rave.recipe.network.latents - 1, voices, factor)
        self.declare(rave, factor, "angle")

    def compact(self, z: Tensor) -> Tensor:
        """[batch, size, time] -> [batch, size - 1, time]."""
        return to_angles(z)

    def restore(self, z: Tensor, first: int) -> Tensor:
        """[batch, size - 1, time] -> [batch, size, time]."""
        return from_angles(z)


class Coded(Playable):
    """A discrete latent: one signal per codebook, whole numbers."""

    latents: tuple[int]

    def __init__(
        self, rave: RAVE, quantiser: Quantiser, count: int, voices: int, factor: Fraction
    ) -> None:
        super().__init__(rave, count, voices, factor)
        # without what training keeps beside the codebooks
        books = copy.deepcopy(quantiser)
        books.codebooks = books.codebooks[: self.count].clone()
        del books.counts, books.sums, books.begun
        self.books = books
        self.register_attribute(
            "latents",
            self.count,
            min=1,
            max=self.count,
            description="how many codebooks are heard, the coarsest first",
        )
        self.declare(rave, factor, "code")

    def compact(self, z: Tensor) -> Tensor:
        """[batch, size, time] -> codes [batch, count, time], as float."""
        return self.books.codes(z).to(z.dtype)

    def restore(self, z: Tensor, first: int) -> Tensor:
        """Codes [batch, count, time], rounded and bounded -> [batch, size, time]."""
        codes = torch.nan_to_num(z[:, : self.latents[0]]).clamp(-1.0, 1e6).round().to(torch.int64)
        return self.books.lookup(codes)


def share_weights(stream: Streaming, other: Streaming) -> None:
    """Let `other`, made from the same network, use the weights of `stream`."""
    for name, weight in stream.named_parameters():
        owner, _, leaf = name.rpartition(".")
        setattr(other.get_submodule(owner), leaf, weight)


def measured(rave: RAVE) -> bool:
    """Whether the latent's dimensions were ever measured."""
    size = rave.recipe.network.latents
    return not torch.equal(rave.latent_basis, torch.eye(size)) or bool(rave.latent_mean.any())


def playable(rave: RAVE, choices: Choices = _ALL) -> Playable:
    """Make a trained network ready to be written.

    Args:
        rave: as trained; it stays as it is.
        choices: what to export of it.

    Raises:
        ExportError: it cannot be so; one sentence.
    """
    rest = _voices(rave, choices.channels), _factor(rave, choices.sample_rate)
    count = _count(rave, choices)
    with torch.no_grad():
        if isinstance(rave.latent, Discrete):
            return Coded(rave, rave.latent.quantiser, count, *rest)
        if isinstance(rave.latent, Spherical):
            return OnSphere(rave, *rest)
        # A variational decoder has learnt with noise there, the other one without.
        temperature = 1.0 if isinstance(rave.latent, Variational) else 0.0
        return Continuous(rave, count, *rest, temperature)


def export(
    rave: RAVE,
    path: str | os.PathLike[str],
    choices: Choices = _ALL,
    *,
    name: str | None = None,
    author: str | None = None,
    license: str | None = None,
) -> Path:
    """Write a trained network to a model file, all or nothing.

    Args:
        rave: as trained.
        path: of the file; one that is there is replaced at once.
        choices: what to export of it.
        name: of the model, for the manifest; default the file's.
        author: for the manifest.
        license: of the model, for the manifest.

    Raises:
        ExportError: a choice that this network does not allow.
        ContractError: the file cannot be written there.
    """
    module = playable(rave, choices)
    network = rave.recipe.network
    module.metadata(
        name=name or Path(path).stem,
        authors=author,
        license=license,
        description=f"RAVE, {rave.recipe.latent.kind}, capacity {network.capacity}, "
        f"{network.bands} bands, ratio {rave.ratio}{', causal' if network.causal else ''}",
        citation="A. Caillon, P. Esling: RAVE, arXiv:2111.05011",
    )
    return write(module, path)


def _voices(rave: RAVE, channels: int | None) -> int:
    own = rave.recipe.network.channels
    if channels is None or channels == own:
        return 1
    if channels < 1:
        raise ExportError(f"a model has at least one channel, not {channels}.")
    if own > 1:
        raise ExportError(
            f"this network was trained on {own} channels and can be exported with {own} only: "
            "leave --channels away."
        )
    return channels


def _factor(rave: RAVE, sample_rate: int | None) -> Fraction:
    own = rave.recipe.network.sample_rate
    if sample_rate is None:
        return Fraction(1)
    if sample_rate < 1:
        raise ExportError(f"a sample rate is a number of hertz, not {sample_rate}.")
    factor = Fraction(sample_rate, own)
    if (factor * rave.ratio).denominator > 1 or max(factor.numerator, factor.denominator) > 8:
        raise ExportError(
            f"from {own} Hz to {sample_rate} Hz is no simple step: choose {own // 2}, {own} or "
            f"{2 * own} Hz. (nnbridge plays a {own} Hz model at any rate of the host.)"
        )
    return factor


def _count(rave: RAVE, choices: Choices) -> int:
    fidelity, latents = choices.fidelity, choices.latents
    kind, size = rave.recipe.latent.kind, rave.recipe.network.latents
    if fidelity is not None and latents is not None:
        raise ExportError("--fidelity and --latents both say how many latents to export: give one.")
    if kind == "spherical":
        if fidelity is not None or latents is not None:
            raise ExportError(
                f"a spherical latent has {size - 1} angles, all of which are needed: leave "
                "--fidelity and --latents away."
            )
        return size - 1
    if kind == "discrete":
        size = rave.recipe.latent.quantisers
        if fidelity is not None:
            raise ExportError(
                f"a discrete latent has {size} codebooks and no fidelity: use --latents."
            )
    if latents is not None:
        if not 1 <= latents <= size:
            what = "codebooks" if kind == "discrete" else "latents"
            raise ExportError(f"this network has {size} {what}: --latents can't be {latents}.")
        return latents
    if kind == "discrete":
        return size
    if fidelity is not None and not 0.0 < fidelity <= 1.0:
        raise ExportError(f"a fidelity lies between 0 and 1: --fidelity can't be {fidelity:g}.")
    if not measured(rave):
        if fidelity is not None:
            raise ExportError(
                "the latent of this network has not been measured yet (training does it at the end "
                "of stage one): use --latents, or export all of it."
            )
        return size
    return dimensions_for(rave.fidelity, 0.95 if fidelity is None else fidelity)
