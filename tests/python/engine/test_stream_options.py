# SPDX-License-Identifier: MIT
"""What a stream refuses, swaps, and counts."""

import numpy as np
import pytest

import nnbridge

from .drive import run, run_patiently


@pytest.fixture
def gain(model_file):
    return nnbridge.load(model_file("gain"))


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("wobble", {}, "no method 'wobble'; it has: forward"),
        ("", {}, "no method ''; it has: forward"),
        (
            "forward",
            {"sample_rate": 0},
            "sample rate in Hz must be between 1000 and 1000000, not 0",
        ),
        ("forward", {"sample_rate": -44100}, "sample rate"),
        ("forward", {"sample_rate": 44100.5}, "'sample_rate' takes a whole number"),
        ("forward", {"sample_rate": "fast"}, "'sample_rate' takes a whole number"),
        ("forward", {"block": 0}, "model block in samples must be between 1"),
        ("forward", {"host_block": 0}, "host block in frames must be between 1"),
        ("forward", {"batch": 0}, "batch must be between 1"),
        ("forward", {"realtime": True, "deadline": 100_000}, "deadline in frames must be"),
        ("forward", {"realtime": True, "deadline": -1}, "deadline in frames must be between 0"),
        ("forward", {"late": "panic"}, "'silence' or 'dry', not 'panic'"),
        ("forward", {"seed": -1}, "seed must be between 0"),
        ("forward", {"colour": "red"}, "no option 'colour'; it has: sample_rate"),
        ("forward", {"block": 2**40}, "'block' can't be"),
    ],
)
def test_a_wrong_option_is_refused_in_a_sentence(gain, method, options, words):
    with pytest.raises(nnbridge.Error, match=words):
        gain.stream(method, **options)


def test_a_listed_method_that_is_not_there_is_refused(model_file):
    model = nnbridge.load(model_file("msprior"))
    with pytest.raises(nnbridge.Error, match="lists a method 'dummy_method' but does not contain"):
        model.stream("dummy_method")


def test_methods_that_don_t_fit_are_not_chained(model_file):
    model = nnbridge.load(model_file("rave_v2"))
    with pytest.raises(nnbridge.Error, match="'encode' gives 4 channels and 'forward' takes 1"):
        model.stream("encode+forward")


def test_dry_needs_audio_on_both_sides(model_file):
    model = nnbridge.load(model_file("rave_v2"))
    with pytest.raises(nnbridge.Error, match="'dry' needs a method that takes and gives audio"):
        model.stream("encode", late="dry")


@pytest.mark.parametrize("shape", [(2, 100), (0, 100), (1, 1, 100), ()])
def test_a_signal_of_another_shape_is_refused(gain, shape):
    with pytest.raises(nnbridge.Error, match=r"'forward' takes \[1, frames\], not"):
        gain.stream().process(np.zeros(shape, np.float32))


def test_any_floating_point_is_taken_and_float32_comes_out(gain):
    stream = gain.stream(host_block=512)
    for dtype in (np.float16, np.float32, np.float64):
        assert stream.process(np.ones(512, dtype)).dtype == np.float32
    with pytest.raises(nnbridge.Error, match=r"1\.0 as full scale, not int16"):
        stream.process(np.ones(512, np.int16))
    with pytest.raises(nnbridge.Error, match="real numbers"):
        stream.process(np.ones((1, 512), complex))


def test_no_frames_give_no_frames(gain):
    assert gain.stream().process(np.zeros((1, 0), np.float32)).shape == (1, 0)


@pytest.mark.parametrize("realtime", [False, True])
def test_a_swap_fades_to_the_other_model_without_a_click_and_in_time(model_file, gain, realtime):
    other = nnbridge.load(model_file("delay_37"))
    drive = run_patiently if realtime else run
    stream = gain.stream(realtime=realtime, host_block=64, deadline=512 if realtime else None)
    time = np.arange(44100, dtype=np.float32)
    sine = (0.5 * np.sin(2 * np.pi * 110 / 44100 * time))[None].astype(np.float32)
    before = drive(stream, sine[:, :8192], 64)
    assert stream.settled
    stream.swap(other)
    assert not stream.settled
    after = drive(stream, sine[:, 8192:24576], 64)
    assert stream.settled
    heard = np.concatenate([before, after], 1)[0]
    assert np.abs(np.diff(heard[1000:])).max() < 0.05  # a full-scale jump of the sine would be 1
    end = 24576 - 4096
    total = stream.latency.total
    np.testing.assert_array_equal(heard[end:24576], sine[0, end - total : 24576 - total])


def test_a_refused_swap_leaves_the_stream_as_it_was(model_file, gain):
    stream = gain.stream(host_block=64)
    with pytest.raises(nnbridge.Error, match="no method 'wobble'"):
        stream.swap(gain, "wobble")
    with pytest.raises(nnbridge.Error, match="A swap keeps the host's"):
        stream.swap(gain, sample_rate=96000)
    assert stream.method == "forward"
    assert stream.sample_rate == 44100
    sound = np.ones((1, 4096), np.float32)
    assert run(stream, sound, 64)[0, -1] == gain.get("gain")[0]


def test_stats_count_blocks_and_cost(gain):
    stream = gain.stream(block=512)
    run(stream, np.zeros((1, 5120), np.float32), 100)
    stats = stream.stats
    assert stats.blocks == 10
    assert stats.late == stats.failed == 0
    assert 0 < stats.mean_cost <= stats.worst_cost
    assert stats.load == pytest.approx(stats.mean_cost / (512 / 44100))


def test_python_goes_on_while_a_model_runs(model_file):
    import threading
    import time

    from fixtures.misbehaving import SLOW

    model = nnbridge.load(model_file("misbehaving"))
    model.set("after", 20)
    model.set("mode", SLOW)
    stream = model.stream(host_block=512)
    for _ in range(20):
        stream.process(np.zeros((1, 512), np.float32))
    busy = threading.Thread(target=stream.process, args=(np.zeros((1, 512), np.float32),))
    busy.start()
    ticks = 0
    while busy.is_alive():
        ticks += 1
        time.sleep(0.001)
    assert ticks > 20


def test_a_stream_made_for_calls_of_one_size_says_so_when_others_come(gain):
    stream = gain.stream(host_block=512)
    with pytest.raises(nnbridge.Error, match="made for calls of host_block=512 frames, not 100"):
        stream.process(np.zeros((1, 100), np.float32))
    assert stream.stats.blocks == 0


def test_two_threads_on_one_stream_take_turns(gain):
    import threading

    stream = gain.stream()
    block = np.zeros((1, 479), np.float32)

    def play():
        for _ in range(500):
            stream.process(block)

    threads = [threading.Thread(target=play) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        stream.reset()
    for thread in threads:
        thread.join()
    stream.reset()
    run(stream, np.ones((1, 4096), np.float32), 479)
    assert stream.stats.blocks == 8


def test_more_channels_than_a_stream_can_have_are_refused(model_file):
    model = nnbridge.load(model_file("three_to_two"))
    with pytest.raises(nnbridge.Error, match="at most 4096 channels"):
        model.stream(batch=2000)


def test_more_memory_than_is_sensible_is_refused(gain):
    with pytest.raises(nnbridge.Error, match="would need more than"):
        gain.stream(block=2**22, batch=60)


@pytest.mark.parametrize("block", [1, 2, 3, 5])
def test_blocks_shorter_than_a_host_frame_lose_nothing(model_file, block):
    model = nnbridge.load(model_file("identity_48000"))
    signal = np.random.default_rng(2).standard_normal((1, 3000)).astype(np.float32)
    whole = model.stream(sample_rate=8000, block=480)
    want = run(whole, signal, 479)[:, whole.latency.stream :]
    stream = model.stream(sample_rate=8000, block=block)
    got = run(stream, signal, 479)[:, stream.latency.stream :]
    frames = min(got.shape[1], want.shape[1])
    np.testing.assert_array_equal(got[:, :frames], want[:, :frames])
    assert stream.stats.late == 0


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda m: m.stream(5), "given by its name"),
        (lambda m: m.stream(realtime="no"), "'realtime' takes True or False"),
        (lambda m: m.set("gain", 2**70), "as large as"),
        (lambda m: m.set("gain", float("nan")), "'gain' takes a number, not nan"),
        (lambda m: nnbridge.load("a\0b.ts"), "can't be the name of a file"),
        (lambda m: nnbridge.load(b"\xff\xfe.ts"), "is not UTF-8"),
    ],
)
def test_mistakes_that_no_type_checker_saw_are_sentences_too(gain, attempt, words):
    with pytest.raises(nnbridge.Error, match=words):
        attempt(gain)
