# SPDX-License-Identifier: MIT
"""The same samples come out of PyTorch, an offline stream and a realtime one."""

import numpy as np
import pytest
from fixtures import FIXTURES

import nnbridge

from .drive import eager, run, run_by_clock, run_patiently

PLAYED = [
    (name, method)
    for name, fixture in FIXTURES.items()
    if fixture.playable and fixture.deterministic
    for method in fixture.contract["methods"]
    if method not in fixture.contract["uncallable"]
]


def noise(channels, frames, seed=3):
    return (0.3 * np.random.default_rng(seed).standard_normal((channels, frames))).astype(
        np.float32
    )


def expected(name, method, signal, block):
    fixture = FIXTURES[name]
    module = fixture.make()
    if fixture.contract["sample_rate"] is None and hasattr(module, "set_sample_rate"):
        module.set_sample_rate(44100)  # a stream tells a model that asks which rate it runs at
    return eager(module, method, fixture.contract["methods"][method], signal, block)


@pytest.mark.parametrize(("name", "method"), PLAYED)
def test_offline_gives_what_pytorch_gives_bit_for_bit(model_file, name, method):
    model = nnbridge.load(model_file(name))
    channels = model.methods[method].in_channels
    for kind in (1, 64, 479, 4096, "changing"):
        stream = model.stream(method)
        signal = noise(channels, max(6000, 3 * stream.block))
        got = run(stream, signal, kind)[:, stream.latency.stream :]
        want = expected(name, method, signal, stream.block)
        assert got.shape[1] >= 2 * stream.block
        np.testing.assert_array_equal(got, want[:, : got.shape[1]], err_msg=f"calls of {kind}")
        assert stream.stats.failed == 0


@pytest.mark.parametrize(("name", "method"), PLAYED)
def test_realtime_gives_what_offline_gives_bit_for_bit(model_file, name, method):
    model = nnbridge.load(model_file(name))
    offline = model.stream(method)
    signal = noise(offline.in_channels, max(6000, 3 * offline.block))
    want = run(offline, signal, 479)[:, offline.latency.stream :]
    for kind, calls in (
        (64, {"host_block": 64}),
        (479, {"host_block": 479}),
        ("changing", {"max_host_block": 4096}),
    ):
        stream = model.stream(method, realtime=True, **calls)
        # A stream made for calls of one size gets whole calls.
        whole = signal.shape[1] // kind * kind if isinstance(kind, int) else signal.shape[1]
        got = run_patiently(stream, signal[:, :whole], kind)[:, stream.latency.stream :]
        frames = min(got.shape[1], want.shape[1])
        assert frames > 0
        np.testing.assert_array_equal(got[:, :frames], want[:, :frames], err_msg=f"calls of {kind}")
        assert stream.stats.late == 0


@pytest.mark.parametrize("name", ["one_pole", "gru", "cached_conv", "rave_v2"])
def test_a_stream_paced_by_a_clock_gives_the_same_samples(model_file, name):
    model = nnbridge.load(model_file(name))
    offline = model.stream(block=8192)
    signal = noise(1, 44100)
    want = run(offline, signal, 479)[:, offline.latency.stream :]
    # A deadline of 8192 frames is 186 ms: what a busy test machine needs, not what a model does.
    stream = model.stream(block=8192, realtime=True, host_block=441, deadline=8192)
    got = run_by_clock(stream, signal, 441)[:, stream.latency.stream :]
    frames = min(got.shape[1], want.shape[1])
    assert stream.stats.late == 0
    np.testing.assert_array_equal(got[:, :frames], want[:, :frames])


@pytest.mark.parametrize("rate", [22050, 48000, 96000])
def test_the_cut_into_calls_changes_nothing_when_resampling(model_file, rate):
    model = nnbridge.load(model_file("identity_44100"))
    signal = noise(1, 12000)
    want = run(model.stream(sample_rate=rate), signal, 12000)
    for kind in (1, 64, 479, 4096, "changing"):
        np.testing.assert_array_equal(run(model.stream(sample_rate=rate), signal, kind), want)
    realtime = model.stream(sample_rate=rate, realtime=True, deadline=512)
    offline = model.stream(sample_rate=rate)
    got = run_patiently(realtime, signal, 256)[:, realtime.latency.stream :]
    want = run(offline, signal, 256)[:, offline.latency.stream :]
    np.testing.assert_array_equal(got[:, :10000], want[:, : got.shape[1]][:, :10000])


def test_a_chain_equals_its_methods_one_after_the_other(model_file):
    model = nnbridge.load(model_file("rave_v2"))
    signal = noise(1, 5 * 2048)
    chained = model.stream("encode+decode")
    got = run(chained, signal, 479)[:, chained.latency.stream :]
    params = FIXTURES["rave_v2"].contract["methods"]
    module = FIXTURES["rave_v2"].make()
    latent = eager(module, "encode", params["encode"], signal, 2048)
    want = eager(module, "decode", params["decode"], latent, 2048)
    np.testing.assert_array_equal(got, want[:, : got.shape[1]])


def test_items_of_a_batch_have_states_of_their_own(model_file):
    model = nnbridge.load(model_file("gru"))
    signal = noise(3, 4096)[:, None]
    together = model.stream(batch=3)
    got = run(together, signal, 479)
    assert got.shape == (3, 1, 4096)
    for item in range(3):
        alone = run(model.stream(), signal[item], 479)
        np.testing.assert_allclose(got[item], alone, atol=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, fixture in FIXTURES.items()
        if fixture.playable
        and fixture.deterministic
        and fixture.contract["methods"].get("forward", [0, 0, 0, 0])[0] == 1
    ],
)
def test_two_streams_of_one_file_do_not_hear_each_other(model_file, name):
    model = nnbridge.load(model_file(name))
    loud = noise(1, 4 * model.methods["forward"].step + 4096, seed=5) * 3
    signal = noise(1, loud.shape[1])
    want = run(model.stream(), signal, 256)
    stream, other = model.stream(), model.stream()
    pieces = []
    for begin in range(0, signal.shape[1], 256):
        other.process(loud[:, begin : begin + 256])
        pieces.append(stream.process(signal[:, begin : begin + 256]))
    np.testing.assert_array_equal(np.concatenate(pieces, 1), want)


@pytest.mark.parametrize(("name", "method"), PLAYED)
def test_reset_restores_the_pristine_state(model_file, name, method):
    model = nnbridge.load(model_file(name))
    stream = model.stream(method)
    signal = noise(stream.in_channels, max(6000, 3 * stream.block))
    first = run(stream, signal, 479)
    stream.reset()
    assert stream.stats.blocks == 0
    np.testing.assert_array_equal(run(stream, signal, 479), first)


def test_a_seed_fixes_the_random_draws_and_leaves_the_host_s_own_alone(model_file):
    import torch

    model = nnbridge.load(model_file("noise"))
    silence = np.zeros((1, 4096), np.float32)
    torch.manual_seed(11)
    undisturbed = torch.randn(4)
    torch.manual_seed(11)
    first = run(model.stream(seed=1), silence, 479)
    again = model.stream(seed=1)
    second = run(again, silence, 64)
    other = run(model.stream(seed=2), silence, 479)
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 0.01
    again.reset()
    np.testing.assert_array_equal(run(again, silence, 64), first)
    assert torch.equal(torch.randn(4), undisturbed)
