# SPDX-License-Identifier: MIT
"""Runs a script under the net that catches what an audio thread must not do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

NETS = sorted((ROOT / "build").glob("*/libaudio_thread_net.so"))
needs_net = pytest.mark.skipif(not NETS, reason="built without the net under the audio thread")

# Behind a script that has the net as `net`: calls that were watched, and a line for each fault.
_REPORT = """
net.audio_thread_net_passages.restype = ctypes.c_long
net.audio_thread_net_violation.restype = ctypes.c_char_p
net.audio_thread_net_caller.restype = ctypes.c_char_p
print(net.audio_thread_net_passages())
for index in range(net.audio_thread_net_violations()):
    print(net.audio_thread_net_violation(index), net.audio_thread_net_caller(index))
"""


def watched(script: str, *words: str | Path, **environment: str) -> list[str]:
    """What the script printed, how many calls were watched, and what was caught in them."""
    done = subprocess.run(
        [sys.executable, "-c", script + _REPORT, *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"LD_PRELOAD": str(NETS[0])} | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
