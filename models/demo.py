# SPDX-License-Identifier: MIT
"""Plays a recording through the models that come with nnbridge: ``make demo``.

Everything lands in out/: the model files, WAVs, descriptors and one picture.
"""

import argparse
import itertools
import os
import time
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import soundfile
import torch
from descriptors.descriptors import Descriptors
from effects.effects import Effects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from prior import demo as priors
from rave import demo as raves

import nnbridge

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "out"
LOOP = ROOT / "models" / "loop" / "tabla.flac"

TAKES: list[tuple[str, dict[str, Any]]] = [
    ("drive", {"gain": 24.0}),
    ("echo", {"time": 180.0, "taps": 4, "decay": 0.7}),
    ("crush", {"bits": 6, "hold": 8}),
    ("convolve", {"mix": 0.5}),
]
SHOWN = 5.0
"""Seconds in the picture."""

INK, BEFORE, AFTER, MARK = "#222222", "#777777", "#1f5fa8", "#c0392b"


def main() -> None:
    """Export, render, draw, and say what to try next."""
    torch.set_num_threads(1)
    OUT.mkdir(exist_ok=True)
    start = time.perf_counter()
    effects, descriptors = OUT / "effects.ts", OUT / "descriptors.ts"
    Effects().export_to_ts(effects)
    Descriptors().export_to_ts(descriptors)
    room, room_rate = make_room()
    soundfile.write(OUT / "room.wav", room, room_rate, subtype="FLOAT")

    dry, rate = soundfile.read(LOOP, dtype="float32")
    print(f"{LOOP.relative_to(ROOT)}: {len(dry) / rate:.1f} s at {rate} Hz, through")
    takes: list[tuple[str, NDArray[np.float32]]] = []
    for method, settings in TAKES:
        model = nnbridge.load(effects)
        for name, value in settings.items():
            model.set(name, value)
        if method == "convolve":
            model.set("response", (room, room_rate))
        path = OUT / f"tabla-{method}.wav"
        made = nnbridge.render(model, LOOP, path, method)
        takes.append((_title(method, settings), soundfile.read(path, dtype="float32")[0]))
        print(
            f"  {method:<10} out/{path.name:<20} {made.realtime_factor:4.0f} x real time, "
            f"latency of {made.latency.total} frames taken out, tail {made.tail / rate:.2f} s"
        )
    played = itertools.chain(raves.play(LOOP, OUT, arguments().voice), priors.play(LOOP, OUT))
    for title, path, remark in played:
        sound = soundfile.read(path, dtype="float32", always_2d=True)[0].mean(1)
        takes.append((title, sound))
        print(f"  {title:<35} out/{path.name:<22} {remark}")
    features = nnbridge.render(descriptors, LOOP, OUT / "tabla-features.npz", "features")
    print(
        f"  features   out/tabla-features.npz  {features.realtime_factor:4.0f} x real time, "
        f"{features.frames} values of each: {', '.join(features.labels)}"
    )
    with np.load(OUT / "tabla-features.npz") as archive:
        values = archive["latents"]
    picture = OUT / "demo.png"
    draw(picture, dry, rate, takes, values, features.ratio, *play_live(effects, dry, rate))
    print(f"  picture    out/{picture.name}")
    print(f"in {time.perf_counter() - start:.1f} s.\n\nTry next:")
    print(_next())


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voice", type=Path, help="a recording of speech to play through drums")
    return parser.parse_args()


def _title(method: str, settings: dict[str, Any]) -> str:
    return f"{method}   " + "  ".join(f"{name} {value:g}" for name, value in settings.items())


def _next() -> str:
    command = "nnbridge"
    if not any((Path(folder) / command).exists() for folder in os.get_exec_path()):
        command = ".venv/bin/nnbridge"
    loop = LOOP.relative_to(ROOT)
    return f"""  {command} info out/effects.ts
  {command} render out/effects.ts {loop} out/mine.wav -m echo --set time=90 --set taps=4
  {command} render out/effects.ts {loop} out/hall.wav -m convolve --set response=out/room.wav
  {command} check out/descriptors.ts
  {command} bench out/effects.ts"""


def make_room() -> tuple[NDArray[np.float32], int]:
    """An impulse response out of nothing: noise that fades by 60 dB in 0.8 s."""
    rate = 44100
    seconds = np.arange(int(0.8 * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(len(seconds))
    return (noise * 10.0 ** (-3.0 * seconds / 0.8)).astype(np.float32), rate


def play_live(
    path: Path, dry: NDArray[np.float32], rate: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """A hit through a stream, block by block as in a host: what it hears, and what it is told."""
    model = nnbridge.load(path)
    model.set("gain", 6.0)
    stream = model.stream("drive", sample_rate=rate, host_block=64)
    hit = int(np.argmax(np.abs(dry)))
    begin = max(0, hit - rate // 50) // 64 * 64
    wet = stream.process(dry[: begin + 64 * 64])[0]
    return dry[begin : begin + 64 * 64], wet[begin:], stream.latency.total


def draw(
    path: Path,
    dry: NDArray[np.float32],
    rate: int,
    takes: list[tuple[str, NDArray[np.float32]]],
    features: NDArray[np.float32],
    ratio: int,
    hit: NDArray[np.float32],
    live: NDArray[np.float32],
    latency: int,
) -> None:
    """Waveforms and spectrograms, before and after; the latency of a live stream below."""
    matplotlib.rcParams.update({"font.size": 9, "axes.edgecolor": INK, "axes.linewidth": 0.6})
    rows = [("before   tabla.flac", dry), *takes]
    figure = Figure(figsize=(13, 2.0 * len(rows) + 4.2), layout="constrained")
    heights = [1.0] * len(rows) + [1.7]
    axes = figure.subplots(len(rows) + 1, 2, gridspec_kw={"height_ratios": heights})
    for index, (title, sound) in enumerate(rows):
        _waveform(axes[index, 0], title, sound, rate, BEFORE if index == 0 else AFTER)
        _spectrogram(axes[index, 1], title, sound, rate)
    for axis in axes[: len(rows) - 1].flat:
        axis.tick_params(labelbottom=False)
    for axis in axes[len(rows) - 1]:
        axis.set_xlabel("time (s)")
    _latency(axes[-1, 0], hit, live, rate, latency)
    _features(axes[-1, 1], features, rate / ratio)
    figure.savefig(path, dpi=110)


def _waveform(axis: Axes, title: str, sound: NDArray[np.float32], rate: int, colour: str) -> None:
    sound = sound[: int(SHOWN * rate)]
    axis.plot(np.arange(len(sound)) / rate, sound, color=colour, linewidth=0.4)
    axis.set(xlim=(0, SHOWN), ylim=(-1, 1), ylabel="amplitude")
    axis.set_title(title, loc="left")


def _spectrogram(axis: Axes, title: str, sound: NDArray[np.float32], rate: int) -> None:
    sound = sound[: int(SHOWN * rate)]
    window, hop = 1024, 256
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop] * np.hanning(window)
    level = 20 * np.log10(np.abs(np.fft.rfft(frames)) / (window / 4) + 1e-6)
    image = axis.imshow(
        level.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-100,
        vmax=-10,
        extent=(0, len(frames) * hop / rate, 0, rate / 2000),
    )
    axis.set(xlim=(0, SHOWN), ylim=(0, 16), ylabel="kHz")
    axis.set_title(title, loc="left")
    axis.figure.colorbar(image, ax=axis, label="dB", pad=0.01, aspect=12)


def _latency(
    axis: Axes, dry: NDArray[np.float32], wet: NDArray[np.float32], rate: int, latency: int
) -> None:
    milliseconds = np.arange(len(dry)) * 1000 / rate
    delay = latency * 1000 / rate
    onset = float(milliseconds[int(np.argmax(np.abs(dry) > 0.5 * np.abs(dry).max()))])
    axis.plot(milliseconds, dry, color=BEFORE, linewidth=1.0, label="in")
    axis.plot(milliseconds, wet, color=AFTER, linewidth=1.0, label="out, live (drive)")
    for place in (onset, onset + delay):
        axis.axvline(place, color=MARK, linewidth=0.8, linestyle="--")
    axis.annotate(
        "",
        (onset + delay, 0.7),
        (onset, 0.7),
        arrowprops={"arrowstyle": "<->", "color": MARK, "shrinkA": 0, "shrinkB": 0},
    )
    axis.text(
        onset + delay + 1,
        0.7,
        f"latency {latency} frames = {delay:.1f} ms",
        color=MARK,
        va="center",
    )
    axis.set(xlim=(0, 60), ylim=(-0.6, 0.8), xlabel="time (ms)", ylabel="amplitude")
    axis.set_title("one hit, live in blocks of 64: what `render` takes out", loc="left")
    axis.legend(loc="lower right", frameon=False)


def _features(axis: Axes, values: NDArray[np.float32], per_second: float) -> None:
    count = int(SHOWN * per_second)
    seconds = np.arange(count) / per_second
    axis.step(seconds, values[0, :count], where="post", color=AFTER, linewidth=1.0)
    axis.set(xlim=(0, SHOWN), ylim=(-90, 0), xlabel="time (s)")
    axis.set_ylabel("loudness (dB)", color=AFTER)
    other = axis.twinx()
    other.step(seconds, values[1, :count] / 1000, where="post", color=MARK, linewidth=1.0)
    other.set_ylim(0, 8)
    other.set_ylabel("centroid (kHz)", color=MARK)
    axis.set_title("descriptors of tabla.flac, at 1/512 of the audio rate", loc="left")


if __name__ == "__main__":
    main()
