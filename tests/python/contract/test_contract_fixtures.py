# SPDX-License-Identifier: MIT
"""The fixtures are what their hand-written contracts say, and play as their eager modules do."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fixtures import FIXTURES, Fixture, build
from fixtures.misbehaving import FLOAT64, GOOD, INT64, NAN, NONE, THROW, WRONG_LENGTH

Load = Callable[[Path], Any]
ROOT = Path(__file__).resolve().parents[3]
MODELS = [name for name, made in FIXTURES.items() if made.playable]
KINDS = ["bool", "int", "float", "str", "tensor", "buffer"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fixtures")
    for name in FIXTURES:
        build(name, path)
    return path


@pytest.mark.parametrize("name", MODELS)
def test_the_file_holds_what_the_contract_says(name: str, folder: Path, bare_load: Load) -> None:
    model = bare_load(folder / f"{name}.ts")
    held = FIXTURES[name].contract
    buffers = dict(model.named_buffers())
    for method, shape in held["methods"].items():
        assert [int(v) for v in buffers[f"{method}_params"]] == shape
        assert model._c._has_method(method) == (method not in held["uncallable"])
    for method in held["hidden"]:
        assert model._c._has_method(method)
        assert f"{method}_params" not in buffers
    if model._c._has_method("get_methods"):
        assert model.get_methods() == list(held["methods"])
    for attribute, expected in held["attributes"].items():
        assert [KINDS[int(v)] for v in buffers[f"{attribute}_params"]] == expected["types"]
        value = getattr(model, f"get_{attribute}")()
        form = {tuple: "tuple", list: "list"}.get(type(value), "scalar")
        assert form == expected["getter"]
        values = [value] if form == "scalar" else list(value)
        if expected["types"] == ["tensor"]:
            values = [v.tolist() for v in values]
        if expected["types"] != ["buffer"]:
            assert values == expected["value"]
    for method, (inputs, outputs) in held["labels"].items():
        assert getattr(model, f"{method}_input_labels") == inputs
        assert getattr(model, f"{method}_output_labels") == outputs


def blocks(held: dict[str, Any], method: str, samples: int) -> torch.Tensor:
    channels, ratio = held["methods"][method][:2]
    generator = torch.Generator().manual_seed(3)
    return torch.rand(2, 1, channels, samples // ratio, generator=generator) - 0.5


PLAYABLE = [
    (name, method)
    for name in MODELS
    for method in FIXTURES[name].contract["methods"]
    if method not in FIXTURES[name].contract["uncallable"]
]


@pytest.mark.parametrize(("name", "method"), PLAYABLE)
def test_the_file_plays_as_its_eager_module(
    name: str, method: str, folder: Path, bare_load: Load
) -> None:
    made: Fixture = FIXTURES[name]
    assert made.make is not None
    model, eager = bare_load(folder / f"{name}.ts"), made.make().eval()
    samples = 2 * made.contract["step"]["any"]
    for block in blocks(made.contract, method, samples):
        outputs = []
        for player in (eager, model):
            torch.manual_seed(1)
            with torch.no_grad():
                outputs.append(getattr(player, method)(block))
        channels, ratio = made.contract["methods"][method][2:]
        assert outputs[0].shape == (1, channels, samples // ratio)
        assert torch.equal(outputs[0], outputs[1])


STATEFUL = ["one_pole", "delay_line", "state_in_list", "state_is_input_view", "state_in_parameter"]
STATEFUL += ["state_in_int", "state_in_dict", "delay_37", "delay_1000", "cached_conv", "gru"]


@pytest.mark.parametrize("name", STATEFUL)
def test_stateful_fixtures_do_not_depend_on_the_cut_and_do_remember(
    name: str, folder: Path, bare_load: Load
) -> None:
    model, pieces = bare_load(folder / f"{name}.ts"), bare_load(folder / f"{name}.ts")
    x = blocks(FIXTURES[name].contract, "forward", 6400 if name == "gru" else 2500)[0]
    with torch.no_grad():
        whole = model(x)
        parts = torch.cat([pieces(part) for part in x.split(39, -1)], -1)
        again = model(x)
    if name in ("cached_conv", "gru"):
        assert torch.allclose(whole, parts, atol=1e-6)
    else:
        assert torch.equal(whole, parts)
    assert not torch.allclose(whole, again, atol=1e-4)


@pytest.mark.parametrize("name", [n for n in MODELS if n != "msprior"])
def test_the_deterministic_flag_is_true(name: str, folder: Path, bare_load: Load) -> None:
    model = bare_load(folder / f"{name}.ts")
    before = torch.get_rng_state()
    for _, method in [pair for pair in PLAYABLE if pair[0] == name]:
        samples = FIXTURES[name].contract["step"]["any"]
        getattr(model, method)(blocks(FIXTURES[name].contract, method, samples)[0])
    assert torch.equal(before, torch.get_rng_state()) == FIXTURES[name].deterministic


def test_misbehaviour_comes_on_demand(folder: Path, bare_load: Load) -> None:
    model = bare_load(folder / "misbehaving.ts")
    x = torch.ones(1, 1, 64)
    assert model.set_mode(99) == -1
    model.set_mode(NAN)
    model.set_after(2)
    assert [bool(model(x).isnan().any()) for _ in range(4)] == [False, False, True, True]
    model.set_after(0)
    model.set_mode(THROW)
    with pytest.raises(torch.jit.Error, match="told to throw"):
        model(x)
    model.set_mode(WRONG_LENGTH)
    assert model(x).shape == (1, 1, 32)
    model.set_mode(INT64)
    assert model(x).dtype == torch.int64
    model.set_mode(FLOAT64)
    assert model(x).dtype == torch.float64
    model.set_mode(NONE)
    assert model(x) is None
    model.set_mode(GOOD)
    assert torch.equal(model(x), x)


@pytest.mark.parametrize(
    "name", ["empty", "truncated", "text", "zip_only", "png", "newer_version", "state_dict"]
)
def test_files_that_are_no_models_are_refused_by_torch(
    name: str, folder: Path, bare_load: Load
) -> None:
    with pytest.raises((RuntimeError, ValueError, OSError)):
        bare_load(folder / f"{name}.ts")


def test_the_command_writes_files_and_their_contracts(tmp_path: Path) -> None:
    script = ROOT / "tests" / "python" / "fixtures" / "build.py"
    subprocess.run([sys.executable, script, tmp_path, "gain", "empty"], check=True, timeout=60)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty.ts", "fixtures.json", "gain.ts"]
    listing = json.loads((tmp_path / "fixtures.json").read_text())
    assert listing["gain"]["contract"]["methods"] == {"forward": [1, 1, 1, 1]}
    assert listing["empty"]["playable"] is False
