# SPDX-License-Identifier: MIT
"""Runs a source through streams into a sink."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnbridge.host import Error, Latency, Model, Stats, Stream, load

from .latents import Latents, Signal, Steps, check_values, read_npy, read_npz, sentence
from .sinks import ARRAYS, ArraySink, AudioSink, Picked, Sink, ValuesSink, check_output
from .sources import PIECE, ArraySource, Converted, FileSource, HeldSource, Source
from .tail import Tail

Progress = Callable[[int, int], None]
"""Called with the frames done and the frames there are."""


@dataclass(frozen=True)
class Rendering:
    """What `render` made."""

    method: str
    path: Path | None
    """The file written; None: see `values`."""
    values: NDArray[np.float32] | None
    """[channels, frames], float32, where no file was asked for."""
    channels: int
    frames: int
    """Frames of audio, or steps of a signal at a ratio above 1."""
    ratio: int
    """Of the values: 1 is audio."""
    sample_rate: int
    """Of the audio in or out, in Hz."""
    model_rate: int
    """At which the model ran, in Hz. Steps in a second: model_rate / ratio."""
    tail: int
    """Frames that follow the end of the input."""
    source_frames: int
    """Frames of the input, at `sample_rate`."""
    delay: int
    """Left in values at a ratio above 1, in samples at the model's rate; decoding takes it out."""
    labels: list[str]
    """One for each channel."""
    latency: Latency
    """What was compensated: of the stream, to the sample; of the model, as declared."""
    stats: Stats
    peak: float
    """The largest magnitude of the values; 1 is full scale."""
    clipped: int
    """Samples that the file's format cut at full scale. WAV files keep all."""
    seconds: float
    """That it took."""
    realtime_factor: float
    """Seconds of input for each second that it took."""

    @property
    def latents(self) -> Latents:
        """To hand to `render` again, for values that were returned."""
        if self.values is None:
            raise Error("These values are in a file: hand its path on instead.")
        return Latents(
            self.values,
            self.ratio,
            self.model_rate,
            self.sample_rate,
            self.source_frames,
            self.delay,
            self.method,
            self.labels,
        )


def render(
    model: Model | str | os.PathLike[str],
    input: str | os.PathLike[str] | ArrayLike | Rendering,
    output: str | os.PathLike[str] | None = None,
    method: str = "forward",
    *,
    sample_rate: int | None = None,
    tail: float | Literal["auto"] = "auto",
    block: int | None = None,
    seed: int | None = None,
    resample: bool = True,
    model_delay: int | None = None,
    progress: Progress | None = None,
) -> Rendering:
    """Plays a whole file or array through a model, in constant memory.

    The samples are those that a live host hears, without the latency: what the stream delays is
    taken out to the sample, and so is the model's own delay as far as its file declares it (or
    `model_delay` says it).

    Channels: a file of one channel goes to every input of an audio method. A file of a multiple of
    the method's channels, such as a stereo file and a mono model, is taken as several items, each
    with a model state of its own; their outputs follow one another.

    Values below the audio rate: the result of a method such as "encode" is one value for each
    step, and goes to a `.npz` file (`latents` [channels, steps], `ratio`, `sample_rate` of the
    model, and what is needed to decode) or a `.npy` file (the array alone). Given to "decode",
    either gives the same samples as "encode+decode" in one go. An `.npz` file also keeps the length
    of the audio, and the delay of the encoder, which is not taken out of such values.

    Args:
        model: from `nnbridge.load`, or the path of a file.
        input: the path of an audio, `.npz` or `.npy` file; or an array [channels, frames], of audio
            or of steps, whichever the method takes; or an earlier `Rendering`.
        output: the path of a `.wav`, `.flac`, … or `.npz`, `.npy` file, written all or nothing;
            None: the values are returned. WAV files are 32 bit floating point, and keep every
            sample.
        method: or a chain, such as "encode+decode".
        sample_rate: of the audio, in Hz. An audio file at another rate is converted first. Default:
            the file's; for an array, the model's own, or 44100.
        tail: seconds to go on after the input's end; "auto": until the output has fallen below
            -80 dB for good (for a second), or no tail where that takes more than 10 s. Values below
            the audio rate get none unless a number says so.
        block: samples that one inference takes, at the model's rate; default 512.
        seed: of the model's random draws; item i of several uses seed + i.
        resample: whether to convert where the model's rate differs from the audio's.
        model_delay: for a file that declares none, in samples at its rate.
        progress: called after every piece with the frames done and the frames there are.

    Raises:
        Error: something can't be read, written or run, or a block failed; no file is left then.
    """
    if not isinstance(model, Model):
        model = load(model)
    start = time.perf_counter()
    job = _Job(model, input, method, sample_rate, resample, model_delay)
    streams = [
        model.stream(
            method,
            sample_rate=job.source.rate,
            block=block,
            seed=None if seed is None else seed + item,
            resample=resample,
            model_delay=None if job.declared else model_delay,
        )
        for item in range(job.items)
    ]
    channels = job.items * job.out_channels
    ending = Tail(0 if tail == "auto" and job.out_ratio > 1 else tail, job.source.rate)
    target = None if output is None else Path(output)
    if target is not None:
        _check_target(target, input, job, channels)
    meter = _Meter()
    sink = _sink(target, channels, job)
    try:
        for piece in _compensated(streams, job, ending, progress):
            meter.take(piece, sink)
            sink.write(piece)
        about = job.about(
            np.zeros((channels, 0), dtype=np.float32),
            [label for _ in range(job.items) for label in job.labels],
        )
        values = sink.close(about)
    except OSError as error:
        raise Error(f"'{target}' can't be written ({error.strerror or error}).") from None
    finally:
        sink.abandon()
    seconds = time.perf_counter() - start
    return Rendering(
        method=method,
        path=target,
        values=values,
        channels=channels,
        frames=meter.frames,
        ratio=job.out_ratio,
        sample_rate=job.source.rate,
        model_rate=job.model_rate,
        tail=ending.length or round(ending.seconds * job.source.rate),
        source_frames=job.frames,
        delay=about.delay,
        labels=about.labels,
        latency=replace(streams[0].latency, model=job.delay_frames if job.out_ratio == 1 else 0),
        stats=_stats_of(streams),
        peak=meter.peak,
        clipped=meter.clipped,
        seconds=seconds,
        realtime_factor=job.frames / job.source.rate / max(seconds, 1e-9),
    )


class _Job:
    """What goes in, how it fits the method, and what comes out."""

    def __init__(
        self,
        model: Model,
        given: object,
        method: str,
        sample_rate: int | None,
        resample: bool,
        model_delay: int | None,
    ) -> None:
        if sample_rate is not None and not 1000 <= sample_rate <= 1_000_000:
            raise Error(f"The sample rate must be between 1000 and 1000000 Hz, not {sample_rate}.")
        if model_delay is not None and model_delay < 0:
            raise Error(f"The model delay in samples must be 0 or more, not {model_delay}.")
        chain = model._engine.chain(method)
        self.method = method
        self.in_channels: int = chain["in_channels"]
        self.in_ratio: int = chain["in_ratio"]
        self.out_channels: int = chain["out_channels"]
        self.out_ratio: int = chain["out_ratio"]
        self.labels = model.methods[method.rsplit("+", 1)[-1]].out_labels
        self.declared = chain["delay"] is not None
        self._fixed_rate = model.sample_rate if resample else None
        own_delay = (model_delay or 0) if chain["delay"] is None else chain["delay"]

        latents = _latents_in(given)
        self.delay = own_delay + (latents.delay if latents else 0)
        if latents:
            self._check_latents(latents)
        self.source = self._source(given, latents, sample_rate, model.sample_rate)
        self.model_rate = self._fixed_rate or self.source.rate
        self.frames = self.source.frames
        if latents and latents.host_rate == self.source.rate:
            self.frames = min(latents.frames, self.source.frames)
        # Rounded once, as a whole: so a delay comes out the same in one go and in two.
        self.delay_frames = int(self.delay * self.source.rate / self.model_rate + 0.5)
        self.items = self._items()
        self.steps = (
            Steps(self.out_ratio, self.source.rate, self.model_rate) if self.out_ratio > 1 else None
        )

    def _check_latents(self, latents: Latents) -> None:
        if latents.ratio != self.in_ratio:
            wanted = f"at ratio {self.in_ratio}" if self.in_ratio > 1 else "audio"
            raise Error(
                f"The values are at ratio {latents.ratio}, and '{self.method}' takes {wanted}."
            )
        if self._fixed_rate and latents.sample_rate != self._fixed_rate:
            raise Error(
                f"The values were made by a model at {latents.sample_rate} Hz, and this one runs "
                f"at {self._fixed_rate} Hz."
            )

    def _source(
        self, given: object, latents: Latents | None, rate: int | None, model_rate: int | None
    ) -> Source:
        if isinstance(given, str | os.PathLike) and not latents:
            path = Path(given)
            if path.suffix.lower() != ".npy":
                file: Source = FileSource(path)
                return file if rate in (None, file.rate) else Converted(file, rate or file.rate)
            name, array = f"'{path}'", read_npy(path)
        elif latents:
            name, array = "the input", latents.values
            rate = rate or latents.host_rate
        else:
            name, array = "the input", check_values(np.asarray(given), "the input")
        rate = rate or model_rate or 44100
        if self.in_ratio == 1:
            return ArraySource(array, rate, name)
        return HeldSource(array, Steps(self.in_ratio, rate, self._fixed_rate or rate), name)

    def _items(self) -> int:
        there, wanted = self.source.channels, self.in_channels
        if there == 1 and self.in_ratio == 1:
            return 1
        if there % wanted:
            raise Error(
                f"'{self.method}' takes {wanted} {'channel' if wanted == 1 else 'channels'}, and "
                f"{self.source.name} has {there}."
            )
        return there // wanted

    def about(self, values: Signal, labels: list[str]) -> Latents:
        """What is known of the values that come out."""
        return Latents(
            values,
            self.out_ratio,
            self.model_rate,
            self.source.rate,
            self.frames,
            self.delay if self.out_ratio > 1 else 0,
            self.method,
            labels,
        )


def _latents_in(given: object) -> Latents | None:
    if isinstance(given, Rendering):
        return given.latents
    if isinstance(given, Latents):
        return given
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        if not path.is_file():
            raise Error(f"There is no file '{path}'.")
        if path.suffix.lower() == ".npz":
            return read_npz(path)
    return None


def _check_target(target: Path, given: object, job: _Job, channels: int) -> None:
    signals = f"'{job.method}' gives {channels} channels at ratio {job.out_ratio}"
    check_output(target, job.out_ratio == 1, signals)
    same = isinstance(given, str | os.PathLike) and target.exists() and target.samefile(given)
    if same:
        raise Error(f"'{target}' is the input: choose another file to write to.")


def _sink(target: Path | None, channels: int, job: _Job) -> Sink:
    if target is None:
        return ArraySink(channels)
    try:
        if target.suffix.lower() in ARRAYS:
            return ValuesSink(target, channels)
        return AudioSink(target, channels, job.source.rate)
    except OSError as error:
        raise Error(f"'{target}' can't be written ({error.strerror or error}).") from None


def _compensated(
    streams: list[Stream], job: _Job, ending: Tail, progress: Progress | None
) -> Iterator[Signal]:
    """The output from its first frame to the last of its tail."""
    skip = streams[0].latency.stream
    wanted = job.frames
    picked = Picked(job.steps) if job.steps else None
    if picked:
        # The delay stays in; so does what it pushed past the end.
        wanted += job.delay_frames + round(ending.seconds * job.source.rate)
    else:
        skip += job.delay_frames
    done = 0
    for piece in _outputs(streams, job, progress):
        fresh = piece[:, min(skip, piece.shape[1]) :]
        skip -= piece.shape[1] - fresh.shape[1]
        body = fresh[:, : wanted - done]
        done += body.shape[1]
        if body.shape[1]:
            yield picked.pick(body) if picked else body
        if done < wanted:
            continue
        if picked:
            return
        if ending.length is None and fresh.shape[1] > body.shape[1]:
            ending.add(fresh[:, body.shape[1] :])
        if ending.length is not None:
            if ending.length:
                yield ending.pieces()
            return


def _outputs(streams: list[Stream], job: _Job, progress: Progress | None) -> Iterator[Signal]:
    """What the streams give, for the source and then for silence without end."""
    source = job.source
    done = 0
    for piece in source.pieces():
        if not np.isfinite(piece).all():
            raise Error(f"{sentence(source.name)} holds NaN or infinity.")
        done += piece.shape[1]
        yield _process(streams, job, piece, done)
        if progress:
            progress(done, source.frames)
    silence = np.zeros((source.channels, PIECE), dtype=np.float32)
    while True:
        done += PIECE
        yield _process(streams, job, silence, done)


def _process(streams: list[Stream], job: _Job, piece: Signal, done: int) -> Signal:
    if job.items == 1 and piece.shape[0] < job.in_channels:
        piece = np.repeat(piece, job.in_channels, axis=0)
    parts = np.split(piece, job.items)
    output = np.concatenate(
        [stream.process(part) for stream, part in zip(streams, parts, strict=True)]
    )
    for stream in streams:
        if stream.stats.failed:
            raise Error(
                f"'{job.method}' failed before {done / job.source.rate:.2f} s of "
                f"{job.source.name}: {stream.stats.last_failure.rstrip('.')}."
            )
    return output


def _stats_of(streams: list[Stream]) -> Stats:
    """Of several items as of one stream."""
    each = [stream.stats for stream in streams]
    blocks = sum(stats.blocks for stats in each)
    return replace(
        each[0],
        blocks=blocks,
        mean_cost=sum(stats.mean_cost * stats.blocks for stats in each) / max(1, blocks),
        worst_cost=max(stats.worst_cost for stats in each),
        load=sum(stats.load for stats in each),
    )


class _Meter:
    """Counts what goes by."""

    def __init__(self) -> None:
        self.frames, self.clipped = 0, 0
        self.peak = 0.0

    def take(self, piece: Signal, sink: Sink) -> None:
        """Before it is written."""
        self.frames += piece.shape[1]
        if not piece.size:
            return
        level = np.abs(piece)
        self.peak = max(self.peak, float(level.max()))
        if isinstance(sink, AudioSink) and sink.clips and self.peak > 1.0:
            self.clipped += int(np.count_nonzero(level > 1.0))
