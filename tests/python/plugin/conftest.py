# SPDX-License-Identifier: MIT
import os
from pathlib import Path

import pytest

from . import clap_host, lv2_host, vst3_host

ROOT = Path(__file__).resolve().parents[3]


def built() -> Path:
    """The folder of the plugins that were built last, or the one that NNBRIDGE_PLUGIN names."""
    if named := os.environ.get("NNBRIDGE_PLUGIN"):
        return Path(named)
    folders = [ROOT / "build/dev/bin", ROOT / "build/plugin/bin"]
    ages = {
        path: max((file.stat().st_mtime for file in path.glob("**/*.so")), default=0)
        for path in folders
    }
    return max(folders, key=ages.__getitem__)


BUILT = built()
GATE = BUILT.parent / "tests" / "plugin_gate.so"
URI = "https://nnbridge.org/plugin"


def plugin_file(name: str) -> Path:
    """A plugin, or the end of the test: a machine without DPF has none to test."""
    path = BUILT / name
    if not path.exists():
        without_dpf = not Path("/usr/share/dpf").exists()
        (pytest.skip if without_dpf else pytest.fail)("the plugin is not built: `make plugin`")
    return path


@pytest.fixture(scope="session")
def bundle():
    return plugin_file("nnbridge.vst3")


@pytest.fixture
def load(bundle):
    pedalboard = pytest.importorskip("pedalboard")
    return lambda: pedalboard.load_plugin(str(bundle))


@pytest.fixture
def clap():
    """A CLAP instance in a host of our own."""
    with clap_host.plugin(plugin_file("nnbridge.clap")) as plugin:
        yield plugin


@pytest.fixture
def lv2():
    """Makes LV2 instances, likewise."""
    bundle = plugin_file("nnbridge.lv2")
    return lambda rate, block, **options: lv2_host.plugin(bundle, rate, block, **options)


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
