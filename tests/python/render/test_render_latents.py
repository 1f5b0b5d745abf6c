# SPDX-License-Identifier: MIT
"""Values below the audio rate: written, read back, and in step with the audio."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import nnbridge
from nnbridge.contract import Module
from nnbridge.rendering.latents import Steps

ModelFile = Callable[[str], Path]
Signal = NDArray[np.float32]


def noise(channels: int, frames: int) -> Signal:
    made = np.random.default_rng(3).uniform(-0.3, 0.3, (channels, frames))
    return made.astype(np.float32)


class Late(Module):
    """A codec of frames of 480 samples; the encoder is 960 late, the decoder 37."""

    def __init__(self) -> None:
        super().__init__()
        self.latents = torch.zeros(1, 1, 2)
        self.line = torch.zeros(1, 1, 37)
        self.register_method("encode", 1, 1, 1, 480, delay=960)
        self.register_method("decode", 1, 480, 1, 1, delay=37)

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        both = torch.cat([self.latents.expand(x.shape[0], -1, -1), x[..., 479::480]], -1)
        self.latents = both[:1, :, -2:].clone()
        return both[..., :-2]

    @torch.jit.export
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        y = z.repeat_interleave(480, -1)
        both = torch.cat([self.line.expand(z.shape[0], -1, -1), y], -1)
        self.line = both[:1, :, -37:].clone()
        return both[..., :-37]


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("late") / "late.ts"
    Late().export_to_ts(path)
    return path


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000])
@pytest.mark.parametrize(("name", "channels"), [("rave_v2", 1), ("rave_v2", 2), ("ratio_480", 1)])
def test_decoding_a_file_of_latents_is_bit_for_bit_the_chain(
    name: str, channels: int, rate: int, suffix: str, model_file: ModelFile, tmp_path: Path
) -> None:
    model, signal = nnbridge.load(model_file(name)), noise(channels, 30011)
    chain = nnbridge.render(model, signal, None, "encode+decode", sample_rate=rate, tail=0)
    values = tmp_path / f"values{suffix}"
    nnbridge.render(model, signal, values, "encode", sample_rate=rate)
    options = {} if suffix == ".npz" else {"sample_rate": rate}
    decoded = nnbridge.render(model, values, None, "decode", tail=0, **options)
    assert decoded.sample_rate == rate
    assert decoded.values is not None
    if suffix == ".npz":
        assert decoded.frames == 30011
    assert np.array_equal(decoded.values[:, :30011], chain.values)


@pytest.mark.parametrize("rate", [48000, 44100])
def test_delays_of_encoder_and_decoder_are_taken_out_once(
    rate: int, late: Path, tmp_path: Path
) -> None:
    signal = noise(1, 48011)
    chain = nnbridge.render(late, signal, None, "encode+decode", sample_rate=rate, tail=0)
    made = nnbridge.render(late, signal, tmp_path / "z.npz", "encode", sample_rate=rate)
    decoded = nnbridge.render(late, tmp_path / "z.npz", None, "decode", tail=0)
    expected = np.repeat(np.pad(signal, [(0, 0), (0, 469)])[:, 479::480], 480, axis=1)
    assert np.array_equal(chain.values, expected[:, :48011])
    assert np.array_equal(decoded.values, chain.values)
    assert made.delay == 960
    assert decoded.latency.model == 997


def test_an_npz_file_says_all_that_is_needed_to_use_it(
    model_file: ModelFile, tmp_path: Path
) -> None:
    signal = noise(1, 9000)
    made = nnbridge.render(
        model_file("rave_v2"), signal, tmp_path / "z.npz", "encode", sample_rate=48000
    )
    with np.load(tmp_path / "z.npz", allow_pickle=False) as archive:
        held = {name: archive[name] for name in archive.files}
    assert held["latents"].shape == (4, 5) == (made.channels, made.frames)
    assert held["latents"].dtype == np.float32
    assert int(held["ratio"]) == 2048
    assert int(held["sample_rate"]) == 44100
    assert int(held["host_rate"]) == 48000
    assert int(held["frames"]) == 9000
    assert str(held["method"]) == "encode"
    assert held["labels"].tolist() == [f"(signal) Latent dimension {i}" for i in (1, 2, 3, 4)]


def test_each_step_is_read_where_it_begins(model_file: ModelFile) -> None:
    signal = noise(1, 480 * 20)
    made = nnbridge.render(model_file("ratio_480"), signal, None, "encode", sample_rate=48000)
    assert np.array_equal(made.values, signal[:, 479::480])
    assert made.ratio == 480


def test_a_last_step_that_is_not_full_counts(model_file: ModelFile) -> None:
    made = nnbridge.render(
        model_file("ratio_480"), noise(1, 481), None, "encode", sample_rate=48000
    )
    assert made.frames == 2


def test_an_array_of_steps_goes_straight_into_a_decoder(model_file: ModelFile) -> None:
    steps = noise(1, 30)
    made = nnbridge.render(model_file("ratio_480"), steps, None, "decode", tail=0)
    assert np.array_equal(made.values, np.repeat(steps, 480, axis=1))


def test_a_rendering_goes_straight_into_the_next(model_file: ModelFile) -> None:
    model, signal = nnbridge.load(model_file("rave_v2")), noise(1, 9000)
    encoded = nnbridge.render(model, signal, None, "encode", sample_rate=48000)
    decoded = nnbridge.render(model, encoded, None, "decode", tail=0)
    chain = nnbridge.render(model, signal, None, "encode+decode", sample_rate=48000, tail=0)
    assert np.array_equal(decoded.values, chain.values)


def test_latents_get_a_tail_only_when_asked(model_file: ModelFile) -> None:
    model, signal = nnbridge.load(model_file("ratio_480")), noise(1, 4800)
    plain = nnbridge.render(model, signal, None, "encode", sample_rate=48000)
    longer = nnbridge.render(model, signal, None, "encode", sample_rate=48000, tail=0.1)
    assert (plain.frames, longer.frames) == (10, 20)


@pytest.mark.parametrize("host", [22050, 44100, 48000, 7])
@pytest.mark.parametrize("ratio", [2, 480, 2048])
def test_steps_lie_where_the_engines_timeline_has_them(host: int, ratio: int) -> None:
    model = 44100 if host > 100 else 8
    steps = Steps(ratio, host, model)
    firsts = [-((-s * ratio * host) // model) for s in range(50)]
    assert [steps.first_frame(s) for s in range(50)] == firsts
    assert steps.first_frames(0, 50).tolist() == firsts
    for frame in range(firsts[40]):
        assert steps.begun_before(frame) == sum(first < frame for first in firsts)


def test_steps_faster_than_the_sample_rate_are_refused() -> None:
    with pytest.raises(nnbridge.Error, match="use a sample rate of at least 24000"):
        Steps(2, 22050, 48000)
