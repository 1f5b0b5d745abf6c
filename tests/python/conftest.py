# SPDX-License-Identifier: MIT
"""What all tests share: the fixtures' folder on the path, one thread for torch."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes a fixture once for the whole run: ``model_file("gain")`` is its path."""
    from fixtures import build

    directory = tmp_path_factory.mktemp("models")
    built: dict[str, Path] = {}

    def path_of(name: str) -> Path:
        if name not in built:
            built[name] = build(name, directory)
        return built[name]

    return path_of
