# SPDX-License-Identifier: MIT
"""How far held-out reconstructions are from the recordings, beside what needs no learning.

    python models/rave/studies/reconstruction.py RUN DATASET [--stages]

Prints equation 5.4 for the network, the network before training, and three baselines: silence;
noise with the band envelopes of the input; the nearest frames of the training set. With --stages
also how blurred the ends of stage one and stage two are.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from common import (
    distances,
    held_out,
    network,
    parser,
    reconstructed,
    spread,
    table,
    untrained,
)
from torch import Tensor

from nnbridge.audio.dataset import Dataset
from nnbridge.rave.losses import evaluation_distance
from nnbridge.rave.network import RAVE

FRAME = 2048
TRAINING_FRAMES = 60_000  # of the nearest-frame baseline: about 23 minutes


def shaped_noise(rave: RAVE, x: Tensor) -> Tensor:
    """Noise whose level follows the input's, per band and every 1024 samples."""
    torch.manual_seed(0)
    with torch.no_grad():
        bands = rave.analysis(x[None])
        noise = rave.analysis(torch.randn_like(x[None]))
        step = 1024 // rave.recipe.network.bands

        def level(s: Tensor) -> Tensor:
            power = F.avg_pool1d(s.square(), 2 * step, step, step // 2, count_include_pad=False)
            return F.interpolate(power, s.shape[-1], mode="linear").sqrt()

        y: Tensor = rave.synthesis(noise / (level(noise) + 1e-9) * level(bands))[0]
    return y


class NearestFrames:
    """Rebuilds a recording from the training set's frames: each the nearest in its spectrum.

    Frames of 2048 samples every 1024, compared by log(1 + amplitude), joined by Hann windows.
    """

    def __init__(self, dataset: Dataset) -> None:
        split = dataset.split("train")
        frames: list[Tensor] = []
        every = max(1, int(split.frames / (FRAME // 2) / TRAINING_FRAMES) + 1)
        for index in range(len(split.files)):
            x = torch.from_numpy(split.file(index)).mean(0)
            if len(x) >= FRAME:
                frames.append(x.unfold(0, FRAME, FRAME // 2 * every).half())
        self.frames = torch.cat(frames)
        self.window = torch.hann_window(FRAME)
        self.features = torch.cat([self._feature(part) for part in self.frames.split(4096)])
        self.norms = self.features.float().square().sum(1)

    def _feature(self, frames: Tensor) -> Tensor:
        return torch.log1p(torch.fft.rfft(frames.float() * self.window).abs()).half()

    def __call__(self, x: Tensor) -> Tensor:
        """[channels, samples] -> the same, every channel from the mean of all."""
        padded = F.pad(x.mean(0), (FRAME // 2, FRAME))
        wanted = self._feature(padded.unfold(0, FRAME, FRAME // 2)).float()
        best = torch.full((len(wanted),), torch.inf)
        found = torch.zeros(len(wanted), dtype=torch.long)
        for begin in range(0, len(self.features), 8192):
            part = self.features[begin : begin + 8192].float()
            squared = self.norms[begin : begin + 8192] - 2.0 * wanted @ part.T
            value, index = squared.min(1)
            better = value < best
            best = torch.where(better, value, best)
            found = torch.where(better, index + begin, found)
        y = torch.zeros(len(padded) + FRAME)
        for place, index in enumerate(found.tolist()):
            at = place * FRAME // 2
            y[at : at + FRAME] += self.frames[index].float() * self.window
        return y[FRAME // 2 : FRAME // 2 + x.shape[-1]].expand(x.shape)


def high_band_error(x: Tensor, y: Tensor, rate: int) -> Tensor:
    """How far the level above 5 kHz is off, in dB, mean over the frames with something there."""
    levels = []
    window = torch.hann_window(FRAME)
    first = int(5000 / rate * FRAME)
    for signal in (x, y):
        spectrum = torch.stft(signal, FRAME, FRAME // 4, window=window, return_complex=True)
        levels.append(spectrum[:, first:].abs().square().sum(1))
    heard = levels[0] > 1e-6 * levels[0].max() + 1e-9
    ratio = (levels[1][heard] + 1e-9) / levels[0][heard]
    return (10.0 * torch.log10(ratio)).abs().mean()


def roughness(x: Tensor) -> Tensor:
    """Variance over frequency of the log spectrum's deviation from its local mean, in dB^2.

    A blurred spectrum is smooth: its bins do not stand out from their neighbours.
    """
    window = torch.hann_window(FRAME)
    spectrum = torch.stft(x, FRAME, FRAME // 4, window=window, return_complex=True).abs()
    decibels = 20.0 * torch.log10(spectrum + 1e-3).transpose(1, 2)
    local = F.avg_pool1d(decibels, 31, 1, 15, count_include_pad=False)
    return (decibels - local).square().mean()


def main() -> None:
    """See the top."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--stages", action="store_true", help="compare the two stages' ends")
    args = arguments.parse_args()
    rave = network(args.network, args.checkpoint)
    dataset = Dataset(args.dataset)
    items = held_out(dataset, args.items, rave.ratio)
    nearest = NearestFrames(dataset)

    def far(make: Callable[[Tensor], Tensor]) -> Tensor:
        return torch.stack([evaluation_distance(x, make(x)) for x in items])

    rows = [
        ("trained", distances(rave, items)),
        ("untrained", distances(untrained(rave), items)),
        ("silence", far(torch.zeros_like)),
        (
            "shaped noise",
            torch.stack([evaluation_distance(x, shaped_noise(rave, x)) for x in items]),
        ),
        ("nearest frames", far(nearest)),
    ]
    trained = rows[0][1].mean()
    print(f"{len(items)} held-out recordings, equation 5.4 (per bin and frame):\n")
    table(
        ("", "distance", "trained is lower by"),
        [(name, spread(values), f"{values.mean() / trained:.2f}") for name, values in rows],
    )
    others = {name: float(values.mean()) for name, values in rows[1:]}
    first = others.pop("untrained")
    best = min(others, key=others.__getitem__)
    print(
        f"\nGoals: a third of the untrained network's, {_verdict(trained <= first / 3)}; below the "
        f"best baseline ({best}), {_verdict(trained < others[best])}."
    )
    if args.stages:
        stages(args.network, items, dataset.sample_rate)


def _verdict(reached: bool | Tensor) -> str:
    return "reached" if reached else "**not reached**"


def stages(source: str, items: list[Tensor], rate: int) -> None:
    """How blurred the results of the two stages are."""
    print("\nBlur, independent of the discriminator:\n")
    original = torch.stack([roughness(x) for x in items])
    rows = [("recording", "", "", f"{original.mean():.1f}")]
    for stage in ("stage-one", "newest"):
        rave = network(source, stage)
        made = [reconstructed(rave, x) for x in items]
        errors = [high_band_error(x, y, rate) for x, y in zip(items, made, strict=True)]
        high = torch.stack(errors)
        rough = torch.stack([roughness(y) for y in made])
        rows.append((stage, spread(distances(rave, items)), spread(high), f"{rough.mean():.1f}"))
    table(("", "equation 5.4", "error above 5 kHz, dB", "roughness, dB²"), rows)


if __name__ == "__main__":
    main()
