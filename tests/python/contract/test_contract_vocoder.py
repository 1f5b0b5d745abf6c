# SPDX-License-Identifier: MIT
"""The vocoder in ``models/`` codes a sound in eight levels, as its card says."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from nnbridge.contract import export

ROOT = Path(__file__).resolve().parents[3]
PERIOD = 128
"""Steps after which the noise repeats."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = importlib.util.spec_from_file_location("vocoder", ROOT / "models/vocoder/vocoder.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["vocoder"] = module
    spec.loader.exec_module(module)
    return export(module.Vocoder(), tmp_path_factory.mktemp("models") / "vocoder.ts")


@pytest.fixture
def vocoder(path: Path, bare_load: Callable[[Path], Any]) -> Callable[[], Any]:
    return lambda: bare_load(path)


@pytest.fixture(autouse=True)
def inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def noise(batch: int, steps: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return 0.3 * torch.randn(batch, 1, 512 * steps, generator=generator)


def test_the_levels_of_a_decoded_sound_are_those_it_was_made_from(vocoder: Any) -> None:
    model = vocoder()
    # Neighbours of much the same level, since the window's flanks reach into them.
    wanted = torch.tensor([0.1, 0.1, 0.1, 0.2, 0.3, 0.1, 0.4, 0.2])
    sound = model.decode(wanted[None, :, None].expand(1, 8, 2 * PERIOD))
    levels = model.encode(sound)[0, :, PERIOD:]
    power = (10.0 ** (2.0 * levels)).mean(-1)
    decibels = 10.0 * torch.log10(power) - 20.0 * wanted
    assert decibels.abs().max() < 1.0, decibels


def test_a_full_scale_sine_is_at_minus_3_db_in_its_own_band(vocoder: Any) -> None:
    # In the fifth band: 64 to 132 of 2048.
    sound = torch.sin(2.0 * torch.pi * 90.0 / 2048.0 * torch.arange(512 * 20))
    levels = vocoder().encode(sound[None, None])[0, :, -1]
    assert float(20.0 * levels[4] - 40.0) == pytest.approx(-3.01, abs=0.05)
    assert float(levels[[0, 1, 2, 6, 7]].max()) < -1.0


def test_silence_stays_silent(vocoder: Any) -> None:
    assert float(vocoder()(torch.zeros(1, 1, 512 * 20)).abs().max()) < 1e-2


def test_forward_is_decode_after_encode(vocoder: Any) -> None:
    one, two = vocoder(), vocoder()
    x = noise(1, 40)
    assert torch.equal(one(x), two.decode(two.encode(x)))


def test_nothing_depends_on_the_cut(vocoder: Any) -> None:
    whole, pieces = vocoder(), vocoder()
    x = noise(1, 40)
    wanted = whole(x)
    found = torch.cat([pieces(part) for part in x.split([512, 1024, 512 * 30, 512 * 7], -1)], -1)
    assert (found - wanted).abs().max() < 1e-5


def test_batches_are_played_side_by_side(vocoder: Any) -> None:
    x = noise(2, 20)
    both = vocoder()(x)
    for item in (0, 1):
        assert torch.allclose(both[item : item + 1], vocoder()(x[item : item + 1]), atol=1e-5)


def test_the_prior_strikes_more_often_when_it_is_hotter_and_falls_silent_when_cold(
    vocoder: Any,
) -> None:
    torch.manual_seed(0)
    model = vocoder()
    steps = 86 * 20  # 20 s at 44.1 kHz
    strikes = []
    for temperature in (1.0, 3.0):
        levels = model.prior(torch.full((1, 1, steps), temperature))
        assert float(levels.min()) >= -2.0
        assert float(levels.max()) <= 1.5
        strikes.append(int((levels[..., 1:] > levels[..., :-1]).sum()) / 20)
    assert 10 < strikes[0] < 18
    assert 2 < strikes[1] / strikes[0] < 4
    assert (model.prior(torch.zeros(1, 1, 100))[..., 60:] == -2.0).all()
