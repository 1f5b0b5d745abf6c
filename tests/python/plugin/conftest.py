# SPDX-License-Identifier: MIT
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUNDLE = ROOT / "build" / "plugin" / "bin" / "nnbridge.vst3"


@pytest.fixture(scope="session")
def bundle():
    if not BUNDLE.is_dir():
        pytest.skip("the plugin is not built: `make plugin`")
    return BUNDLE


@pytest.fixture
def load(bundle):
    pedalboard = pytest.importorskip("pedalboard")
    return lambda: pedalboard.load_plugin(str(bundle))
