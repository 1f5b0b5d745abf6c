# SPDX-License-Identifier: MIT
"""The band split: flat, checked against scipy, and in step with its signs at every delay."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize, signal
from streaming_helpers import error, noise, offline
from torch import Tensor, nn

from nnbridge import streaming
from nnbridge.streaming import pqmf


@pytest.mark.parametrize(("bands", "taps"), [(4, 95), (8, 189), (16, 377)])
def test_the_prototype_is_the_one_that_scipy_designs(bands: int, taps: int) -> None:
    """Independent computation: scipy's Kaiser design and its simplex search."""

    def design(cutoff: float) -> np.ndarray:
        count, beta = signal.kaiserord(100.0, cutoff / np.pi)
        count += 1 - count % 2
        return signal.firwin(count, cutoff / np.pi, window=("kaiser", beta))

    def cost(cutoff: np.ndarray) -> float:
        h = design(float(np.squeeze(cutoff)))
        return float(np.abs(signal.correlate(h, h)[len(h) - 1 :: 2 * bands][1:]).max())

    start = 1.09 * np.pi / (2 * bands)
    h = design(float(optimize.fmin(cost, start, disp=False, xtol=1e-9, ftol=1e-14)[0]))
    ours = pqmf.prototype(bands, 100.0)
    assert len(ours) == len(h) == taps
    assert pqmf.flatness(ours, bands) <= cost(np.array([start])) + 1e-12
    assert np.abs(ours - h).max() < 2e-4 * np.abs(h).max()


def test_the_prototype_stops_what_it_should() -> None:
    h = pqmf.prototype(16, 100.0)
    frequency, response = signal.freqz(h, worN=1 << 15)
    level = 20 * np.log10(np.abs(response) + 1e-12)
    half_power = frequency[np.argmin(np.abs(level + 3.0103))]
    assert half_power == pytest.approx(np.pi / 32, rel=1e-3)
    assert level[frequency > 0.07 * np.pi].max() < -98.0


def test_analysis_is_filtering_decimation_and_alternating_signs() -> None:
    """Golden values from scipy, band by band."""
    bank = streaming.PQMF(8).double()
    x = noise(1, 1024, torch.float64, batch=1)
    y = bank.analysis(x)[0].numpy()
    h = pqmf.prototype(8, 100.0)
    n = np.arange(len(h)) - len(h) // 2
    for k in range(8):
        taps = 2 * h * np.cos((2 * k + 1) * np.pi / 16 * n + (-1) ** k * np.pi / 4)
        band = signal.correlate(x[0, 0].numpy(), taps, mode="same")[::8]
        if k % 2:
            band = band * np.where(np.arange(len(band)) % 2, 1.0, -1.0)
        assert np.abs(band - y[k]).max() < 1e-6  # the filters are stored in float32


@pytest.mark.parametrize("bands", [2, 4, 8, 16, 32])
def test_reconstruction_is_near_perfect_and_offline_without_delay(bands: int) -> None:
    bank = streaming.PQMF(bands).double()
    x = noise(1, 16384, torch.float64, batch=1)
    rest = (bank(x) - x)[..., 1024:-1024]
    assert 10 * torch.log10(x.pow(2).mean() / rest.pow(2).mean()) > 60.0


def test_odd_bands_have_their_spectrum_the_right_way_round() -> None:
    """A tone that rises in audio rises within its band, in odd bands as in even ones."""
    bank = streaming.PQMF(8).double()
    t = torch.arange(8192, dtype=torch.float64)
    for band in range(8):
        peaks = []
        for place in (0.3, 0.7):
            tone = torch.cos((band + place) / 8 * torch.pi * t)[None, None]
            peaks.append(int(torch.fft.rfft(bank.analysis(tone)[0, band]).abs().argmax()))
        assert peaks[0] < peaks[1], band


class Between(nn.Module):
    """A band split with a network that looks `future` frames ahead between its halves."""

    def __init__(self, future: int) -> None:
        super().__init__()
        self.bank = streaming.PQMF(4)
        self.middle = nn.Conv1d(4, 4, future + 1, groups=4, bias=False)
        self.future = future
        with torch.no_grad():
            self.middle.weight.zero_()
            self.middle.weight[..., 0] = 1.0  # offline it changes nothing; streamed it must wait

    def forward(self, x: Tensor) -> Tensor:
        bands = nn.functional.pad(self.bank.analysis(x), (0, self.future))
        return self.bank.synthesis(self.middle(bands))


@pytest.mark.parametrize("future", range(9))
def test_signs_keep_their_parity_at_every_total_delay(future: int) -> None:
    network = Between(future).double().eval()
    stream = streaming.convert(network)
    x = noise(1, 4 * 300, torch.float64, batch=1)
    for blocks in ([4], [4 * 5], [4, 12, 8, 4]):  # odd numbers of frames per block, too
        assert error(stream, network, x, blocks) < 1e-10
    rest = (stream.render(x) - x)[..., 200:-200]  # and it still is the identity
    assert rest.pow(2).mean() < 1e-6 * x.pow(2).mean()


class Strided(nn.Module):
    """A band split, then strides: streamed frames must lie where the offline frames lay."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = streaming.PQMF(16)
        self.net = nn.Sequential(
            nn.Conv1d(16, 8, 9, 4, 4), nn.LeakyReLU(0.2), nn.Conv1d(8, 8, 7, 3, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(self.bank.analysis(x))


def test_frames_behind_the_band_split_lie_on_the_offline_grid() -> None:
    network = Strided().double().eval()
    stream = streaming.convert(network)
    assert stream.ratio == 192
    assert error(stream, network, noise(1, 192 * 20, torch.float64), [192, 576]) < 1e-10


def test_channels_are_split_each_by_itself() -> None:
    stereo, mono = streaming.PQMF(4, channels=2).double(), streaming.PQMF(4).double()
    x = noise(2, 400, torch.float64)
    y = stereo.analysis(x)
    torch.testing.assert_close(y[:, :4], mono.analysis(x[:, :1]))
    torch.testing.assert_close(y[:, 4:], mono.analysis(x[:, 1:]))
    network = stereo.eval()
    stream = streaming.convert(network)
    torch.testing.assert_close(stream.render(x, 12), offline(network, x), atol=1e-12, rtol=0)


def test_an_odd_number_of_bands_is_refused() -> None:
    with pytest.raises(ValueError, match="even number of bands"):
        streaming.PQMF(5)
