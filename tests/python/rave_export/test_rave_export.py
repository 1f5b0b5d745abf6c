# SPDX-License-Identifier: MIT
"""An exported RAVE is the RAVE that was trained, in every host and by every method."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from rave_export_networks import KINDS, RATIO, network, sound
from torch import Tensor

import nnbridge
from nnbridge import streaming
from nnbridge.contract import read_manifest
from nnbridge.contract.check import check
from nnbridge.rave.errors import ExportError
from nnbridge.rave.export import Choices, export, playable
from nnbridge.rave.network import RAVE
from nnbridge.rave.playable import Decode, Encode, Resampler
from nnbridge.rave.sphere import from_angles, to_angles

Exported = Callable[[str, bool], tuple[RAVE, nnbridge.Model]]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The network and its file, made once for each kind."""
    folder = tmp_path_factory.mktemp("raves")
    made: dict[tuple[str, bool], tuple[RAVE, nnbridge.Model]] = {}

    def get(kind: str, causal: bool) -> tuple[RAVE, nnbridge.Model]:
        if (kind, causal) not in made:
            rave = network(kind, causal)
            path = export(rave, folder / f"{kind}-{causal}.ts")
            made[kind, causal] = rave, nnbridge.load(path)
        return made[kind, causal]

    return get


def played(
    model: nnbridge.Model, method: str, x: Tensor, block: int, **attributes: float
) -> Tensor:
    """Through a stream of the engine, its declared delay taken out: [channels, steps]."""
    declared = model.methods[method]
    stream = model.stream(method, block=block, host_block=block)
    for name, value in attributes.items():
        stream.set(name, value)
    held = x[0].repeat_interleave(declared.in_ratio, 1).numpy()
    held = held[:, : held.shape[1] // block * block]
    out = torch.from_numpy(stream.process(held))
    assert stream.stats.failed == 0
    assert declared.delay is not None
    assert stream.latency.total == declared.delay
    return out[:, declared.delay :: declared.out_ratio]


def close(one: Tensor, other: Tensor) -> None:
    """To 1e-5 of the peak, over all that both have; and both have much."""
    frames = min(one.shape[-1], other.shape[-1])
    assert frames > 20
    one, other = one[..., :frames], other[..., :frames]
    peak = max(1.0, float(other.abs().max()))
    assert float(other.abs().max()) > 0.01
    assert float((one - other).abs().max()) <= 1e-5 * peak


def signals(rave: RAVE, x: Tensor, count: int) -> Tensor:
    """What encode should give for a whole file."""
    with torch.no_grad():
        kind = rave.recipe.latent.kind
        z = rave.encode(x)
        if kind == "discrete":
            return rave.latent.quantiser.codes(rave.encode_statistics(x))[:, :count].float()
        return to_angles(z) if kind == "spherical" else rave.compact(z, count)


def sounds(rave: RAVE, latents: Tensor) -> Tensor:
    """What decode should give for a whole file, silence for what is not given."""
    with torch.no_grad():
        kind = rave.recipe.latent.kind
        if kind == "discrete":
            return rave.decode(rave.latent.quantiser.lookup(latents.long()))
        if kind == "spherical":
            return rave.decode(from_angles(latents))
        rest = rave.recipe.network.latents - latents.shape[1]
        return rave.decode(rave.restore(latents, latents.new_zeros(1, rest, latents.shape[2])))


@pytest.mark.parametrize("causal", [False, True], ids=["non-causal", "causal"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_method_streams_what_the_network_gives_offline(
    exported: Exported, kind: str, causal: bool
) -> None:
    rave, model = exported(kind, causal)
    count = model.methods["encode"].out_channels
    x = sound(RATIO * 128)
    quiet = {"temperature": 0.0} if kind in ("variational", "wasserstein") else {}
    z = signals(rave, x, count)
    close(played(model, "decode", z, RATIO, **quiet), sounds(rave, z)[0])
    for block in (RATIO, RATIO * 16):
        close(played(model, "forward", x, block, **quiet), sounds(rave, z)[0])
    given = played(model, "encode", x, RATIO * 2)
    if kind == "discrete":  # a sum in another order may choose another code, once in a while
        same = given == z[0, :, : given.shape[1]]
        assert float(same.float().mean()) > 0.99
    else:
        close(given, z[0])


@pytest.mark.parametrize("kind", ["variational", "discrete"])
def test_the_file_passes_the_check_without_a_warning(exported: Exported, kind: str) -> None:
    _, model = exported(kind, kind == "discrete")
    report = check(model.path)
    assert [f for f in report.findings if f.severity != "note"] == []


def test_a_file_rendered_is_the_network_offline_from_its_first_sample_on(
    exported: Exported,
) -> None:
    rave, model = exported("variational", False)
    model.set("temperature", 0.0)
    x = sound(RATIO * 100)
    result = nnbridge.render(model, x[0].numpy())
    assert result.values is not None
    # offline on the file and the silence behind it, which is what a stream hears
    longer = torch.cat([x, torch.zeros(1, 1, RATIO * 100)], -1)
    close(torch.from_numpy(result.values), sounds(rave, signals(rave, longer, 5))[0])
    encoded = nnbridge.render(model, x[0].numpy(), method="encode")
    decoded = nnbridge.render(model, encoded, method="decode")
    assert decoded.values is not None
    assert np.isfinite(decoded.values).all()
    model.set("temperature", 1.0)


def test_the_manifest_and_the_contract_say_what_the_file_is(exported: Exported) -> None:
    rave, model = exported("variational", False)
    methods = model.methods
    assert list(methods) == ["encode", "decode", "forward"]
    assert (methods["encode"].in_ratio, methods["encode"].out_ratio) == (1, RATIO)
    # five dimensions hold 0.95: not rounded up to a power of two
    assert methods["encode"].out_channels == methods["decode"].in_channels == 5
    assert methods["encode"].out_labels == [f"(signal) latent {i}" for i in range(1, 6)]
    assert methods["forward"].in_labels == methods["decode"].out_labels == ["(signal) audio"]
    late = {name: method.delay for name, method in methods.items()}
    assert late["encode"] is not None
    assert late["decode"] is not None
    assert late["forward"] == late["encode"] + late["decode"]
    assert model.sample_rate == rave.recipe.network.sample_rate == 44100
    held = read_manifest(model.path)
    assert held is not None
    assert not any(method["random"] for method in held["methods"].values())
    assert held["attributes"]["temperature"]["default"] == [1.0]
    assert held["attributes"]["latents"]["max"] == 5


def test_nothing_is_left_that_only_training_needs(exported: Exported) -> None:
    for kind in KINDS:
        _, model = exported(kind, False)
        file = torch.jit.load(model.path)
        kinds = {module.original_name for module in file.modules()}
        assert not {k for k in kinds if "Norm" in k or "Parametr" in k}
        names = [name.rpartition(".")[2] for name, _ in file.named_buffers()]
        assert not {"counts", "sums", "running_mean", "num_batches_tracked"} & set(names)


def test_the_weights_are_in_the_file_once(exported: Exported) -> None:
    _, model = exported("variational", False)
    file = torch.jit.load(model.path)
    # encode and decode have them, and forward uses the same
    names = [name for module, _ in file.named_children() if "coder" in module
             for name, _ in getattr(file, module).named_parameters()]  # fmt: skip
    storages = {p.untyped_storage().data_ptr() for p in file.parameters()}
    assert len(names) == 2 * len(storages) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_methods_called_in_turn_on_one_instance_do_not_hear_each_other(kind: str) -> None:
    file = playable(network(kind))
    parts = list(sound(RATIO * 64).split(RATIO * 4, -1))
    mixed = copy.deepcopy(file)
    in_turn: dict[str, list[Tensor]] = {"encode": [], "decode": [], "forward": []}
    with torch.no_grad():
        latents = [copy.deepcopy(file).encode(part) for part in parts]
        for part, z in zip(parts, latents, strict=True):
            for name, given in (("forward", part), ("decode", z), ("encode", part)):
                in_turn[name].append(getattr(mixed, name)(given))
        for name, pieces in (("forward", parts), ("decode", latents), ("encode", parts)):
            alone = copy.deepcopy(file)
            for piece, expected in zip(pieces, in_turn[name], strict=True):
                assert torch.equal(getattr(alone, name)(piece), expected), name


def test_a_seed_repeats_the_noise_at_any_block_size_and_another_changes_it(
    exported: Exported,
) -> None:
    _, model = exported("variational", False)
    z = torch.zeros(1, 5, 200)
    one = played(model, "decode", z, RATIO, seed=7)
    assert torch.equal(one, played(model, "decode", z, RATIO, seed=7))
    close(played(model, "decode", z, RATIO * 8, seed=7), one)
    assert float((played(model, "decode", z, RATIO, seed=8) - one).abs().max()) > 1e-3


def test_fewer_latents_and_their_temperature_are_heard(exported: Exported) -> None:
    rave, model = exported("variational", True)
    x = sound(RATIO * 100)
    z = signals(rave, x, 5)
    quiet = played(model, "decode", z, RATIO * 4, latents=2, temperature=0.0)
    close(quiet, sounds(rave, z[:, :2])[0])
    loud = played(model, "decode", z, RATIO * 4, latents=2, temperature=2.0)
    assert float((loud - quiet).abs().max()) > 0.01
    for name, value in (("latents", 0), ("latents", 6), ("temperature", -0.1), ("seed", -1)):
        with pytest.raises(nnbridge.Error):
            model.stream("decode").set(name, value)


def test_codes_out_of_range_are_bounded(exported: Exported) -> None:
    _, model = exported("discrete", True)
    codes = torch.full((1, 4, 40), 15.0)
    wild = codes.clone()
    wild[0, 0], wild[0, 1], wild[0, 2] = 1e9, float("inf"), 15.4
    close(played(model, "decode", wild, RATIO), played(model, "decode", codes, RATIO))
    wild = torch.full((1, 4, 40), float("nan"))
    assert torch.isfinite(played(model, "decode", wild, RATIO)).all()


def test_fewer_codebooks_and_fewer_latents_can_be_exported(tmp_path: Path) -> None:
    module = playable(network("discrete"), Choices(latents=2))
    assert module.encode(sound(RATIO * 8)).shape == (1, 2, 8)
    assert playable(network(), Choices(latents=1)).encode(sound(RATIO * 8)).shape == (1, 1, 8)
    assert playable(network(), Choices(fidelity=0.8)).encode(sound(RATIO * 8)).shape == (1, 3, 8)
    unmeasured = network()
    unmeasured.latent_basis.copy_(torch.eye(6))
    unmeasured.latent_mean.zero_()
    assert playable(unmeasured).encode(sound(RATIO * 8)).shape == (1, 6, 8)


def test_a_mono_network_with_two_channels_codes_each_by_itself() -> None:
    rave = network("wasserstein")
    mono, stereo = playable(rave), playable(rave, Choices(channels=2))
    x = sound(RATIO * 60, channels=2)
    with torch.no_grad():
        z = stereo.encode(x)
        y = stereo.forward(x)
        left_z, left = mono.encode(x[:, :1]), mono.forward(x[:, :1])
    assert z.shape == (1, 10, 60)
    close(z[:, :5], left_z)
    assert stereo.encode_output_labels[5] == "(signal) latent 1, channel 2"
    # the noise of the second channel is another one
    assert float((y[:, :1] - left).abs().max()) <= float(left.abs().max())
    assert y.shape == x.shape


def test_a_stereo_network_is_exported_as_it_is() -> None:
    rave = network("variational", True, "network.channels=2")
    module = playable(rave)
    x = sound(RATIO * 60, channels=2)
    module.temperature = (0.0,)
    late = module._contract.methods["forward"].delay
    with torch.no_grad():
        y = module.forward(x)
    close(y[..., late:], sounds(rave, signals(rave, x, 5)))


@pytest.mark.parametrize("factor", [Fraction(2), Fraction(1, 2), Fraction(3, 2)], ids=str)
def test_another_sample_rate_is_part_of_the_exact_stream(factor: Fraction) -> None:
    rave = network("wasserstein", True)
    rate = int(44100 * factor)
    module = playable(rave, Choices(sample_rate=rate, latents=6))
    ratio = int(RATIO * factor)
    x = sound(ratio * 400)
    with torch.no_grad():
        offline = Decode(rave, factor)(rave.encode(Resampler(1 / factor, 1)(x)))
        y = module.forward(x)
    late = module._contract.methods["forward"].delay
    close(y[..., late:], offline)
    assert module.sr == rate
    assert streaming.convert(Encode(rave, factor)).ratio == ratio


def test_a_change_of_rate_and_back_is_clean() -> None:
    t = torch.arange(44100, dtype=torch.float64) / 44100
    there, back = Resampler(Fraction(2), 1).double(), Resampler(Fraction(1, 2), 1).double()
    for hertz, tolerance in ((1000.0, 1e-4), (19000.0, 1e-4)):
        x = torch.sin(2 * torch.pi * hertz * t)[None, None]
        error = (back(there(x)) - x)[..., 2000:-2000].abs().max()
        assert float(error) < tolerance, hertz
    above = torch.sin(2 * torch.pi * 30000.0 * torch.arange(88200, dtype=torch.float64) / 88200)
    assert float(back(above[None, None])[..., 2000:-2000].abs().max()) < 2e-5


MISTAKES = {
    "both": ("variational", Choices(fidelity=0.5, latents=2), "give one"),
    "too many": ("variational", Choices(latents=7), "has 6 latents"),
    "none": ("discrete", Choices(latents=0), "has 4 codebooks"),
    "fidelity of 2": ("variational", Choices(fidelity=2.0), "between 0 and 1"),
    "fidelity of codes": ("discrete", Choices(fidelity=0.9), "use --latents"),
    "fidelity of angles": ("spherical", Choices(fidelity=0.9), "has 5 angles"),
    "no channel": ("variational", Choices(channels=0), "at least one channel"),
    "an odd rate": ("variational", Choices(sample_rate=48000), "choose 22050, 44100 or 88200"),
    "no rate": ("variational", Choices(sample_rate=0), "number of hertz"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_choice_that_cannot_be_is_answered_in_one_sentence(name: str) -> None:
    kind, choices, words = MISTAKES[name]
    with pytest.raises(ExportError, match=words) as caught:
        playable(network(kind), choices)
    assert "\n" not in str(caught.value)


def test_a_stereo_network_has_no_other_channels() -> None:
    with pytest.raises(ExportError, match="2 only"):
        playable(network("wasserstein", False, "network.channels=2"), Choices(channels=1))


def test_exporting_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    rave = network()
    before = {name: value.clone() for name, value in rave.state_dict().items()}
    export(rave, tmp_path / "a.ts", name="A", author="B", license="CC0-1.0")
    assert rave.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in rave.state_dict().items())
    held = read_manifest(tmp_path / "a.ts")
    assert held is not None
    assert (held["name"], held["authors"], held["license"]) == ("A", ["B"], "CC0-1.0")


def test_files_of_other_rave_exporters_play_by_every_method(
    model_file: Callable[[str], Path],
) -> None:
    from fixtures.codecs import CODECS
    from fixtures.generations import GENERATIONS

    names = [made.name for made in (*CODECS, *GENERATIONS)]
    assert len(names) > 4
    for name in names:
        model = nnbridge.load(model_file(name))
        for method in model.methods.values():
            if not method.callable:
                continue
            stream = model.stream(method.name, block=4096)
            rng = np.random.default_rng(0)
            out = stream.process(0.1 * rng.standard_normal((stream.in_channels, 16384)))
            assert np.isfinite(out).all(), (name, method.name)
            assert stream.stats.failed == 0, (name, method.name)
