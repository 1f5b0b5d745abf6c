# SPDX-License-Identifier: MIT
"""What README.md shows in Python runs as it stands there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnbridge.contract import export

ROOT = Path(__file__).parents[3]
SNIPPETS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `make demo` has left its effects."""
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    effects = runpy.run_path(str(ROOT / "models" / "effects" / "effects.py"), run_name="effects")
    export(effects["Effects"](), "out/effects.ts")
    return tmp_path


def pasted(snippet: str, **names: Any) -> dict[str, Any]:
    """A snippet in a module of its own, whose source TorchScript can read."""
    file = Path("pasted.py")
    file.write_text(snippet, "utf-8")
    return runpy.run_path(str(file), names, run_name="pasted")


def test_the_snippets_of_the_readme_run_as_they_are(folder: Path) -> None:
    play, author, live = SNIPPETS
    sound = np.random.default_rng(1).standard_normal((1, 512)).astype(np.float32)
    played = pasted(play, input=sound)
    assert played["output"].shape == sound.shape
    pasted(author)
    assert (folder / "louder.ts").exists()
    import nnbridge

    model = nnbridge.load("louder.ts")
    told = pasted(live, model=model, other=model)
    assert told["stream"].latency.total > 0
