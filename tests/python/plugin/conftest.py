# SPDX-License-Identifier: MIT
from pathlib import Path

import pytest

from . import clap_host, lv2_host, vst3_host

ROOT = Path(__file__).resolve().parents[3]
BUILT = ROOT / "build" / "plugin" / "bin"
GATE = BUILT.parent / "tests" / "plugin_gate.so"


def _built(name):
    path = BUILT / name
    if not path.exists():
        pytest.skip("the plugin is not built: `make plugin`")
    return path


@pytest.fixture(scope="session")
def bundle():
    return _built("nnbridge.vst3")


@pytest.fixture
def load(bundle):
    pedalboard = pytest.importorskip("pedalboard")
    return lambda: pedalboard.load_plugin(str(bundle))


@pytest.fixture
def clap():
    """A CLAP instance in a host of our own."""
    with clap_host.plugin(_built("nnbridge.clap")) as plugin:
        yield plugin


@pytest.fixture
def lv2():
    """Makes LV2 instances, likewise."""
    bundle = _built("nnbridge.lv2")
    return lambda rate, block: lv2_host.plugin(bundle, rate, block)


@pytest.fixture
def vst3(bundle):
    """Makes VST3 instances, likewise."""
    return lambda **options: vst3_host.plugin(bundle, GATE, **options)


@pytest.fixture
def slow_file(tmp_path):
    """It takes a while to see that this is no model: it is large (and takes no room)."""
    path = tmp_path / "slow.ts"
    with path.open("wb") as file:
        file.truncate(1 << 29)
    return path
