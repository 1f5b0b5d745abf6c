# SPDX-License-Identifier: MIT
"""What the packages for Pure Data and Max both hold."""

import os
import re
import subprocess
import sys
from pathlib import Path

import soundfile

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("effects", "descriptors", "vocoder")


def version() -> str:
    """As CMakeLists.txt states it."""
    found = re.search(r"project\(nnbridge VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert found
    return found[1]


def models(folder: Path) -> None:
    """Export the models that need no training; those that are there and up to date are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    # Of nnbridge they need what is written in Python, and so nothing has to be installed.
    known = os.pathsep.join([str(ROOT / "python"), os.environ.get("PYTHONPATH", "")])
    for name in MODELS:
        source = ROOT / "models" / name / f"{name}.py"
        target = folder / f"{name}.ts"
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(
                [sys.executable, "-W", "ignore", source, target],
                check=True,
                stdout=sys.stderr,
                env={**os.environ, "PYTHONPATH": known},
            )


def loop(file: Path) -> None:
    """Write the recording that help patches play."""
    file.parent.mkdir(parents=True, exist_ok=True)
    sound, rate = soundfile.read(ROOT / "models/loop/tabla.flac", dtype="int16")
    soundfile.write(file, sound, rate, subtype="PCM_16")
