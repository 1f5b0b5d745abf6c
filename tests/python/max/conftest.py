# SPDX-License-Identifier: MIT
from collections.abc import Iterator

import pytest

from .maxhost import HOST, Host


@pytest.fixture(scope="session", autouse=True)
def the_test_host() -> None:
    if not HOST.exists():
        pytest.fail(f"there is no {HOST}: build it with `cmake --build --preset dev`")


@pytest.fixture(scope="session")
def running() -> Iterator[list[Host]]:
    """The Max that tests share, as starting one takes its time; it has to quit cleanly."""
    hosts: list[Host] = []
    yield hosts
    for host in hosts:
        host.close()


@pytest.fixture
def max_host(running: list[Host]) -> Iterator[Host]:
    """A Max whose patcher is empty."""
    if not running:
        running.append(Host())
    host = running[0]
    host.clear()
    yield host
    if host.process.poll() is None:
        host.clear()
    else:
        running.clear()  # the test says why
