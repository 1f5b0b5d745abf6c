# SPDX-License-Identifier: MIT
"""By which command, program and machine a run was started."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

_PACKAGES = ("nnbridge", "torch", "pytorch-lightning", "numpy", "scipy")


def start(step: int) -> dict[str, Any]:
    """What a run.json keeps of one start.

    Args:
        step: where it begins, or goes on.
    """
    return {
        "step": step,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "versions": _versions(),
        "commit": _commit(),
        "machine": {
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        },
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def _commit() -> str | None:
    """Of the program, where it runs from its repository; with + where that was changed."""
    here = Path(__file__)
    git = ("git", "-C", str(here.parent))
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 10, "check": True}
    try:  # a repository that merely contains the environment we are installed in tells nothing
        subprocess.run([*git, "ls-files", "--error-unmatch", here.name], **options)
        asked = subprocess.run(
            [*git, "describe", "--always", "--dirty=+", "--exclude=*"], **options
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return str(asked.stdout).strip() or None
