# SPDX-License-Identifier: MIT
"""``nnbridge render``: a file through a model."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import terminal
from .terminal import Device, Json, ModelFile, Quiet, Settings

if TYPE_CHECKING:
    from nnbridge.rendering import Rendering


def command(
    model: ModelFile,
    input: Annotated[Path, typer.Argument(metavar="IN", help="Audio, or latents (.npz, .npy).")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help=".wav, .flac …, .npz or .npy.")],
    method: Annotated[
        str, typer.Option("--method", "-m", help="Or a chain: encode+decode.")
    ] = "forward",
    settings: Settings = None,
    sample_rate: Annotated[
        int | None, typer.Option(metavar="HZ", help="Of OUT; default: that of IN.")
    ] = None,
    tail: Annotated[
        str,
        typer.Option(
            metavar="SECONDS",
            help="To go on after IN ends; auto: until the output has stayed below -80 dB for a "
            "second, and none if that takes more than 10 s.",
        ),
    ] = "auto",
    block: Annotated[
        int | None, typer.Option(metavar="SAMPLES", help="That one inference takes; default 512.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the model's random draws.")] = None,
    resample: Annotated[
        bool,
        typer.Option("--resample/--no-resample", help="Convert to the model's own rate and back."),
    ] = True,
    model_delay: Annotated[
        int | None,
        typer.Option(
            metavar="SAMPLES", help="To take out, for a file that declares none; see check."
        ),
    ] = None,
    device: Device = "cpu",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Render a file through a model.

    As it sounds live, but without the latency. A stereo file through a mono model gives stereo:
    each channel has a model state of its own. Values below the audio rate (encode) go to .npz
    files, and come back from them (decode).

    \b
    Examples:
      nnbridge render effects.ts loop.wav out.wav --method echo --set time=180 --set taps=4
      nnbridge render effects.ts loop.wav out.wav -m convolve --set response=church.wav
      nnbridge render rave.ts voice.flac out.flac --method encode+decode
      nnbridge render rave.ts voice.flac latents.npz --method encode
      nnbridge render rave.ts latents.npz out.wav --method decode
    """  # noqa: D301 -- \b keeps the lines of the examples
    from nnbridge.host import Error
    from nnbridge.rendering import render

    length: float | Literal["auto"] = "auto"
    if tail != "auto":
        try:
            length = float(tail)
        except ValueError:
            raise terminal.StopError(
                f"--tail takes a number of seconds or auto, not '{tail}'.", 2
            ) from None
    with terminal.plainly():
        opened = terminal.open_model(model, device, settings)
        if method == "forward" and "forward" not in opened.methods:
            names = ", ".join(opened.methods)
            raise Error(f"The model has no method 'forward'; choose one with --method: {names}.")
        with terminal.Bar(method, _rate_of(input), quiet or json) as bar:
            made = render(
                opened,
                input,
                output,
                method,
                sample_rate=sample_rate,
                tail=length,
                block=block,
                seed=seed,
                resample=resample,
                model_delay=model_delay,
                progress=bar,
            )
    if made.clipped:
        terminal.complain(
            f"{made.clipped} samples above full scale were cut (peak {_decibels(made.peak)}): "
            "write a .wav file, which keeps them, or lower the input."
        )
    if json:
        terminal.print_json(_machine(made))
    elif not quiet:
        print(_sentence(made))  # noqa: T201


def _rate_of(path: Path) -> int | None:
    import soundfile

    try:
        return int(soundfile.info(path).samplerate)
    except (soundfile.SoundFileError, OSError):
        return None


def _machine(made: Rendering) -> dict[str, object]:
    fields = {name: value for name, value in asdict(made).items() if name != "values"}
    fields["latency"]["total"] = made.latency.total
    return fields


def _decibels(level: float) -> str:
    return f"{20 * math.log10(level):+.1f} dB" if level > 0 else "silence"


def _sentence(made: Rendering) -> str:
    channels = f"{made.channels} channel{'s' if made.channels > 1 else ''}"
    if made.ratio > 1:
        what = f"{made.frames} steps of {channels} at ratio {made.ratio}"
    else:
        seconds = made.frames / made.sample_rate
        tail = f" (tail {made.tail / made.sample_rate:.2f} s)" if made.tail else ""
        what = f"{seconds:.2f} s{tail} of {channels} at {made.sample_rate} Hz, peak "
        what += _decibels(made.peak)
    model = (
        f"{made.latency.model} of the model"
        if made.latency.model_declared
        else "the model's unknown"
    )
    return (
        f"{made.path}: {what}\n"
        f"latency taken out: {made.latency.stream} frames of the stream, {model}; "
        f"{made.realtime_factor:.1f} x real time"
    )
