# SPDX-License-Identifier: MIT
"""A recipe: everything that decides what a training makes, as a readable TOML file.

A recipe names only what differs from its ``base`` (another file, or a shipped recipe by name); a
recipe without a base starts from the defaults below, which are the thesis's (section 3.1.3).
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from math import prod
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_SHIPPED = Path(__file__).parent / "recipes"


class RecipeError(ValueError):
    """A recipe that cannot be read or made: one sentence."""


def _positive(section: str, settings: object, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if not 0 < value < float("inf"):  # also refuses what is no number at all
            raise RecipeError(f"{section}.{name} must be above 0, not {value}.")


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
        _positive("network", self, "sample_rate", "channels", "capacity", "latents")
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
        _positive("latent", self, "cycle", "codes", "quantisers", "weight_floor")
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
        _positive("losses", self, "floor")
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
        _positive(
            "training", self, "segment", "batch", "validate_every", "checkpoint_every", "log_every",
            "learning_rate", "learning_rate_end", "discriminator_rate", "validation_seconds",
            "validation_items",
        )  # fmt: skip
        if min(self.stage_one_steps, self.stage_two_steps, self.seed) < 0:
            raise RecipeError("training: steps and seed must not be negative.")
        if len(self.betas) != 2 or not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise RecipeError("training.betas must be two numbers from 0 to 1, like [0.5, 0.9].")


@dataclass(frozen=True)
class Recipe:
    """All of it."""

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

    @staticmethod
    def load(source: str | Path) -> Recipe:
        """Read a file, or a shipped recipe by its name.

        Raises:
            RecipeError: it isn't there, or says something a recipe cannot say.
        """
        return Recipe.from_dict(_resolve(source, None), str(source))

    @staticmethod
    def from_toml(text: str) -> Recipe:
        """The recipe that `to_toml` wrote."""
        return Recipe.from_dict(_parsed(text, "the recipe"), "the recipe")

    @staticmethod
    def from_dict(content: dict[str, Any], name: str) -> Recipe:
        """From sections of values; `name` is for the error's sentence."""
        return Recipe(**_sections(content, name))

    def override(self, settings: Sequence[str]) -> Recipe:
        """With some values changed, each like ``training.batch=4``."""
        content: dict[str, Any] = asdict(self)
        for setting in settings:
            key, equals, value = setting.partition("=")
            section, dot, entry = key.strip().partition(".")
            if not (equals and dot):
                raise RecipeError(f'"{setting}" is no setting; write section.name=value.')
            content.setdefault(section, {})[entry] = _value(value.strip())
        return Recipe.from_dict(content, "the settings")

    def to_toml(self) -> str:
        """All values, as a TOML file."""
        parts = []
        for section, values in asdict(self).items():
            lines = "".join(f"{key} = {_written(value)}\n" for key, value in values.items())
            parts.append(f"[{section}]\n{lines}")
        return "\n".join(parts)


def names() -> list[str]:
    """The shipped recipes."""
    return sorted(path.stem for path in _SHIPPED.glob("*.toml"))


T = TypeVar("T")


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name} is no TOML file: {error}.") from None


def _resolve(
    source: str | Path, beside: Path | None, above: tuple[Path, ...] = ()
) -> dict[str, Any]:
    path = Path(source)
    if beside is not None and not path.is_absolute() and (beside / path).is_file():
        path = beside / path
    if not path.is_file():
        path = _SHIPPED / f"{source}.toml"
    if not path.is_file():
        raise RecipeError(
            f'there is no recipe "{source}": give a file, or one of {", ".join(names())}.'
        )
    path = path.resolve()
    if path in above:
        raise RecipeError(f"{path} is its own base.")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} can't be read ({error}).") from None
    content = _parsed(text, str(path))
    base = content.pop("base", None)
    if base is None:
        return content
    if not isinstance(base, str):
        raise RecipeError(f"{path}: base must be the name of a recipe or file, not {base!r}.")
    merged = _resolve(base, path.parent, (*above, path))
    for section, values in content.items():
        if isinstance(values, dict):
            below = merged.get(section)
            merged[section] = {**below, **values} if isinstance(below, dict) else values
        else:
            merged[section] = values
    return merged


def _sections(content: dict[str, Any], name: str) -> dict[str, Any]:
    kinds = get_type_hints(Recipe)
    sections = {}
    for section, values in content.items():
        if section not in kinds or not isinstance(values, dict):
            known = ", ".join(f"[{key}]" for key in kinds)
            raise RecipeError(f'{name} has "{section}"; a recipe has the sections {known}.')
        sections[section] = _section(kinds[section], section, values, name)
    return sections


def _section(kind: type[T], section: str, values: dict[str, Any], name: str) -> T:
    types = get_type_hints(kind)
    checked = {}
    for key, value in values.items():
        if key not in types:
            raise RecipeError(
                f"{name} has {section}.{key}, which is unknown; [{section}] has {', '.join(types)}."
            )
        checked[key] = _checked(types[key], value, f"{section}.{key}")
    return kind(**checked)


def _checked(kind: Any, value: Any, name: str) -> Any:
    if get_origin(kind) is tuple:
        element = get_args(kind)[0]
        if isinstance(value, list | tuple):
            return tuple(_checked(element, item, name) for item in value)
        raise RecipeError(f"{name} must be a list, not {value!r}.")
    assert not isinstance(kind, UnionType)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}
        raise RecipeError(f"{name} must be {words[kind]}, not {value!r}.")
    return value


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(_written(item) for item in value)}]"
    return repr(value)
