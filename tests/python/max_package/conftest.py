# SPDX-License-Identifier: MIT
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "externals/max/package"
sys.path[:0] = [str(SOURCES), str(ROOT / "externals/common")]


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a user copies into Max's, without the externals."""
    folder = tmp_path_factory.mktemp("max-package")
    subprocess.run(
        [sys.executable, SOURCES / "assemble.py", folder],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return folder / "nnbridge"
