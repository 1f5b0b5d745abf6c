# SPDX-License-Identifier: MIT
"""The latency reported is the latency heard, to the sample."""

import numpy as np
import pytest

import nnbridge

from .drive import run, run_patiently

RATES = [22050, 44100, 48000, 88200, 96000]


def impulse_position(stream, kind, patiently):
    """Where an impulse comes out, less where it went in; it must also come out symmetric."""
    at = 2000
    size = 1 if kind == "changing" else kind
    # Whole calls, as a stream made for calls of one size was promised.
    calls = (at + stream.latency.stream + 3000) // size
    signal = np.zeros((1, calls * size), np.float32)
    signal[0, at] = 1.0
    drive = run_patiently if patiently else run
    heard = drive(stream, signal, kind)[0]
    peak = int(np.argmax(np.abs(heard)))
    # Between samples the true peak would lean to one side: its neighbours show it.
    np.testing.assert_allclose(heard[peak + 1 : peak + 4], heard[peak - 3 : peak][::-1], atol=2e-3)
    return peak - at


@pytest.mark.parametrize("realtime", [False, True], ids=["inline", "realtime"])
@pytest.mark.parametrize("kind", [1, 32, 64, 479, 512, 2048, "changing"])
@pytest.mark.parametrize("model_rate", [44100, 48000])
@pytest.mark.parametrize("host_rate", RATES)
def test_an_impulse_comes_out_exactly_when_latency_says(
    model_file, host_rate, model_rate, kind, realtime
):
    model = nnbridge.load(model_file(f"identity_{model_rate}"))
    calls = {"max_host_block": 4096} if kind == "changing" else {"host_block": kind}
    stream = model.stream(sample_rate=host_rate, realtime=realtime, **calls)
    assert impulse_position(stream, kind, realtime) == stream.latency.stream
    assert stream.stats.late == 0


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("delay", [37, 1000])
def test_the_model_s_declared_delay_is_in_the_total(model_file, delay, rate):
    model = nnbridge.load(model_file(f"delay_{delay}"))
    stream = model.stream(sample_rate=rate)
    assert stream.latency.model_declared
    assert impulse_position(stream, 64, patiently=False) == stream.latency.total


def test_a_delay_given_by_hand_counts_where_the_file_declares_none(model_file):
    model = nnbridge.load(model_file("identity_44100"))
    assert not model.stream().latency.model_declared
    assert model.stream(model_delay=100).latency.model == 100
    # In the host's samples, like everything in a latency.
    assert model.stream(model_delay=441, sample_rate=48000).latency.model == 480


def test_a_host_block_that_fills_the_model_block_costs_nothing_inline(model_file):
    model = nnbridge.load(model_file("identity"))
    assert model.stream(block=512, host_block=512).latency.stream == 0
    assert model.stream(block=512, host_block=64).latency.stream == 448
    assert model.stream(block=512, host_block=479).latency.stream == 511
    assert model.stream(block=512).latency.stream == 511


def test_realtime_costs_the_deadline_and_no_more(model_file):
    model = nnbridge.load(model_file("rave_v2"))
    inline = model.stream(host_block=64)
    assert inline.latency.stream == 2048 - 64
    for deadline in (0, 64, 512, 2048):
        stream = model.stream(host_block=64, realtime=True, deadline=deadline)
        assert stream.latency.stream == inline.latency.stream + deadline


def test_the_default_deadline_is_a_quarter_of_a_block_for_a_cheap_model(model_file):
    model = nnbridge.load(model_file("identity"))
    for _ in range(5):
        stream = model.stream(block=2048, host_block=64, realtime=True)
        assert stream.latency.stream == 2048 - 64 + 512


def test_the_block_is_the_least_multiple_of_the_step_not_below_what_was_asked(model_file):
    rave = nnbridge.load(model_file("rave_v2"))
    assert rave.stream().block == 2048  # though `forward` is declared at ratio 1
    assert rave.stream(block=2049).block == 4096
    assert nnbridge.load(model_file("ratio_480")).stream("encode", block=1000).block == 1440
    assert nnbridge.load(model_file("msprior")).stream().block == 4096  # the uncallable one counts
    # A manifest may say that a method takes less than the file's other methods need.
    assert nnbridge.load(model_file("identity_manifest")).stream(block=1).block == 2048
