# SPDX-License-Identifier: MIT
"""Held-out recordings above their reconstructions, as spectrograms.

python models/rave/studies/spectrograms.py RUN DATASET
"""

from __future__ import annotations

import torch
from common import held_out, network, parser, reconstructed, save
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from nnbridge.audio.dataset import Dataset

SECONDS = 3.0
WINDOW = 1024
FLOOR = -90.0
"""dB below the loudest bin of the recording."""


def decibels(x: Tensor) -> Tensor:
    """[channels, samples] -> [bins, frames]."""
    window = torch.hann_window(WINDOW)
    spectrum = torch.stft(x.mean(0), WINDOW, WINDOW // 2, window=window, return_complex=True)
    return 20.0 * torch.log10(spectrum.abs() + 1e-6)


def draw(axis: Axes, shown: Tensor, top: float, seconds: float, rate: int) -> None:
    """One spectrogram, up to 16 kHz."""
    extent = (0.0, seconds, 0.0, rate / 2000)
    axis.imshow(shown, origin="lower", aspect="auto", extent=extent, vmin=top + FLOOR, vmax=top,
                cmap="magma")  # fmt: skip
    axis.set_ylim(0, min(16, rate / 2000))
    axis.tick_params(labelsize=6)


def main() -> None:
    """See the top."""
    arguments = parser(__doc__ or "")
    arguments.set_defaults(items=3)
    args = arguments.parse_args()
    rave = network(args.network, args.checkpoint)
    dataset = Dataset(args.dataset)
    items = held_out(dataset, args.items, rave.ratio)
    figure = Figure((3.6 * len(items), 4))
    axes = figure.subplots(2, len(items), squeeze=False)
    for column, x in enumerate(items):
        y = reconstructed(rave, x)
        frames = min(x.shape[-1], int(SECONDS * dataset.sample_rate))
        seconds = frames / dataset.sample_rate
        top = float(decibels(x[:, :frames]).max())
        for row, sound in enumerate((x, y)):
            draw(axes[row][column], decibels(sound[:, :frames]), top, seconds, dataset.sample_rate)
    axes[0][0].set_ylabel("recording, kHz", fontsize=7)
    axes[1][0].set_ylabel("reconstruction, kHz", fontsize=7)
    figure.tight_layout()
    save(figure, args.out, "spectrograms.webp")


if __name__ == "__main__":
    main()
