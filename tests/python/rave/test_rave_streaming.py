# SPDX-License-Identifier: MIT
"""A RAVE of any kind, streamed, is the RAVE that was trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from nnbridge import streaming
from nnbridge.rave.network import RAVE
from nnbridge.rave.noise import FilteredNoise, StreamFilteredNoise
from nnbridge.rave.recipe import Recipe

KINDS = ("variational", "wasserstein", "discrete", "spherical")


def network(kind: str, causal: bool, *settings: str) -> RAVE:
    """A small network as training leaves it: weights and batch statistics are anything."""
    torch.manual_seed(1)
    recipe = Recipe.load("small").override(
        [
            f"latent.kind={kind}",
            f"network.causal={str(causal).lower()}",
            "network.capacity=4",
            "network.latents=8",
            "latent.codes=16",
            *settings,
        ]
    )
    rave = RAVE(recipe)
    for module in rave.modules():
        if isinstance(module, nn.BatchNorm1d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2.0)
    for parameter in rave.decoder.parameters():  # as loud as music
        parameter.data *= 1.5
    rave.train()
    rave.latent.sample(rave.encode_statistics(torch.randn(2, recipe.network.channels, 65536)))
    return rave.eval()


def streamed(stream: nn.Module, x: torch.Tensor, blocks: list[int]) -> torch.Tensor:
    out, at, index = [], 0, 0
    while at + blocks[index] <= x.shape[-1]:
        out.append(stream(x[..., at : at + blocks[index]]))
        at += blocks[index]
        index = (index + 1) % len(blocks)
    return torch.cat(out, -1)


@pytest.mark.parametrize("blocks", [[2048], [8192], [2048, 6144, 4096]], ids=str)
@pytest.mark.parametrize("causal", [False, True], ids=["non-causal", "causal"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_equals_the_network_after_its_reported_delay(
    kind: str, causal: bool, blocks: list[int]
) -> None:
    rave = network(kind, causal)
    for tolerance, dtype in ((1e-10, torch.float64), (1e-5, torch.float32)):
        rave.to(dtype)
        x = torch.randn(2, 1, 24 * 2048, dtype=dtype)
        stream = streaming.convert(rave)
        with torch.no_grad():
            offline = rave(x)
            live = streamed(stream, x, blocks)[..., stream.delay :]
        assert not stream.random
        assert live.shape[-1] > 8 * 2048
        assert offline.abs().max() > 0.1
        assert (live - offline[..., : live.shape[-1]]).abs().max() < tolerance


@pytest.mark.parametrize("causal", [False, True], ids=["non-causal", "causal"])
def test_overlap_add_does_not(causal: bool) -> None:
    rave = network("variational", causal)
    x = torch.randn(1, 1, 20 * 2048)
    with torch.no_grad():
        offline = rave(x)
        for overlap in (0.0, 0.25, 0.5):
            y = streaming.OverlapAdd(rave, 2048, overlap).render(x)
            assert (y[..., : offline.shape[-1]] - offline).abs().max() > 1e-2 * offline.abs().max()


@pytest.mark.parametrize("kind", KINDS)
def test_encoder_and_decoder_stream_as_exactly_by_themselves(kind: str) -> None:
    rave = network(kind, False).double()
    x = torch.randn(1, 1, 16 * 2048, dtype=torch.float64)
    encoder = streaming.convert(nn.Sequential(rave.analysis, rave.encoder))
    decoder = streaming.convert(nn.Sequential(rave.decoder, rave.synthesis))
    with torch.no_grad():
        statistics = rave.encode_statistics(x)
        assert (encoder.render(x, 2048) - statistics).abs().max() < 1e-10
        z = rave.encode(x)
        assert (decoder.render(z, 1) - rave.decode(z)).abs().max() < 1e-10


@pytest.mark.parametrize("kind", ["variational", "discrete"])
def test_a_packed_and_saved_stream_is_the_network_as_well(kind: str, tmp_path: Path) -> None:
    rave = network(kind, True).double()
    x = torch.randn(1, 1, 8 * 2048, dtype=torch.float64)
    stream = streaming.pack(streaming.convert(rave))
    torch.jit.script(stream).save(str(tmp_path / "net.ts"))
    loaded = torch.jit.load(str(tmp_path / "net.ts"))
    with torch.no_grad():
        live = streamed(loaded, x, [2048])[..., stream.delay :]
        assert (live - rave(x)[..., : live.shape[-1]]).abs().max() < 1e-10


def test_a_causal_network_is_milliseconds_late_and_the_other_half_a_second() -> None:
    assert streaming.convert(network("variational", True)).delay == 188  # the band split alone
    # the noise head makes whole frames of 64 samples per band, and waits for them
    assert streaming.convert(network("variational", False)).delay == 22140 + 576
    without = network("variational", False, "network.noise_bands=0")
    assert streaming.convert(without).delay == 22140


def test_stereo_streams_as_exactly() -> None:
    rave = network("variational", False, "network.channels=2").double()
    x = torch.randn(1, 2, 16 * 2048, dtype=torch.float64)
    with torch.no_grad():
        y = streaming.convert(rave).render(x, 4096)
        assert (y - rave(x)).abs().max() < 1e-10


@pytest.mark.parametrize("strides", ["[2, 4, 4, 4]", "[4, 2]", "[8, 4]"])
def test_other_sizes_stream_as_exactly(strides: str) -> None:
    rave = network(
        "variational", True, f"network.strides={strides}", "network.noise_strides=[4, 2]"
    ).double()
    x = torch.randn(1, 1, 16 * rave.ratio, dtype=torch.float64)
    with torch.no_grad():
        y = streaming.convert(rave).render(x, rave.ratio)
        assert (y - rave(x)).abs().max() < 1e-10


def test_the_noise_head_streams_without_a_seam() -> None:
    amplitudes = torch.rand(2, 3 * 5, 12)
    head = FilteredNoise(5, 16)
    noise = torch.rand(2, 3, 12, 16)
    whole = head.filtered(amplitudes, noise)
    stream = StreamFilteredNoise(head.taps, 16, 0)
    parts = [
        stream.filtered(amplitudes[..., a:b], noise[:, :, a:b])
        for a, b in ((0, 1), (1, 4), (4, 12))
    ]
    assert (torch.cat(parts, -1) - whole).abs().max() < 1e-6


def test_the_noise_head_filters_as_one_filter_where_nothing_changes() -> None:
    """Constant amplitudes: the frames joined are one long convolution (numpy's, not ours)."""
    import numpy as np

    amplitudes = torch.tensor([1.0, 0.7, 0.4, 0.2, 0.1])[None, :, None].repeat(1, 1, 10)
    noise = torch.rand(1, 1, 10, 16)
    made = FilteredNoise(5, 16).filtered(amplitudes, noise)[0, 0].numpy()
    response = np.roll(np.fft.irfft(amplitudes[0, :, 0].numpy(), 8), 4)
    response = response * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(8) / 8))
    expected = np.convolve(noise[0, 0].flatten().numpy(), response)[: made.size]
    assert np.abs(made - expected).max() < 1e-6


def test_training_draws_fresh_noise_and_playing_repeats_itself() -> None:
    rave = network("variational", False)
    z = torch.randn(1, 8, 4)
    with torch.no_grad():
        assert torch.equal(rave.decode(z), rave.decode(z))
        rave.train()
        assert not torch.equal(rave.decode(z), rave.decode(z))


def test_batch_items_and_bands_have_noise_of_their_own() -> None:
    noise = FilteredNoise(5, 64).eval()(torch.ones(2, 3 * 5, 40)).flatten(0, 1)
    assert (torch.corrcoef(noise) - torch.eye(6)).abs().max() < 0.1


def test_another_seed_is_other_noise_and_the_same_after_a_reset() -> None:
    stream = streaming.convert(network("variational", True))
    x = torch.randn(1, 1, 4 * 2048)
    first = stream(x)
    stream.reset()
    assert torch.equal(stream(x), first)
    stream.reset()
    for state in stream.net.states:
        if isinstance(state, StreamFilteredNoise):
            state.reseed(5)
    other = stream(x)
    assert not torch.allclose(other, first)
    assert float(other.std()) == pytest.approx(float(first.std()), rel=0.1)
