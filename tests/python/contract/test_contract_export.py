# SPDX-License-Identifier: MIT
"""What lands in the file, and what does not."""

import json
import os
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import nnbridge.contract
from nnbridge.contract import Buffer, ContractError, Module, export, read_manifest

Load = Callable[[Path], Any]
SOURCE = Path(nnbridge.contract.__file__).resolve().parents[2]


class Remembers(Module):
    """Keeps state in every kind of place that authors use."""

    things: dict[str, torch.Tensor]
    past: list[torch.Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("swept", torch.zeros(1, 1, 4))
        self.register_buffer("grown", torch.zeros(1, 1, 0))
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.plain = torch.zeros(1)
        self.count = 0
        self.rate = 0.5
        self.things = {"a": torch.zeros(1)}
        self.past = [torch.zeros(1), torch.zeros(1)]
        self.register_attribute("flag", True)
        self.register_attribute("sound", Buffer())
        self.dropout = torch.nn.Dropout(0.5)
        self.register_method("forward", 1, 1, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            self.swept.copy_(x[:1, :, -4:] + 1.0)
            self.weight.add_(1.0)
        self.grown = torch.cat([self.grown, x[:1]], -1)
        self.plain = self.plain + 1.0
        self.count = self.count + 1
        self.rate = self.rate * 0.5
        self.things["a"].add_(1.0)
        self.past[0] = self.past[0] + 1.0
        self.past[1].add_(1.0)
        self.flag = (False,)
        self.sound[0].set_value(x[0], 5)
        return self.dropout(x)


def pristine(model: Any) -> None:
    assert model.swept.tolist() == [[[0.0, 0.0, 0.0, 0.0]]]
    assert list(model.grown.shape) == [1, 1, 0]
    assert model.weight.tolist() == [0.0]
    assert model.plain.tolist() == [0.0]
    assert (model.count, model.rate) == (0, 0.5)
    assert model.things["a"].tolist() == [0.0]
    assert [t.tolist() for t in model.past] == [[0.0], [0.0]]
    assert model.flag == (True,)
    assert model.sound[0].value.numel() == 0
    assert model.sound[0].sr == -1


def test_trying_a_method_leaves_no_trace_in_its_module() -> None:
    made = Remembers()
    pristine(made)
    assert made.training
    assert made.dropout.training


def test_what_is_written_is_the_state_before_the_checks(tmp_path: Path, bare_load: Load) -> None:
    made = Remembers()
    path = export(made, tmp_path / "remembers.ts")
    pristine(bare_load(path))
    pristine(made)
    assert made.training
    export(made, tmp_path / "again.ts")
    pristine(bare_load(tmp_path / "again.ts"))


def test_the_state_that_the_author_made_is_kept(tmp_path: Path, bare_load: Load) -> None:
    made = Remembers()
    made.eval()
    made(torch.ones(1, 1, 8))
    model = bare_load(export(made, tmp_path / "played.ts"))
    assert model.count == 1
    assert model.plain.tolist() == [1.0]
    assert model.sound[0].value.shape == (1, 8)


def test_two_names_for_one_tensor_stay_two_names_for_one_tensor() -> None:
    class Twice(Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = torch.zeros(4)
            self.alias = self.line
            self.part = self.line[1:3]
            self.register_method("forward", 1, 1, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.line.add_(1.0)
            self.part.mul_(3.0)
            return x

    made = Twice()
    assert made.alias is made.line
    assert made.line.tolist() == [0.0] * 4
    made.line.add_(1.0)
    assert made.alias.tolist() == [1.0] * 4
    assert made.part.tolist() == [1.0] * 2


def test_a_compiled_model_inside_keeps_its_state_too(tmp_path: Path, bare_load: Load) -> None:
    from fixtures import build

    inner = build("state_in_int", tmp_path)

    class Around(Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = bare_load(inner)
            self.register_method("forward", 1, 1, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x)

    made = Around()
    assert made.inner.seen == 0
    assert bare_load(export(made, tmp_path / "around.ts")).inner.seen == 0


def test_the_random_generator_goes_on_as_if_nothing_had_been_tried(tmp_path: Path) -> None:
    class Noise(Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_method("forward", 1, 1, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.rand_like(x)

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    export(Noise(), tmp_path / "noise.ts")
    assert torch.equal(torch.rand(3), expected)


class Documented(Module):
    def __init__(self) -> None:
        super().__init__(44100)
        self.register_attribute("gain", 1.0, min=0, max=2.0, unit="dB", description="loudness")
        self.register_attribute("mixed", (True, 3, "up", torch.ones(2), Buffer(), float("inf")))
        self.register_method("forward", 1, 1, 1, 1, step=2048, delay=640)
        self.register_method("encode", 1, 1, 2, 6, description="to latents")
        self.register_method("noisy", 1, 4, 1, 6)
        self.register_method("claims", 1, 1, 1, 1, random=True)
        self.register_method("counted", 1, 512, 1, 512, test_method=False)
        self.metadata(
            name="A model",
            authors=["Ada", "Ben"],
            license="CC-BY-4.0",
            citation="doi:10.1/2",
            description="Does things.",
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The first line is the description.

        Not this one.
        """
        return x * self.gain[0]

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x[..., ::6].repeat(1, 2, 1)

    @torch.jit.export
    def noisy(self, x: torch.Tensor) -> torch.Tensor:
        return torch.randn(x.shape[0], 1, x.shape[-1] * 4 // 6)

    @torch.jit.export
    def claims(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_the_manifest_says_what_the_author_said(tmp_path: Path) -> None:
    path = export(Documented(), tmp_path / "documented.ts")
    found: Any = read_manifest(path)
    assert found.pop("torch") == str(torch.__version__)
    assert isinstance(found.pop("nnbridge"), str)

    def entry(step: int, delay: int | None, random: bool, text: str) -> dict[str, Any]:
        return {"step": step, "delay": delay, "random": random, "description": text}

    assert found == {
        "schema": 1,
        "sample_rate": 44100,
        "methods": {
            "forward": entry(2048, 640, False, "The first line is the description."),
            "encode": entry(6, None, False, "to latents"),
            "noisy": entry(12, None, True, ""),
            "claims": entry(1, None, True, ""),
            "counted": entry(512, None, False, ""),
        },
        "attributes": {
            "gain": {
                "min": 0,
                "max": 2.0,
                "unit": "dB",
                "default": [1.0],
                "description": "loudness",
            },
            "mixed": {
                "min": None,
                "max": None,
                "unit": "",
                "default": [True, 3, "up", None, None, None],
                "description": "",
            },
        },
        "name": "A model",
        "authors": ["Ada", "Ben"],
        "license": "CC-BY-4.0",
        "citation": "doi:10.1/2",
        "description": "Does things.",
    }


def test_the_manifest_is_a_torchscript_extra_file(tmp_path: Path) -> None:
    path = export(Documented(), tmp_path / "documented.ts")
    extra = {"nnbridge.json": ""}
    torch.jit.load(str(path), _extra_files=extra)
    assert json.loads(extra["nnbridge.json"]) == read_manifest(path)
    with zipfile.ZipFile(path) as archive:
        assert "extra/nnbridge.json" in [n.partition("/")[2] for n in archive.namelist()]


def test_a_model_that_says_nothing_gets_an_honest_manifest(tmp_path: Path) -> None:
    class Quiet(Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_method("forward", 1, 1, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    found: Any = read_manifest(export(Quiet(), tmp_path / "quiet.ts"))
    assert found["sample_rate"] is None
    assert found["methods"]["forward"] == {
        "step": 1,
        "delay": None,
        "random": False,
        "description": "",
    }
    assert (found["name"], found["authors"], found["license"]) == ("Quiet", [], "")


def test_a_foreign_file_has_no_manifest(tmp_path: Path) -> None:
    from fixtures import build

    assert read_manifest(build("rave_v2", tmp_path)) is None


def test_export_says_nothing_on_the_console(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export(Documented(), tmp_path / "documented.ts")
    assert capfd.readouterr() == ("", "")


def test_a_suffix_is_added_only_where_there_is_none(tmp_path: Path) -> None:
    assert export(Documented(), tmp_path / "plain").name == "plain.ts"
    assert export(Documented(), tmp_path / "other.pt").name == "other.pt"


def test_a_failed_export_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.ts"
    path.write_bytes(b"the old one")

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(torch.jit, "save", full)
    with pytest.raises(OSError, match="no space"):
        export(Documented(), path)
    assert path.read_bytes() == b"the old one"
    assert [p.name for p in tmp_path.iterdir()] == ["model.ts"]


def test_the_file_can_be_read_by_whom_the_author_allows(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        path = export(Documented(), tmp_path / "model.ts")
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o644


def run(code: str, *arguments: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_process_without_nnbridge_plays_the_file(tmp_path: Path) -> None:
    path = export(Documented(), tmp_path / "documented.ts")
    code = """
import sys, torch
model = torch.jit.load(sys.argv[1])
assert model.set_gain(3.0) == -1 and model.set_gain(0.5) == 0
assert not [name for name in sys.modules if name.startswith("nnbridge")]
print(model(torch.ones(1, 1, 2)).tolist(), model.get_methods())
"""
    methods = "['forward', 'encode', 'noisy', 'claims', 'counted']"
    assert run(code, path) == f"[[[0.5, 0.5]]] {methods}"


def test_export_works_from_a_read_only_installation(tmp_path: Path) -> None:
    """No file is written but the model: a hook on every opening for writing says so."""
    code = """
import os, sys
home = os.path.realpath(sys.argv[1])
sys.path.insert(0, home)
sys.dont_write_bytecode = True
written = []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        mode, flags = arguments[1] or "", arguments[2]
        if any(c in mode for c in "wax+") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            written.append(arguments[0])
    if event in ("os.mkdir", "os.rename"):
        written.append(str(arguments[0 if event == "os.mkdir" else 1]))
sys.addaudithook(watch)
from nn_author import AudioUtils
written.clear()
AudioUtils().export_to_ts(sys.argv[2])
out = os.path.dirname(os.path.realpath(sys.argv[2]))
print([w for w in written if not os.path.realpath(w).startswith(out)])
"""
    target = tmp_path / "out"
    target.mkdir()
    here = Path(__file__).parent
    found = run(code, SOURCE, target / "utils.ts", PYTHONPATH=str(here))
    assert found == "[]"
    assert [p.name for p in target.iterdir()] == ["utils.ts"]


def test_authoring_needs_no_compiled_engine() -> None:
    code = """
import sys
sys.modules["nnbridge._engine"] = None
sys.path.insert(0, sys.argv[1])
import nnbridge.contract
print("works")
"""
    assert run(code, SOURCE) == "works"


def test_generated_source_survives_a_cleared_line_cache(tmp_path: Path) -> None:
    import linecache

    made = Documented()
    made.finish()
    linecache.clearcache()
    export(made, tmp_path / "model.ts")


def test_torch_jit_script_alone_finishes_the_module() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted: Any = torch.jit.script(Documented())
    assert scripted.set_gain(3.0) == -1


def test_labels_and_step_of_a_ratio_that_is_no_power_of_two(
    tmp_path: Path, bare_load: Load
) -> None:
    class Frames(Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_method("forward", 1, 1, 1, 480)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(x.shape[0], 1, -1, 480).mean(-1)

    path = export(Frames(), tmp_path / "frames.ts")
    found: Any = read_manifest(path)
    assert found["methods"]["forward"]["step"] == 480
    with pytest.raises(ContractError):
        Frames().register_method("forward", 1, 1, 1, 480)
