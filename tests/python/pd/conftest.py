# SPDX-License-Identifier: MIT
import shutil

import pytest

from .puredata import EXTERNAL


@pytest.fixture(scope="session", autouse=True)
def pd_and_the_external():
    if not shutil.which("pd"):
        pytest.skip("Pd is not installed")
    if not list(EXTERNAL.glob("nn~.*")):
        pytest.fail(f"there is no external in {EXTERNAL}: build it with `make pd`")
