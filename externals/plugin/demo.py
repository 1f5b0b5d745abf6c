# SPDX-License-Identifier: MIT
"""Plays a recorded loop through the VST3 plugin in pedalboard: ``make demo-plugin``.

Two settings of one model, each into out/plugin-<name>.wav, and out/plugin.png.
"""

import os
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pedalboard
import soundfile
from matplotlib.figure import Figure
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out"
LOOP = ROOT / "models" / "loop" / "tabla.flac"
sys.path.insert(0, str(ROOT / "models"))

TAKES: dict[str, dict[str, Any]] = {
    "drive": {"method": "drive", "gain_model_db": 30.0, "gain_db": -6.0},
    "echo": {"method": "echo", "time_ms": 180.0, "mix": 60.0, "block": "2048"},
}


def main(bundle: Path) -> None:
    """Export a model, play the loop through it twice, draw, and say where things are."""
    from effects.effects import Effects

    OUT.mkdir(exist_ok=True)
    model = OUT / "effects.ts"
    Effects().export_to_ts(model)
    os.environ["NNBRIDGE_MODEL"] = str(model)
    dry, rate = soundfile.read(LOOP, dtype="float32")
    stereo = np.stack([dry, dry])
    sounds: dict[str, NDArray[np.float32]] = {"dry": stereo}
    for name, settings in TAKES.items():
        plugin: Any = pedalboard.load_plugin(str(bundle))  # type: ignore[attr-defined]
        for parameter, value in settings.items():
            turn(plugin, parameter, value)
        wet = plugin(stereo, rate)
        print(f"{name}: {settings}, latency {plugin.reported_latency_samples} samples")
        soundfile.write(OUT / f"plugin-{name}.wav", wet.T, rate, subtype="FLOAT")
        sounds[name] = wet
    draw(sounds, rate)
    print(f"WAVs and a picture: {OUT}/plugin-*.wav, {OUT}/plugin.png")


def turn(plugin: Any, name: str, value: float | str) -> None:
    """Sets a parameter; a model's attribute shows its share of the range, 0 to 1."""
    ranges = {"gain_model_db": (0.0, 40.0), "time_ms": (1.0, 500.0)}
    if name in ranges and not isinstance(value, str):
        low, high = ranges[name]
        plugin.parameters[name].raw_value = (value - low) / (high - low)
    else:
        setattr(plugin, name, value)


def draw(sounds: dict[str, NDArray[np.float32]], rate: int) -> None:
    """One waveform below the other."""
    matplotlib.use("Agg")
    figure = Figure(figsize=(9, 2 * len(sounds)), layout="constrained")
    for row, (name, sound) in enumerate(sounds.items()):
        axes = figure.add_subplot(len(sounds), 1, row + 1)
        axes.plot(np.arange(sound.shape[1]) / rate, sound[0], linewidth=0.4)
        axes.set_title(name, loc="left", fontsize=9)
        axes.set_ylim(-1, 1)
        axes.margins(x=0)
    axes.set_xlabel("seconds")
    figure.savefig(OUT / "plugin.png", dpi=120)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
