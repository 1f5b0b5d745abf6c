# SPDX-License-Identifier: MIT
"""An audio file is written whole, or not at all."""

import resource
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

import nnbridge
from nnbridge.rendering.sinks import write_audio

SOUND = np.linspace(-2.0, 2.0, 40000, dtype=np.float32).reshape(2, 20000)


def test_what_is_written_comes_back_sample_for_sample(tmp_path: Path) -> None:
    write_audio(tmp_path / "out.wav", SOUND, 48000)
    heard, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert rate == 48000
    np.testing.assert_array_equal(heard.T, SOUND)


def test_on_a_full_disk_the_file_of_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    path.write_bytes(b"an older recording")
    used = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, used[1]))
    try:
        with pytest.raises(nnbridge.Error, match=r"can't be written"):
            write_audio(path, SOUND, 48000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, used)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == b"an older recording"
    assert list(tmp_path.iterdir()) == [path]
