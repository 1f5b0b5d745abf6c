# SPDX-License-Identifier: MIT
"""Open a model file and stream audio through it, with the engine that Pd, Max and a DAW use."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
import torch  # loads the libraries that the engine is linked to
from numpy.typing import ArrayLike, NDArray

try:
    from nnbridge import _engine
except ImportError as error:
    raise ImportError(
        f"nnbridge's engine does not fit the torch that is installed ({torch.__version__}): "
        f"install nnbridge again, or the torch it was built with. ({error})"
    ) from error

Error = _engine.Error
"""What went wrong, in one sentence: raised by everything here for a user's mistake."""

LatePolicy = Literal["silence", "dry"]

Value = bool | int | float | str | ArrayLike | tuple[ArrayLike, int]
"""One element of an attribute: a plain value, an array for a tensor, or (array, rate) for a buffer.

A buffer's array has the shape [frames] or [channels, frames], and its rate is in Hz.
"""


@dataclass(frozen=True)
class Method:
    """What goes in and out of a method, and at which fraction of the audio rate.

    A signal at ratio r has one value for every r audio samples.
    """

    name: str
    in_channels: int
    in_ratio: int
    out_channels: int
    out_ratio: int
    in_labels: list[str]
    out_labels: list[str]
    step: int
    """Audio samples that a block must be a multiple of."""
    delay: int | None
    """What the model adds, in samples at its own rate; None: the file does not say."""
    random: bool | None
    """Whether it draws random numbers; None: the file does not say."""
    callable: bool
    """False: listed, but not contained in the file."""
    description: str


@dataclass(frozen=True)
class Attribute:
    """A named tuple of typed values that change how a model behaves."""

    name: str
    types: list[str]
    """One for each element: bool, int, float, str, tensor or buffer."""
    minimum: float | None
    maximum: float | None
    unit: str
    description: str
    defaults: list[Any]
    """From the file's manifest; empty where it has none."""


@dataclass(frozen=True)
class Latency:
    """How much later a stream's output is than its input, in samples at the host's rate."""

    stream: int
    """What buffering, the deadline and resampling add: exact, and constant."""
    model: int
    """What the model itself adds, as its file declares; 0 where it does not."""
    model_declared: bool
    """Whether the file declares it, or `model_delay` was given."""

    @property
    def total(self) -> int:
        """What a host has to be told."""
        return self.stream + self.model


@dataclass(frozen=True)
class Stats:
    """Counters since the stream was made or reset."""

    blocks: int
    """Inferences finished."""
    late: int
    """Blocks that were not ready when they had to be heard."""
    failed: int
    """Blocks whose inference failed or was not finite."""
    pending: int
    """Blocks that wait for the worker, the one it runs included; realtime only."""
    mean_cost: float
    """Seconds for one inference, resampling included."""
    worst_cost: float
    """Seconds."""
    load: float
    """Mean cost as a share of the time there is for a block."""
    last_failure: str
    """The model's own words, or nothing."""


class StreamOptions(TypedDict, total=False):
    """How a stream runs; see `Model.stream`."""

    sample_rate: int | None
    block: int | None
    realtime: bool
    host_block: int | None
    max_host_block: int
    batch: int
    deadline: int | None
    late: LatePolicy
    resample: bool
    model_delay: int | None
    seed: int | None


_MAX_HOST_BLOCK = 1024


_WHOLE_NUMBERS = (
    "sample_rate",
    "block",
    "host_block",
    "max_host_block",
    "batch",
    "deadline",
    "model_delay",
    "seed",
)


def _engine_options(method: str, options: StreamOptions) -> dict[str, Any]:
    if not isinstance(method, str):
        raise Error(f"A method is given by its name, not {method!r}.")
    for name in ("realtime", "resample"):
        if not isinstance(options.get(name, True), bool | np.bool_):
            raise Error(f"'{name}' takes True or False, not {options[name]!r}.")
    unknown = sorted(options.keys() - StreamOptions.__annotations__.keys())
    if unknown:
        known = ", ".join(StreamOptions.__annotations__)
        raise Error(f"A stream has no option '{unknown[0]}'; it has: {known}.")
    late = options.get("late", "silence")
    if late not in ("silence", "dry"):
        raise Error(f"The late policy is 'silence' or 'dry', not '{late}'.")
    for name in _WHOLE_NUMBERS:
        value = options.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise Error(f"'{name}' takes a whole number, not {value!r}.")
        if not -(2**31) <= value < 2**31 and name != "seed":
            raise Error(f"'{name}' can't be {value}.")
    seed = options.get("seed")
    if seed is not None and not 0 <= seed < 2**64:
        raise Error(f"The seed must be between 0 and 2**64 - 1, not {seed}.")
    host_block = options.get("host_block")
    largest = options.get("max_host_block", _MAX_HOST_BLOCK)
    given = {name: value for name, value in options.items() if "host_block" not in name}
    return {
        **given,
        "method": method,
        "host_block": largest if host_block is None else host_block,
        "fixed_host_block": host_block is not None,
    }


class Model:
    """A model file, opened. `nnbridge.load` makes one.

    Models from one file share their weights. What is `set` here holds for the streams made
    afterwards; a running stream has its own `set`.
    """

    def __init__(self, engine_model: _engine.Model) -> None:
        self._engine = engine_model

    @property
    def path(self) -> str:
        """The file."""
        return str(self._engine.path)

    @property
    def device(self) -> str:
        """Where it runs: cpu, cuda, cuda:1 … or mps."""
        return self._engine.device

    @property
    def sample_rate(self) -> int | None:
        """The rate the model was made for, in Hz; None: any."""
        return self._engine.sample_rate

    @property
    def follows_sample_rate(self) -> bool:
        """Whether it asks to be told the rate that it runs at."""
        return self._engine.follows_sample_rate

    @property
    def methods(self) -> dict[str, Method]:
        """By name, in the order of the file."""
        return {method["name"]: Method(**method) for method in self._engine.methods}

    @property
    def attributes(self) -> dict[str, Attribute]:
        """By name, in the order of the file."""
        return {item["name"]: Attribute(**item) for item in self._engine.attributes}

    @property
    def about(self) -> dict[str, Any] | None:
        """Name, description, authors, license, citation and torch version, where the file tells."""
        return self._engine.about

    def set(self, name: str, *values: Value) -> None:
        """Sets an attribute, one value for each of its elements.

        Raises:
            Error: no such attribute, a value of another type, or the model's refusal in its words.
        """
        self._engine.set(name, values)

    def get(self, name: str) -> list[Any]:
        """An attribute's values, one for each of its elements."""
        return self._engine.get(name)

    def stream(self, method: str = "forward", **options: Unpack[StreamOptions]) -> Stream:
        """A stream through one method, or through a chain such as "encode+decode".

        Args:
            method: its name.
            options: sample_rate: of the host, in Hz; default: the model's own, or 44100.
                block: samples that one inference is to take, at the model's rate; rounded up to
                    what the method can take; default 512.
                realtime: run the model on a thread of its own, as a live host does; default False:
                    inside `process`.
                host_block: frames that every call of `process` brings. Without it any number may
                    come, at the price of some latency.
                max_host_block: without `host_block`: the most frames that a call brings; default
                    1024. A realtime stream needs as much time.
                batch: independent items, each with a state of its own; default 1.
                deadline: realtime only: the time that the model has for a block, in frames;
                    default: from the cost measured.
                late: what is heard in place of a block that is late or failed: "silence" or "dry".
                resample: whether to convert where the two rates differ; default True.
                model_delay: for a file that does not declare one, in samples at its rate.
                seed: of the model's random draws.

        Raises:
            Error: no such method, an option out of range, or a model that fails on silence.
        """
        return Stream(self, method, options)

    def __repr__(self) -> str:
        return f"<nnbridge.Model '{self.path}': {', '.join(self.methods)}>"


class Stream:
    """One method of a model running on a host's buffers. `Model.stream` makes one."""

    def __init__(self, model: Model, method: str, options: StreamOptions) -> None:
        self._options = options
        self._engine = _engine.Stream(model._engine, **_engine_options(method, options))
        self._batch = int(options.get("batch", 1))
        # One call at a time: two threads on one stream would tear it apart.
        self._playing = threading.Lock()

    def process(self, signal: ArrayLike) -> NDArray[np.float32]:
        """Takes a piece of signal of any length and gives as many frames back.

        The GIL is released meanwhile.

        Args:
            signal: [channels, frames] ([batch, channels, frames] for a batch), or [frames] for one
                channel. Signals of a ratio above 1 are held at the audio rate.

        Returns:
            float32 of the same layout with the method's output channels, `latency.total` frames
            later than the input.

        Raises:
            Error: a shape that the method does not take.
        """
        array = np.asarray(signal)
        if array.dtype.kind in "iu":
            raise Error(
                f"A signal is floating point, with 1.0 as full scale, not {array.dtype}: divide 16 "
                "bit samples by 32768."
            )
        if array.dtype.kind != "f":
            raise Error(f"A signal is made of real numbers, not {array.dtype}.")
        given = array.shape
        channels = self._engine.in_channels
        if array.ndim == 1:
            array = array[np.newaxis]
        expected = (channels,) if self._batch == 1 else (self._batch, channels)
        if array.shape[:-1] != expected:
            layout = ", ".join(map(str, (*expected, "frames")))
            raise Error(f"'{self.method}' takes [{layout}], not {list(given)}.")
        frames = array.shape[-1]
        whole = self._options.get("host_block")
        if whole and frames % whole:
            raise Error(
                f"This stream was made for calls of host_block={whole} frames, not {frames}: make "
                "it without host_block to call it with any number."
            )
        with self._playing:
            output = self._engine.process(
                self._batch, array.reshape(self._batch * channels, frames)
            )
        if self._batch > 1:
            return output.reshape(self._batch, self._engine.out_channels, frames)
        return output

    def reset(self) -> None:
        """Back to how it was made: pristine model state with the attributes set since, no audio."""
        with self._playing:
            self._engine.reset()

    def reset_model(self) -> None:
        """The model's pristine state alone, between two blocks, while audio runs on."""
        self._engine.reset_model()

    def set(self, name: str, *values: Value) -> None:
        """Sets an attribute between two blocks, and waits for the model's answer.

        Raises:
            Error: as `Model.set`.
        """
        self._engine.set(name, values)

    def get(self, name: str) -> list[Any]:
        """An attribute's values, read between two blocks."""
        return self._engine.get(name)

    def swap(
        self, model: Model, method: str | None = None, **options: Unpack[StreamOptions]
    ) -> None:
        """Crossfades to another model, method, block, deadline or policy while audio runs.

        Options not given stay. The host's side (sample rate, host block, batch, realtime) can't
        change. Attributes are then those set on `model`.

        Raises:
            Error: as `Model.stream`; the stream then plays on unchanged.
        """
        merged: StreamOptions = {**self._options, **options}
        self._engine.swap(model._engine, **_engine_options(method or self.method, merged))
        self._options = merged

    @property
    def settled(self) -> bool:
        """Whether the last `swap` is fully heard."""
        return self._engine.settled()

    @property
    def latency(self) -> Latency:
        """Known before the first block, constant, and exact to the sample."""
        return Latency(*self._engine.latency)

    @property
    def stats(self) -> Stats:
        """Blocks run, late and failed, and what they cost."""
        return Stats(**self._engine.stats)

    @property
    def method(self) -> str:
        """The method, or chain, that runs."""
        return str(self._engine.config["method"])

    @property
    def sample_rate(self) -> int:
        """Of the host, in Hz."""
        return int(self._engine.config["sample_rate"])

    @property
    def block(self) -> int:
        """Samples that one inference takes, at the model's rate."""
        return int(self._engine.config["block"])

    @property
    def in_channels(self) -> int:
        """Channels that `process` takes."""
        return self._engine.in_channels

    @property
    def out_channels(self) -> int:
        """Channels that `process` gives."""
        return self._engine.out_channels

    def __repr__(self) -> str:
        return f"<nnbridge.Stream '{self.method}' at {self.sample_rate} Hz, block {self.block}>"


def load(path: str | os.PathLike[str], device: str = "cpu") -> Model:
    """Opens a model file (TorchScript, `.ts`).

    Args:
        path: the file.
        device: cpu, cuda, cuda:1 … or mps.

    Raises:
        Error: no such file, a damaged or foreign one, one made by a newer version, or a device that
            is not there.
    """
    name = os.fsdecode(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Error(f"The name {name!r} is not UTF-8: rename the file.") from None
    if "\0" in name:
        raise Error(f"{name!r} can't be the name of a file.")
    return Model(_engine.Model.open(name, device))
