# SPDX-License-Identifier: MIT
"""What a render gives: the model's samples, where they belong in time, and all of them."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from fixtures import FIXTURES
from numpy.typing import NDArray

import nnbridge
from nnbridge.rendering.tail import Tail

ModelFile = Callable[[str], Path]
Signal = NDArray[np.float32]

RATE = 44100


def noise(channels: int, frames: int, seed: int = 0, level: float = 0.3) -> Signal:
    made = np.random.default_rng(seed).uniform(-level, level, (channels, frames))
    return made.astype(np.float32)


def write(path: Path, signal: Signal, rate: int = RATE) -> Path:
    soundfile.write(path, signal.T, rate, subtype="FLOAT")
    return path


def read(path: Path) -> Signal:
    return np.ascontiguousarray(soundfile.read(path, dtype="float32", always_2d=True)[0].T)


def eager(name: str, method: str, signal: Signal, block: int) -> Signal:
    """The model as PyTorch runs it, block after block."""
    module = FIXTURES[name].make()
    frames = -(-signal.shape[1] // block) * block
    padded = torch.from_numpy(np.pad(signal, [(0, 0), (0, frames - signal.shape[1])]))
    out = []
    with torch.inference_mode():
        for begin in range(0, frames, block):
            value = padded[None, :, begin : begin + block].clone()
            for part in method.split("+"):
                value = getattr(module, part)(value)
            out.append(value[0].numpy().copy())
    return np.concatenate(out, axis=1)[:, : signal.shape[1]]


@pytest.mark.parametrize(
    ("name", "method", "block"),
    [
        ("gain", "forward", 512),
        ("cached_conv", "forward", 512),
        ("state_in_dict", "forward", 512),
        ("one_ms", "forward", 512),
        ("rave_v2", "forward", 2048),
        ("rave_v2", "encode+decode", 2048),
        ("rave_v2_stereo", "forward", 2048),
    ],
)
def test_a_render_is_bit_for_bit_what_pytorch_gives(
    name: str, method: str, block: int, model_file: ModelFile, tmp_path: Path
) -> None:
    signal = noise(FIXTURES[name].contract["methods"]["forward"][0], 50001)
    source = write(tmp_path / "in.wav", signal)
    nnbridge.render(model_file(name), source, tmp_path / "out.wav", method, tail=0)
    assert np.array_equal(read(tmp_path / "out.wav"), eager(name, method, signal, block))


def test_the_block_asked_for_is_the_block_that_runs(model_file: ModelFile) -> None:
    signal = noise(1, 9000)
    made = nnbridge.render(model_file("one_ms"), signal, block=1000, tail=0, sample_rate=RATE)
    assert np.array_equal(made.values, eager("one_ms", "forward", signal, 1000))
    assert made.stats.blocks >= 9


@pytest.mark.parametrize("samples", [37, 1000])
def test_a_declared_delay_is_taken_out_to_the_sample(samples: int, model_file: ModelFile) -> None:
    signal = noise(1, 20000)
    made = nnbridge.render(model_file(f"delay_{samples}"), signal, sample_rate=RATE)
    assert np.array_equal(made.values, signal)
    assert made.latency.model == samples
    assert made.latency.model_declared


def test_an_undeclared_delay_is_kept_and_its_end_is_the_tail(model_file: ModelFile) -> None:
    signal = noise(1, 20000)
    made = nnbridge.render(model_file("delay_line"), signal, sample_rate=RATE)
    assert made.tail == 1000
    assert np.array_equal(made.values, np.pad(signal, [(0, 0), (1000, 0)]))


def test_a_delay_that_the_user_knows_is_taken_out_too(model_file: ModelFile) -> None:
    signal = noise(1, 20000)
    made = nnbridge.render(model_file("delay_line"), signal, model_delay=1000, sample_rate=RATE)
    assert np.array_equal(made.values, signal)


@pytest.mark.parametrize("rate", [22050, 44100, 96000])
def test_at_another_rate_than_the_models_nothing_moves(rate: int, model_file: ModelFile) -> None:
    time = np.arange(rate) / rate
    signal = np.sin(2 * np.pi * 997 * time)[np.newaxis].astype(np.float32)
    made = nnbridge.render(model_file("identity_48000"), signal, sample_rate=rate, tail=0)
    inner = slice(rate // 10, -rate // 10)
    assert np.abs(made.values - signal)[:, inner].max() < 2e-4


@pytest.mark.parametrize("rate", [48000, 22050, 44100])
def test_a_file_is_converted_to_the_sample_rate_asked_for(
    rate: int, model_file: ModelFile, tmp_path: Path
) -> None:
    seconds = np.arange(RATE) / RATE
    source = write(tmp_path / "in.wav", np.sin(2 * np.pi * 997 * seconds)[np.newaxis])
    made = nnbridge.render(
        model_file("identity"), source, tmp_path / "out.wav", sample_rate=rate, tail=0
    )
    assert soundfile.info(tmp_path / "out.wav").samplerate == rate == made.sample_rate
    expected = np.sin(2 * np.pi * 997 * np.arange(rate) / rate)
    inner = slice(rate // 10, -rate // 10)
    assert np.abs(read(tmp_path / "out.wav")[0] - expected)[inner].max() < 1e-5


def test_conversion_rejects_what_would_alias(model_file: ModelFile, tmp_path: Path) -> None:
    time = np.arange(48000) / 48000
    source = write(tmp_path / "in.wav", np.sin(2 * np.pi * 15000 * time)[np.newaxis], 48000)
    made = nnbridge.render(model_file("identity"), source, sample_rate=22050, tail=0)
    assert made.values is not None
    assert np.abs(made.values)[:, 2000:-2000].max() < 1e-5


def test_a_mono_file_feeds_every_input(model_file: ModelFile, tmp_path: Path) -> None:
    signal = noise(1, 5000)
    source = write(tmp_path / "in.wav", signal)
    made = nnbridge.render(model_file("three_to_two"), source, tail=0)
    assert np.allclose(made.values, np.concatenate([1.5 * signal, 0.5 * signal]), atol=1e-7)


def test_a_stereo_file_through_a_mono_model_is_each_channel_alone(model_file: ModelFile) -> None:
    signal = noise(2, 20000)
    both = nnbridge.render(model_file("gru"), signal[:, ::64], sample_rate=RATE)
    left = nnbridge.render(model_file("gru"), signal[:1, ::64], sample_rate=RATE)
    right = nnbridge.render(model_file("gru"), signal[1:, ::64], sample_rate=RATE)
    assert np.array_equal(both.values, np.concatenate([left.values, right.values]))
    assert not np.array_equal(left.values, right.values)


def test_a_model_that_plays_one_item_at_a_time_still_renders_stereo(model_file: ModelFile) -> None:
    signal = noise(2, 4000)
    made = nnbridge.render(model_file("state_in_list"), signal, sample_rate=RATE, tail=0)
    delayed = [np.pad(signal, [(0, 0), (by, 0)])[:, :4000] for by in (100, 250)]
    assert np.array_equal(made.values, delayed[0] + delayed[1])


def test_settings_of_the_model_are_heard(model_file: ModelFile) -> None:
    model = nnbridge.load(model_file("gain"))
    model.set("gain", 0.25)
    signal = noise(1, 3000)
    assert np.array_equal(nnbridge.render(model, signal, tail=0).values, signal * 0.25)


def test_the_same_seed_gives_the_same_take(model_file: ModelFile) -> None:
    model, signal = nnbridge.load(model_file("noise")), noise(1, 3000)
    one, same, other = (
        nnbridge.render(model, signal, seed=seed, tail=0).values for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_wav_keeps_what_is_above_full_scale_and_flac_says_that_it_was_cut(
    model_file: ModelFile, tmp_path: Path
) -> None:
    model = nnbridge.load(model_file("gain"))
    model.set("gain", 4.0)
    source = write(tmp_path / "in.wav", noise(1, 3000))
    wav = nnbridge.render(model, source, tmp_path / "out.wav", tail=0)
    flac = nnbridge.render(model, source, tmp_path / "out.flac", tail=0)
    loud = read(source) * 4
    assert np.array_equal(read(tmp_path / "out.wav"), loud)
    assert wav.clipped == 0
    assert flac.clipped == np.count_nonzero(np.abs(loud) > 1) > 0
    assert flac.peak == pytest.approx(np.abs(loud).max())
    assert np.abs(read(tmp_path / "out.flac") - loud.clip(-1, 1)).max() < 1e-6


def test_a_tail_of_so_many_seconds_is_exactly_as_long(model_file: ModelFile) -> None:
    signal = noise(1, 3000)
    made = nnbridge.render(model_file("delay_line"), signal, sample_rate=1000, tail=2.5)
    assert made.tail == 2500
    assert np.array_equal(made.values, np.pad(signal, [(0, 0), (1000, 1500)]))


def test_a_model_that_never_falls_silent_ends_with_its_input(model_file: ModelFile) -> None:
    made = nnbridge.render(model_file("state_in_int"), noise(1, 3000), sample_rate=1000)
    assert made.tail == 0
    assert made.frames == 3000


@pytest.mark.parametrize("pieces", [1, 7, 1000])
@pytest.mark.parametrize(
    ("loud", "expected"),
    [
        ([], 0),
        ([0, 50], 51),
        ([99], 100),
        ([100], 0),
        ([10, 109], 110),
        ([10, 111], 11),
        (list(range(0, 1000, 90)), 0),
    ],
)
def test_the_tail_ends_before_the_first_second_of_quiet(
    loud: list[int], expected: int, pieces: int
) -> None:
    tail = Tail("auto", 100)
    signal = np.full((2, 1000), 1e-4, dtype=np.float32)
    signal[1, loud] = -0.01
    for begin in range(0, 1000, pieces):
        if tail.length is None:
            tail.add(signal[:, begin : begin + pieces])
    assert tail.length == expected
    assert tail.pieces().shape[1] == expected


def test_a_render_is_what_a_live_stream_gives_without_its_latency(model_file: ModelFile) -> None:
    model, signal = nnbridge.load(model_file("gru")), noise(1, 30000)
    audio = np.repeat(signal[:, ::64], 64, axis=1)[:, :30000]
    stream = model.stream(sample_rate=48000)
    heard, begin = [], 0
    for frames in [1, 479, 4096, 64, 1023] * 6:
        heard.append(stream.process(audio[:, begin : begin + frames]))
        begin += frames
    live = np.concatenate(heard, axis=1)[:, stream.latency.total :: 64]
    made = nnbridge.render(model, signal[:, ::64], sample_rate=48000)
    assert np.array_equal(live[:, :400], made.values[:, :400])


def test_progress_goes_up_to_the_whole_input(model_file: ModelFile) -> None:
    told: list[tuple[int, int]] = []
    nnbridge.render(
        model_file("gain"), noise(1, 50000), progress=lambda done, all_: told.append((done, all_))
    )
    assert [done for done, _ in told] == [16384, 32768, 49152, 50000]
    assert {total for _, total in told} == {50000}


@pytest.mark.parametrize("options", [{}, {"sample_rate": 48000}])
def test_memory_does_not_grow_with_the_file(
    options: dict[str, Any], model_file: ModelFile, tmp_path: Path
) -> None:
    model = nnbridge.load(model_file("gain"))
    peaks = []
    for seconds in (5, 60):
        with soundfile.SoundFile(tmp_path / "in.wav", "w", RATE, 2) as file:
            for _ in range(seconds):
                file.write(noise(2, RATE).T)
        nnbridge.render(model, tmp_path / "in.wav", tmp_path / "out.wav", tail=0, **options)
        tracemalloc.start()
        nnbridge.render(model, tmp_path / "in.wav", tmp_path / "out.wav", tail=0, **options)
        nnbridge.render(model, tmp_path / "in.wav", tmp_path / "out.npy", tail=0, **options)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_a_render_reports_what_it_did(model_file: ModelFile, tmp_path: Path) -> None:
    source = write(tmp_path / "in.wav", noise(2, RATE))
    made = nnbridge.render(model_file("gain"), source, tmp_path / "out.wav")
    assert made.path == tmp_path / "out.wav"
    assert made.values is None
    assert (made.channels, made.frames, made.ratio, made.sample_rate) == (2, RATE, 1, RATE)
    assert made.latency.stream == 511
    assert made.stats.failed == 0
    assert made.stats.blocks == 2 * (made.stats.blocks // 2) >= 2 * RATE // 512
    assert made.realtime_factor > 1
