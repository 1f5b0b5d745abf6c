# SPDX-License-Identifier: MIT
"""The models in ``models/`` are exact, do not click, and do what their cards say."""

import importlib.util
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from nnbridge.contract import export, read_manifest

Load = Callable[[Path], Any]
ROOT = Path(__file__).resolve().parents[3]
CUTS = {
    "64": [64],
    "479": [479],
    "changing": [1, 64, 479, 33, 1000, 2, 4096],
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for name, owner in (("effects", "Effects"), ("descriptors", "Descriptors")):
        spec = importlib.util.spec_from_file_location(name, ROOT / "models" / name / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        import sys

        sys.modules[name] = module
        spec.loader.exec_module(module)
        folder = tmp_path_factory.mktemp("models")
        made[name] = export(getattr(module, owner)(), folder / f"{name}.ts")
    return made


@pytest.fixture(autouse=True)
def inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture
def effects(paths: dict[str, Path], bare_load: Load) -> Callable[[], Any]:
    return lambda: bare_load(paths["effects"])


@pytest.fixture
def descriptors(paths: dict[str, Path], bare_load: Load) -> Callable[[], Any]:
    return lambda: bare_load(paths["descriptors"])


def noise(channels: int, samples: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, channels, samples, generator=generator) * 2.0 - 1.0


def sine(hertz: float, samples: int, rate: float = 48000.0) -> torch.Tensor:
    time = torch.arange(samples, dtype=torch.float64) / rate
    return torch.sin(2.0 * math.pi * hertz * time).to(torch.float32)[None, None]


def play(model: Any, method: str, x: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    out = []
    start = turn = 0
    while start < x.shape[-1]:
        size = sizes[turn % len(sizes)]
        out.append(getattr(model, method)(x[..., start : start + size]))
        start += size
        turn += 1
    return torch.cat(out, -1)


def response(samples: int) -> torch.Tensor:
    decay = torch.exp(-torch.arange(samples) / (samples / 6.0))
    return torch.randn(2, samples, generator=torch.Generator().manual_seed(2)) * decay


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("method", ["drive", "tremolo", "echo", "widen", "crush", "convolve"])
def test_effects_do_not_depend_on_the_cut(
    effects: Callable[[], Any], method: str, cut: str
) -> None:
    whole, pieces = effects(), effects()
    x = noise(2 if method == "widen" else 1, 20000)
    for model in (whole, pieces):
        model.set_shape("triangle")
        model.set_time(50.3)
        assert model.set_buffer_attribute("response#0", response(3000), 44100) == 0
        assert model.set_response("response#0") == 0
    expected = play(whole, method, x, [20000])
    found = play(pieces, method, x, CUTS[cut])
    if method in ("tremolo", "convolve"):
        assert (found - expected).abs().max() < 1e-6
    else:
        assert torch.equal(found, expected)
    assert not torch.equal(expected, x)


@pytest.mark.parametrize("method", ["loudness", "centroid", "flatness", "crossings", "features"])
def test_descriptors_do_not_depend_on_the_cut(descriptors: Callable[[], Any], method: str) -> None:
    whole, pieces = descriptors(), descriptors()
    x = noise(1, 512 * 40)
    for model in (whole, pieces):
        model.set_smoothing(30.0)
    expected = play(whole, method, x, [512 * 40])
    found = play(pieces, method, x, [512, 1024, 512, 4096])
    assert torch.equal(found, expected)
    assert expected.shape == (1, 4 if method == "features" else 1, 40)


@pytest.mark.parametrize("method", ["drive", "tremolo", "echo", "widen", "crush", "convolve"])
def test_batches_are_played_side_by_side(effects: Callable[[], Any], method: str) -> None:
    channels = 2 if method == "widen" else 1
    a, b = noise(channels, 3000, 1), noise(channels, 3000, 2)
    both = play(effects(), method, torch.cat([a, b]), [1000])
    assert torch.allclose(both[:1], play(effects(), method, a, [1000]), atol=1e-6)
    assert torch.allclose(both[1:], play(effects(), method, b, [1000]), atol=1e-6)


CHANGES: list[tuple[str, str, tuple[Any, ...], tuple[Any, ...]]] = [
    ("drive", "gain", (0.0,), (30.0,)),
    ("drive", "mix", (1.0,), (0.0,)),
    ("drive", "bypass", (False,), (True,)),
    ("tremolo", "depth", (0.0,), (1.0,)),
    ("tremolo", "speed", (1.0,), (9.0,)),
    ("tremolo", "shape", ("sine",), ("triangle",)),
    ("echo", "time", (103.7,), (301.3,)),
    ("echo", "taps", (1,), (4,)),
    ("echo", "decay", (0.2,), (0.9,)),
    ("widen", "spread", (0.0,), (2.0,)),
]


def roughness(y: torch.Tensor) -> float:
    """The largest second difference: a click is a jump in the waveform or in its slope."""
    return float(y.diff(n=2).abs().max())


@pytest.mark.parametrize(("method", "name", "before", "after"), CHANGES)
def test_a_change_does_not_click(
    effects: Callable[[], Any],
    method: str,
    name: str,
    before: tuple[Any, ...],
    after: tuple[Any, ...],
) -> None:
    # Faded in, so that no echo brings a sudden start.
    x = sine(110.0, 72000) * 0.5 * (torch.arange(72000) / 8000.0).clamp(max=1.0)
    if method == "widen":
        x = torch.cat([x, 0.2 * x], 1)

    def start() -> Any:
        model = effects()
        model.set_time(50.0)
        assert getattr(model, f"set_{name}")(*before) == 0
        return model

    model = start()
    parts = [play(model, method, x[..., :43017], [479])]
    assert getattr(model, f"set_{name}")(*after) == 0
    parts.append(play(model, method, x[..., 43017:], [479]))
    y = torch.cat(parts, -1)[..., 36000:]
    unchanged = play(start(), method, x, [72000])[..., 36000:]
    assert not torch.allclose(y[..., -4000:], unchanged[..., -4000:], atol=1e-3)
    # Without a glide these changes jump by 0.05 of full scale and more.
    assert roughness(y) < 0.01 + max(roughness(unchanged), roughness(y[..., -4000:]))


def test_a_new_room_fades_in(effects: Callable[[], Any]) -> None:
    x = sine(110.0, 24000) * 0.5
    model = effects()
    first = play(model, "convolve", x[..., :12000], [500])
    assert torch.equal(first, x[..., :12000])
    model.set_buffer_attribute("response#0", response(2000), 48000)
    assert model.set_response("response#0") == 0
    second = play(model, "convolve", x[..., 12000:18000], [500])
    model.clear_buffer_attribute("response#0")
    third = play(model, "convolve", x[..., 18000:], [500])
    assert torch.allclose(third[..., 2500:], x[..., 20500:])
    y = torch.cat([first, second, third], -1)
    assert roughness(y) < 1e-3
    assert not torch.allclose(second[..., 3000:], x[..., 15000:18000], atol=0.05)


def test_attributes_set_before_the_first_block_hold_from_its_first_sample(
    effects: Callable[[], Any],
) -> None:
    model = effects()
    model.set_bypass(True)
    x = noise(1, 500)
    assert torch.equal(model.drive(x), x)


def test_drive_keeps_full_scale(effects: Callable[[], Any]) -> None:
    model = effects()
    model.set_gain(0.0)
    y = model.drive(torch.tensor([[[1.0, -1.0, 0.0, 0.5]]]))
    expected = [1.0, -1.0, 0.0, math.tanh(0.5) / math.tanh(1.0)]
    assert torch.allclose(y, torch.tensor([[expected]]))


def test_tremolo_dips_at_its_speed(effects: Callable[[], Any]) -> None:
    model = effects()
    model.set_sample_rate(1000)
    model.set_speed(2.0)
    model.set_depth(1.0)
    y = model.tremolo(torch.ones(1, 1, 1000))[0, 0]
    time = torch.arange(1, 1001) / 1000.0
    assert torch.allclose(y, 0.5 + 0.5 * torch.cos(4.0 * torch.pi * time), atol=1e-5)


def test_echoes_come_when_and_as_loud_as_they_should(effects: Callable[[], Any]) -> None:
    model = effects()
    model.set_time(10.0)
    model.set_taps(3)
    model.set_decay(0.5)
    x = torch.zeros(1, 1, 4800)
    x[..., 100] = 1.0
    y = play(model, "echo", x, [64])[0, 0]
    places = y.nonzero()[:, 0].tolist()
    assert places == [100, 580, 1060, 1540]
    assert y[places].tolist() == [1.0, 0.5, 0.25, 0.125]


def test_width_zero_is_mono_one_changes_nothing(effects: Callable[[], Any]) -> None:
    x = noise(2, 100)
    mono = effects()
    mono.set_spread(0.0)
    y = mono.widen(x)
    assert torch.equal(y[:, 0], y[:, 1])
    same = effects()
    same.set_spread(1.0)
    assert torch.allclose(same.widen(x), x, atol=1e-7)


def test_crush_holds_and_rounds(effects: Callable[[], Any]) -> None:
    model = effects()
    model.set_bits(3)
    model.set_hold(4)
    x = noise(1, 1000)
    y = play(model, "crush", x, [7])
    assert set((y * 4.0).unique().tolist()) <= {-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0}
    assert torch.equal(y, torch.round(x[..., ::4] * 4.0).repeat_interleave(4, -1) / 4.0)


def test_convolution_is_that_of_the_response(effects: Callable[[], Any]) -> None:
    model = effects()
    kernel = response(50)
    model.set_buffer_attribute("response#0", kernel, 48000)
    model.set_response("response#0")
    x = noise(1, 9000)
    y = play(model, "convolve", x, [700])
    mono = kernel.mean(0)
    mono = (mono / mono.square().sum().sqrt()).flip(0)[None, None]
    expected = torch.nn.functional.conv1d(torch.nn.functional.pad(x, [49, 0]), mono)
    # The first 50 ms are the fade.
    assert torch.allclose(y[..., 2500:], expected[..., 2500:], atol=1e-5)


def test_a_response_at_another_rate_keeps_its_length_in_seconds(
    effects: Callable[[], Any],
) -> None:
    model = effects()
    model.set_buffer_attribute("response#0", response(4800), 24000)
    model.set_response("response#0")
    model.convolve(torch.zeros(1, 1, 4800))
    x = torch.zeros(1, 1, 20000)
    x[..., 0] = 1.0
    y = model.convolve(x)[0, 0].abs()
    assert y[9000:9600].max() > 1e-5
    assert y[9600:].max() < 1e-5


@pytest.mark.parametrize(
    ("name", "value"),
    [("gain", 40.5), ("mix", -0.1), ("taps", 5), ("bits", 0), ("hold", 65), ("shape", "square")],
)
def test_effects_refuse_what_the_card_excludes(
    effects: Callable[[], Any], name: str, value: Any
) -> None:
    model = effects()
    assert getattr(model, f"set_{name}")(value) == -1


def test_loudness_of_a_full_scale_sine_at_1_khz_is_zero(descriptors: Callable[[], Any]) -> None:
    assert float(descriptors().loudness(sine(1000.0, 8192))[..., -1]) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize(("hertz", "weight"), [(100.0, -19.1), (4000.0, 1.0), (10000.0, -2.5)])
def test_loudness_follows_the_a_weighting(
    descriptors: Callable[[], Any], hertz: float, weight: float
) -> None:
    """Nominal values of IEC 61672-1, table 3."""
    found = float(descriptors().loudness(sine(hertz, 8192))[..., -1])
    assert found == pytest.approx(weight, abs=0.4)


def test_silence_has_floor_loudness_and_zeros(descriptors: Callable[[], Any]) -> None:
    model = descriptors()
    assert model.set_floor(-70.0) == 0
    assert model.features(torch.zeros(1, 1, 4096))[0, :, -1].tolist() == [-70.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_centroid_and_crossings_of_a_tone_are_its_pitch(
    descriptors: Callable[[], Any], rate: int
) -> None:
    model = descriptors()
    model.set_sample_rate(rate)
    x = sine(3000.0, 8192, rate)
    assert float(model.centroid(x)[..., -1]) == pytest.approx(3000.0, rel=0.01)
    assert float(model.crossings(x)[..., -1]) == pytest.approx(3000.0, abs=rate / 2047)


def test_flatness_tells_noise_from_a_tone(descriptors: Callable[[], Any]) -> None:
    model = descriptors()
    assert float(model.flatness(sine(440.0, 8192))[..., -1]) < 0.001
    assert 0.4 < float(model.flatness(noise(1, 8192))[..., -1]) < 0.7


def test_smoothing_reaches_63_percent_in_its_time(descriptors: Callable[[], Any]) -> None:
    model = descriptors()
    model.set_sample_rate(51200)
    model.set_floor(-100.0)
    model.set_smoothing(100.0)
    model.loudness(torch.zeros(1, 1, 512))
    steps = model.loudness(sine(1000.0, 512 * 100, 51200.0))[0, 0]
    # From silence at -100 dB to 0 dB: after 10 frames of 10 ms one time constant is over.
    assert float(steps[9]) == pytest.approx(-100.0 * math.exp(-1.0), abs=3.0)
    assert float(steps[-1]) == pytest.approx(0.0, abs=0.2)


def test_manifests_of_the_models(paths: dict[str, Path]) -> None:
    effects: Any = read_manifest(paths["effects"])
    assert effects["sample_rate"] is None
    assert {m["delay"] for m in effects["methods"].values()} == {0}
    assert not any(m["random"] for m in effects["methods"].values())
    assert all(m["description"] for m in effects["methods"].values())
    assert effects["attributes"]["time"]["unit"] == "ms"
    found: Any = read_manifest(paths["descriptors"])
    assert {m["step"] for m in found["methods"].values()} == {512}
    assert (effects["license"], found["license"]) == ("MIT", "MIT")


@pytest.mark.parametrize("name", ["effects", "descriptors"])
def test_the_card_lists_every_method_and_attribute(name: str, paths: dict[str, Path]) -> None:
    card = (ROOT / "models" / name / "card.md").read_text()
    found: Any = read_manifest(paths[name])
    for word in [*found["methods"], *found["attributes"]]:
        assert f"| `{word}` |" in card
    for word, held in found["attributes"].items():
        row = next(line for line in card.splitlines() if line.startswith(f"| `{word}` |"))
        if held["unit"]:
            assert f"| {held['unit']} |" in row


def test_the_loop_is_a_small_recording() -> None:
    import soundfile

    path = ROOT / "models" / "loop" / "tabla.flac"
    x, rate = soundfile.read(path)
    assert path.stat().st_size < 500_000
    assert rate == 44100
    assert len(x) > 10 * rate
    assert 0.1 < abs(x).max() < 1.0
    assert "CC0" in (path.parent / "README.md").read_text()
