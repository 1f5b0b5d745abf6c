# SPDX-License-Identifier: MIT
"""The dataset that these tests share."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("pytorch_lightning", reason="training is an extra: nnbridge[train]")
sys.path.insert(0, str(Path(__file__).parent))

from nnbridge.audio.dataset import Dataset


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    from rave_runs import make_dataset

    return make_dataset(tmp_path_factory.mktemp("plucks"))
