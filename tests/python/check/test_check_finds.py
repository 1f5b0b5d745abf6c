# SPDX-License-Identifier: MIT
"""The checker finds what is wrong with a file, says it once, and how to fix it."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fixtures import FIXTURES
from fixtures.files import FILES
from fixtures.fixture import Listed, manifest, save
from fixtures.misbehaving import rounds_per_second
from fixtures.stateful import Delay

import nnbridge.host
from nnbridge.contract.check import Finding, Report, check
from nnbridge.contract.check_player import Player, run

ModelFile = Callable[[str], Path]


def about(report: Report, kind: str, severity: str | None = None) -> Finding:
    """The one finding of a kind."""
    found = [finding for finding in report.findings if finding.about == kind]
    assert len(found) == 1, report.findings
    assert severity is None or found[0].severity == severity
    assert found[0].fix
    assert found[0].message.endswith(".")
    return found[0]


def checked(module: torch.nn.Module, path: Path, **entry: Any) -> Report:
    """Of a module saved with one method `forward`, and a manifest if anything is declared."""
    held = {"step": 1, "delay": None, "random": False, "description": "", **entry}
    save(module, path / "made.ts", manifest({"forward": held}, 44100) if entry else None)
    return check(path / "made.ts")


class Forward(Listed):
    """Base of the planted defects."""

    def __init__(self) -> None:
        super().__init__()
        self.declare("forward", 1, 1, 1, 1)


class Clicks(Forward):
    """A convolution that pads every block with zeros."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv1d(torch.nn.functional.pad(x, [3, 0]), torch.ones(1, 1, 4))


class Frames(Forward):
    """Right from 2048 samples on."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padded = torch.nn.functional.pad(x, [0, (2048 - x.shape[-1] % 2048) % 2048])
        return (
            padded.reshape(x.shape[0], -1, 2048)
            .flip(-1)
            .reshape(x.shape[0], 1, -1)[..., : x.shape[-1]]
        )


class Rounds(Forward):
    """Another order of sums for other lengths: off by what nobody hears."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (1.0 + 1e-4 / x.shape[-1])


class Long(Forward):
    """Fails on short blocks."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[-1] < 2000:
            raise RuntimeError("too short for me")
        return x


class Normalised(Forward):
    """0 / 0 on silence."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / x.abs().max()


class Arcsine(Forward):
    """Not a number beyond 0.9."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.asin(x / 0.9)


class Mute(Forward):
    """Nothing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 0.0


class Noise(Forward):
    """Draws."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 0.1 * torch.randn_like(x)


class Busy(Forward):
    """Takes half a second per block, or only for silent ones."""

    def __init__(self, seconds: float, in_silence: bool) -> None:
        super().__init__()
        self.rounds = int(rounds_per_second() * seconds)
        self.in_silence = in_silence

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.in_silence and bool(x.abs().max() > 0):
            return x
        y = torch.ones(128, 128)
        for _ in range(self.rounds):
            y = torch.tanh(y @ y)
        return x + y[0, 0] * 0.0


class Half(Forward):
    """Half the frames."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[..., ::2]


class Symmetric(Forward):
    """A linear-phase filter of 21 taps: late by 10."""

    def __init__(self) -> None:
        super().__init__()
        self.past = torch.zeros(1, 1, 20)
        self.taps = torch.hann_window(23, periodic=False)[1:-1].reshape(1, 1, 21)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = torch.cat([self.past.expand(x.shape[0], -1, -1), x], -1)
        self.past = both[:1, :, -20:].clone()
        return torch.nn.functional.conv1d(both, self.taps)


def test_state_that_is_lost_between_blocks(tmp_path: Path) -> None:
    report = checked(Clicks(), tmp_path)
    found = about(report, "state", "error")
    assert "in pieces it is not what it is in one piece" in found.message
    assert "Keep what the next block needs" in found.fix
    assert report.methods["forward"].state_error > 0.1


def test_a_step_that_is_larger_than_declared(tmp_path: Path) -> None:
    found = about(checked(Frames(), tmp_path), "state", "error")
    assert "step=2048" in found.fix
    assert "blocks of 1, 16, 64, 479 samples" in found.message


def test_another_order_of_sums_is_a_note(tmp_path: Path) -> None:
    report = checked(Rounds(), tmp_path)
    assert "Inaudible" in about(report, "state", "note").fix
    assert report.ok


def test_blocks_that_fail_and_blocks_that_run(tmp_path: Path) -> None:
    found = about(checked(Long(), tmp_path), "shape", "error")
    assert "fails on blocks of 1, 64, 479 samples" in found.message
    assert "too short for me" in found.message
    assert "it runs on 2048, 8192" in found.message


def test_a_wrong_shape(tmp_path: Path) -> None:
    found = about(checked(Half(), tmp_path), "shape", "error")
    assert "its registration says" in found.message


def test_what_is_not_finite_on_silence(tmp_path: Path) -> None:
    assert "NaN or infinity" in about(checked(Normalised(), tmp_path), "finite", "error").message


def test_what_is_not_finite_when_loud(tmp_path: Path) -> None:
    message = about(checked(Arcsine(), tmp_path), "finite", "error").message
    assert "an impulse, a full-scale square wave, a constant of 1:" in message


def test_silence(tmp_path: Path) -> None:
    about(checked(Mute(), tmp_path), "silent", "error")


def test_a_wrong_delay(tmp_path: Path) -> None:
    report = checked(Delay(37), tmp_path, delay=0)
    found = about(report, "delay", "error")
    assert "declares a delay of 0" in found.message
    assert "delays by 37" in found.message
    assert "delay=37" in found.fix


def test_a_delay_that_is_not_declared(tmp_path: Path) -> None:
    found = about(checked(Delay(1000), tmp_path), "delay", "warning")
    assert "1000 samples" in found.message


@pytest.mark.parametrize(("declared", "wrong"), [(10, False), (40, True)])
def test_the_middle_of_a_filter_is_a_fair_delay(declared: int, wrong: bool, tmp_path: Path) -> None:
    report = checked(Symmetric(), tmp_path, delay=declared)
    assert report.methods["forward"].delay.peak == 10
    assert bool([f for f in report.findings if f.about == "delay"]) is wrong


def test_random_draws(tmp_path: Path) -> None:
    assert checked(Noise(), tmp_path).methods["forward"].random
    about(checked(Noise(), tmp_path), "random", "note")
    about(checked(Noise(), tmp_path, random=False), "random", "error")
    assert not [f for f in checked(Noise(), tmp_path, random=True).findings if f.about == "random"]


def test_draws_that_are_promised_and_not_made(tmp_path: Path) -> None:
    report = checked(Symmetric(), tmp_path, random=True, delay=10)
    assert [f.severity for f in report.findings if f.about == "random"] == ["note"]


def test_a_batch_that_does_not_run(model_file: ModelFile) -> None:
    report = check(model_file("state_in_list"))
    assert "can't take 4 items at once" in about(report, "batch", "warning").message
    assert report.ok


class FirstOnly(Forward):
    """Gives one item back, however many come."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:1] * 0.5


def test_a_batch_of_which_items_are_lost(tmp_path: Path) -> None:
    found = about(checked(FirstOnly(), tmp_path), "batch", "warning")
    assert "returned [1, 1, 512] instead of [4, 1, 512]" in found.message


def test_a_method_that_is_listed_but_not_there(model_file: ModelFile) -> None:
    report = check(model_file("msprior"))
    assert about(report, "callable", "warning").where == "dummy_method"
    assert report.ok


def test_a_model_that_is_too_slow(tmp_path: Path) -> None:
    held = {"step": 8192, "delay": None, "random": False, "description": ""}
    save(Busy(0.014, False), tmp_path / "made.ts", manifest({"forward": held}, 1_000_000))
    report = check(tmp_path / "made.ts")
    assert "too slow" in about(report, "cost", "warning").message


def test_silence_that_costs_more_than_sound(tmp_path: Path) -> None:
    report = checked(Busy(0.005, in_silence=True), tmp_path)
    assert "times as much as in sound" in about(report, "tail", "warning").message


def test_a_newer_torch(tmp_path: Path) -> None:
    made = manifest({}, 44100)
    made["torch"] = "99.1.0"
    save(Delay(37), tmp_path / "made.ts", made)
    assert "torch 99.1.0" in about(check(tmp_path / "made.ts"), "torch", "warning").message


def test_a_reset_that_does_nothing(model_file: ModelFile, monkeypatch: Any) -> None:
    monkeypatch.setattr(nnbridge.host.Stream, "reset", lambda stream: None)
    about(check(model_file("cached_conv")), "reset", "error")


def test_streams_that_hear_each_other(model_file: ModelFile, monkeypatch: Any) -> None:
    shared: dict[Any, Any] = {}
    stream_of = Player.stream

    def stream(player: Player, block: int, batch: int = 1, seed: int | None = 20) -> Any:
        key = (block, batch)
        if key not in shared:
            shared[key] = stream_of(player, block, batch, seed)
        return shared[key]

    def play(player: Player, signal: Any, block: int, seed: int | None = 20) -> Any:
        return run(stream_of(player, block, 1, seed), signal)

    monkeypatch.setattr(Player, "play", play)
    monkeypatch.setattr(Player, "stream", stream)
    about(check(model_file("cached_conv")), "leak", "error")


def test_a_seed_that_is_not_kept_to(model_file: ModelFile, monkeypatch: Any) -> None:
    stream_of = Player.stream
    monkeypatch.setattr(
        Player, "stream", lambda self, block, batch=1, seed=0: stream_of(self, block, batch, None)
    )
    assert "something else at every run" in about(check(model_file("noise")), "random").message


class Accessors(Forward):
    """An attribute whose accessors a test replaces."""

    def __init__(self) -> None:
        super().__init__()
        self.level: tuple[float] = (0.5,)
        self.typed("level", [2])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.level[0]


class Faithful(Accessors):
    @torch.jit.export
    def get_level(self) -> float:
        return self.level[0]

    @torch.jit.export
    def set_level(self, level: float) -> int:
        if level < 0.0 or level > 1.0:
            return -1
        self.level = (level,)
        return 0


class Lax(Accessors):
    @torch.jit.export
    def get_level(self) -> float:
        return self.level[0]

    @torch.jit.export
    def set_level(self, level: float) -> int:
        self.level = (level,)
        return 0


class Strict(Accessors):
    @torch.jit.export
    def get_level(self) -> float:
        return self.level[0]

    @torch.jit.export
    def set_level(self, level: float) -> int:
        if level < 0.0 or level >= 1.0:
            return -1
        self.level = (level,)
        return 0


class Stubborn(Accessors):
    @torch.jit.export
    def get_level(self) -> float:
        return self.level[0]

    @torch.jit.export
    def set_level(self, level: float) -> int:
        return -1


class Forgetful(Accessors):
    @torch.jit.export
    def get_level(self) -> float:
        return self.level[0]

    @torch.jit.export
    def set_level(self, level: float) -> int:
        if level < 0.0 or level > 1.0:
            return -1
        self.level = (level + 0.25,)
        return 0


class Unreadable(Accessors):
    @torch.jit.export
    def get_level(self) -> float:
        if self.level[0] < 2.0:
            raise RuntimeError("nobody reads me")
        return self.level[0]

    @torch.jit.export
    def set_level(self, level: float) -> int:
        self.level = (level,)
        return 0


class TooFew(Accessors):
    def __init__(self) -> None:
        super().__init__()
        self.level_params = torch.tensor([2, 2])

    @torch.jit.export
    def get_level(self) -> list[float]:
        return [self.level[0]]

    @torch.jit.export
    def set_level(self, one: float, other: float) -> int:
        return 0


@pytest.mark.parametrize(
    ("make", "severity", "kind", "words"),
    [
        (Faithful, None, "", ""),
        (Lax, "warning", "range", "takes -1"),
        (Strict, "error", "range", "refuses 1"),
        (Stubborn, "error", "attribute", "refuses its own value"),
        (Forgetful, "error", "attribute", "reads 0.75 after being set to 0.5"),
        (Unreadable, "error", "attribute", "nobody reads me"),
        (TooFew, "error", "attribute", ""),
    ],
)
def test_attributes_that_do_not_keep_their_word(
    make: type, severity: str | None, kind: str, words: str, tmp_path: Path
) -> None:
    made = manifest({}, 44100)
    entry = {"min": 0.0, "max": 1.0, "unit": "", "default": [0.5], "description": ""}
    made["attributes"] = {"level": entry}
    save(make(), tmp_path / "made.ts", made)
    report = check(tmp_path / "made.ts")
    found = [finding for finding in report.findings if finding.where == "level"]
    if severity is None:
        assert not found
        return
    assert words in found[0].message
    assert {finding.severity for finding in found} == {severity}
    assert {finding.about for finding in found} == {kind}


@pytest.mark.parametrize("name", [made.name for made in FILES if not made.contract])
def test_a_file_that_does_not_open_is_one_finding(name: str, model_file: ModelFile) -> None:
    report = check(model_file(name))
    assert not report.ok
    assert [finding.about for finding in report.findings] == ["open"]
    assert name in report.findings[0].message


def test_a_file_that_is_not_there_is_one_finding(tmp_path: Path) -> None:
    assert "There is no file" in about(check(tmp_path / "nope.ts"), "open", "error").message


GOOD = [
    "identity_manifest",
    "gain",
    "ratio_480",
    "three_to_two",
    "delay_37",
    "rave_v1",
    "rave_v2",
    "rave_v2_random",
    "v15",
    "v16",
    "oddities",
    "state_in_parameter",
    "state_in_dict",
    "cached_conv",
    "gru",
]


@pytest.mark.parametrize("name", GOOD)
def test_files_in_circulation_have_no_errors(name: str, model_file: ModelFile) -> None:
    report = check(model_file(name))
    assert report.ok, report.findings
    for method, held in report.methods.items():
        assert held.costs, method
        assert held.random is (name == "rave_v2_random")
        if not held.random and method != "prior":  # which averages over a block
            assert held.state_error is not None
            assert held.state_error < 1e-5


def test_a_file_with_everything_declared_has_nothing_to_be_said_about(tmp_path: Path) -> None:
    from nnbridge.contract import Module

    class Whole(Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_attribute("gain", 0.5, min=0.0, max=1.0)
            self.register_method("forward", 1, 1, 1, 1, ["in"], ["out"], delay=0)
            self.metadata(sample_rate=48000)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.gain[0]

    Whole().export_to_ts(tmp_path / "whole.ts")
    assert check(tmp_path / "whole.ts").findings == []


def test_what_a_foreign_file_does_not_say_is_noted(model_file: ModelFile) -> None:
    report = check(model_file("identity"))
    assert {finding.about for finding in report.of("note")} == {"manifest", "rate", "labels"}
    assert not report.of("warning")


def test_the_worst_comes_first_and_json_holds_it_all(tmp_path: Path) -> None:
    report = checked(Clicks(), tmp_path, delay=500)
    order = [finding.severity for finding in report.findings]
    assert order == sorted(order, key=["error", "warning", "note"].index)
    held = json.loads(json.dumps(report.as_dict()))
    assert held["ok"] is False
    assert held["findings"][0]["severity"] == "error"
    assert held["methods"]["forward"]["costs"][0]["block"] == 64
    assert report.summary.startswith(f"{tmp_path / 'made.ts'}: 2 errors, ")


def test_progress_counts_methods_and_attributes(model_file: ModelFile) -> None:
    told: list[tuple[int, int]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(model_file("gain"), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_checking_leaves_torch_as_it_was(model_file: ModelFile) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    check(model_file("noise"))
    assert torch.equal(before, torch.get_rng_state())
    assert FIXTURES["noise"].deterministic is False
