# SPDX-License-Identifier: MIT
"""The recipe of a RAVE: everything that decides what a training makes, as a readable TOML file.

See `nnbridge.recipe`. The defaults are those of the thesis (section 3.1.3).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import prod
from pathlib import Path

from nnbridge.recipe import BaseRecipe, RecipeError, positive


@dataclass(frozen=True)
class Network:
    """Sizes of encoder and decoder."""

    sample_rate: int = 44100
    """Hz."""
    channels: int = 1
    """Of audio."""
    bands: int = 16
    """Of the band split; even."""
    capacity: int = 64
    """Channels of the first hidden layer; each stride doubles them."""
    strides: tuple[int, ...] = (4, 4, 4, 2)
    """Of the encoder, and of the decoder in the same order. Even."""
    latents: int = 128
    """Dimensions of the latent."""
    dilations: tuple[int, ...] = (1, 3, 5)
    """Of the residual units behind each upsampling layer of the decoder."""
    causal: bool = False
    """No layer looks ahead."""
    noise_bands: int = 5
    """Amplitudes per band in the noise head; 0: no noise head."""
    noise_strides: tuple[int, ...] = (4, 4, 4)
    """Of the noise head's convolutions; their product is its frame, in samples of a band."""

    @property
    def ratio(self) -> int:
        """Audio samples per latent frame."""
        return self.bands * prod(self.strides)

    def check(self) -> None:
        """Raise `RecipeError` for sizes that make no network."""
        positive("network", self, "sample_rate", "channels", "capacity", "latents")
        if not self.strides or not self.noise_strides or min(self.noise_strides) < 1:
            raise RecipeError("network.strides and network.noise_strides take at least one number.")
        if any(dilation < 1 for dilation in self.dilations):
            raise RecipeError("network.dilations must be at least 1 each.")
        if self.bands < 2 or self.bands % 2:
            raise RecipeError(f"network.bands must be even and at least 2, not {self.bands}.")
        for stride in self.strides:
            if stride < 2 or stride % 2:
                raise RecipeError(
                    f"network.strides must be even numbers from 2 on, not {list(self.strides)}."
                )
        if self.noise_bands == 1 or self.noise_bands < 0:
            raise RecipeError("network.noise_bands must be 0 (no noise) or 2 and more.")
        if self.noise_bands:
            frame = prod(self.noise_strides)
            if prod(self.strides) % frame:
                raise RecipeError(
                    f"the product of network.noise_strides ({frame}) must divide that of "
                    f"network.strides ({prod(self.strides)})."
                )
            if 2 * (self.noise_bands - 1) > frame:
                raise RecipeError(
                    f"network.noise_bands = {self.noise_bands} makes filters longer than the "
                    f"noise frame of {frame} samples; take at most {frame // 2 + 1}."
                )


@dataclass(frozen=True)
class Latent:
    """What keeps the latent in shape."""

    kind: str = "variational"
    """variational, wasserstein, discrete or spherical."""
    weight: float = 0.1
    """Of the regularisation; the peak of the annealing cycle if it is variational."""
    weight_floor: float = 1e-4
    """Where the annealing begins."""
    cycle: int = 50_000
    """Steps of an annealing cycle: half of it rising, half of it at the peak."""
    codes: int = 1024
    """Discrete: entries of each codebook."""
    quantisers: int = 16
    """Discrete: codebooks in a row."""
    code_decay: float = 0.99
    """Discrete: of the moving averages that the codebooks are."""
    dead_code: float = 2.0
    """Discrete: an entry used less than so often per batch (moving average) is replaced."""
    quantiser_dropout: bool = True
    """Discrete: train with a random number of quantisers."""

    def check(self) -> None:
        """Raise `RecipeError` for what is no latent."""
        kinds = ("variational", "wasserstein", "discrete", "spherical")
        if self.kind not in kinds:
            raise RecipeError(f'latent.kind is "{self.kind}"; it may be {", ".join(kinds)}.')
        positive("latent", self, "cycle", "codes", "quantisers", "weight_floor")
        if self.weight < 0.0:
            raise RecipeError(f"latent.weight must not be negative, and {self.weight} is.")
        if not 0.0 <= self.code_decay < 1.0:
            raise RecipeError(
                f"latent.code_decay lies from 0 to below 1, not at {self.code_decay}."
            )


@dataclass(frozen=True)
class Losses:
    """What the network is compared by."""

    scales: tuple[int, ...] = (2048, 1024, 512, 256, 128)
    """Window lengths of the spectral distance of the audio."""
    band_scales: tuple[int, ...] = (2048, 1024, 512, 256, 128)
    """The same before the band synthesis, in samples of a band."""
    distance: str = "norm"
    """norm: equation 3.1 as printed. amplitude: its second term compares log amplitudes."""
    floor: float = 1e-3
    """Amplitude: where the logarithm ends, relative to full scale (1e-3: -60 dB)."""
    feature_matching: float = 1.0
    """Weight in stage two."""
    adversarial: float = 1.0
    """Weight in stage two."""

    def check(self) -> None:
        """Raise `RecipeError` for an unknown distance, or windows that are none."""
        for scale in (*self.scales, *self.band_scales):
            if scale < 8 or scale % 4:
                raise RecipeError(f"losses: a window of {scale} is no multiple of 4 from 8 on.")
        if not self.scales:
            raise RecipeError("losses.scales needs at least one window.")
        positive("losses", self, "floor")
        if self.distance not in ("norm", "amplitude"):
            raise RecipeError(f'losses.distance is "{self.distance}"; it may be norm or amplitude.')


@dataclass(frozen=True)
class Adversary:
    """Sizes of the discriminator."""

    capacity: int = 64
    """Channels of its first layer."""
    layers: int = 4
    """Strided convolutions per scale."""
    scales: int = 3
    """Discriminators, each at half the rate of the one before."""
    every: int = 2
    """Stage two: one step of the discriminator in so many steps."""

    def check(self) -> None:
        """Raise `RecipeError` for sizes below one."""
        if min(self.capacity, self.layers, self.scales) < 1 or self.every < 2:
            raise RecipeError("discriminator: sizes must be at least 1 and every at least 2.")


@dataclass(frozen=True)
class Augment:
    """What a training example goes through; see nnbridge.audio.augment."""

    dequantisation: str = "uniform"
    all_pass_probability: float = 0.8
    all_pass_sections: int = 1
    all_pass_lowest: float = 20.0
    all_pass_highest: float = 2000.0
    all_pass_radius: float = 0.99
    gain_probability: float = 0.0
    gain_lowest: float = -6.0
    gain_highest: float = 0.0

    def check(self) -> None:
        """Raise `RecipeError` for an unknown noise."""
        if self.dequantisation not in ("none", "uniform", "triangular"):
            raise RecipeError(
                f'augment.dequantisation is "{self.dequantisation}"; it may be none, uniform or '
                "triangular."
            )


@dataclass(frozen=True)
class Training:
    """How long and how fast."""

    segment: int = 131072
    """Samples of an example; rounded up to whole latent frames."""
    batch: int = 8
    """Examples per step, over all processes."""
    stage_one_steps: int = 1_500_000
    stage_two_steps: int = 1_500_000
    noise_after: int = 0
    """Steps before the noise head joins in. From the start it imitates what the waveform head has
    not learnt yet, a low note as a low noise, and takes away what that would learn from."""
    learning_rate: float = 1e-4
    learning_rate_end: float = 1e-4
    """Reached at the end of stage one, exponentially; stage two keeps it."""
    discriminator_rate: float = 1e-4
    betas: tuple[float, ...] = (0.5, 0.9)
    """Adam's."""
    seed: int = 1
    validate_every: int = 10_000
    """Steps."""
    checkpoint_every: int = 5_000
    """Steps."""
    log_every: int = 100
    """Steps."""
    validation_seconds: float = 6.0
    """Length of a held-out piece."""
    validation_items: int = 16

    def check(self) -> None:
        """Raise `RecipeError` for numbers that train nothing."""
        positive(
            "training", self, "segment", "batch", "validate_every", "checkpoint_every", "log_every",
            "learning_rate", "learning_rate_end", "discriminator_rate", "validation_seconds",
            "validation_items",
        )  # fmt: skip
        if min(self.stage_one_steps, self.stage_two_steps, self.noise_after, self.seed) < 0:
            raise RecipeError("training: steps and seed must not be negative.")
        if len(self.betas) != 2 or not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise RecipeError("training.betas must be two numbers from 0 to 1, like [0.5, 0.9].")


@dataclass(frozen=True)
class Recipe(BaseRecipe):
    """All of it."""

    SHIPPED = Path(__file__).parent / "recipes"

    network: Network = field(default_factory=Network)
    latent: Latent = field(default_factory=Latent)
    losses: Losses = field(default_factory=Losses)
    discriminator: Adversary = field(default_factory=Adversary)
    augment: Augment = field(default_factory=Augment)
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        for part in fields(self):
            getattr(self, part.name).check()

    @property
    def segment(self) -> int:
        """Samples of a training example: whole latent frames."""
        ratio = self.network.ratio
        return -(-self.training.segment // ratio) * ratio
