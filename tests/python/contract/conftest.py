# SPDX-License-Identifier: MIT
"""Paths and settings for the tests of ``nnbridge.contract``."""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "python"))

torch.set_num_threads(1)


@pytest.fixture
def bare_load() -> Callable[[Path], Any]:
    """Load as any host would: ``torch.jit.load``, without its deprecation warning."""

    def load(path: Path) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.jit.load(str(path))

    return load
