# SPDX-License-Identifier: MIT
"""Whatever a file or a model does, the host goes on."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from fixtures import FIXTURES
from fixtures.misbehaving import (
    EMPTY,
    FLOAT64,
    INFINITE,
    INT64,
    NAN,
    NONE,
    SLOW,
    THROW,
    WRONG_CHANNELS,
    WRONG_LENGTH,
    WRONG_RANK,
)

import nnbridge

from .drive import run, run_patiently

BROKEN = [name for name, fixture in FIXTURES.items() if not fixture.playable]


def in_a_process_of_its_own(script: str | Path, *arguments: str, timeout: float = 120) -> str:
    """What a script printed; it must end by itself, and well."""
    source = [str(script)] if isinstance(script, Path) else ["-c", textwrap.dedent(script)]
    tests = str(Path(__file__).resolve().parents[1])
    paths = os.pathsep.join(filter(None, [tests, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, *source, *arguments],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_no_model_is_refused_in_one_sentence_that_names_it(model_file, name):
    path = model_file(name)
    with pytest.raises(nnbridge.Error) as caught:
        nnbridge.load(path)
    message = str(caught.value)
    assert f"'{path}'" in message
    assert "\n" not in message
    assert message.endswith(".")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(nnbridge.Error, match="There is no file"):
        nnbridge.load(tmp_path / "nowhere.ts")
    with pytest.raises(nnbridge.Error, match="is not a file"):
        nnbridge.load(tmp_path)


def test_a_device_that_is_not_there_is_refused(model_file):
    with pytest.raises(nnbridge.Error, match="There is no device 'toaster'"):
        nnbridge.load(model_file("gain"), device="toaster")
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(nnbridge.Error, match="'cuda' is not available here"):
            nnbridge.load(model_file("gain"), device="cuda")


@pytest.mark.parametrize("name", ["cached_conv", "rave_v2"])
def test_random_bit_flips_end_in_an_error_or_in_a_stream_that_plays(model_file, tmp_path, name):
    script = """
        import sys
        import numpy as np
        import nnbridge
        source, scratch = sys.argv[1:]
        whole = open(source, "rb").read()
        random = np.random.default_rng(1)
        refused = played = 0
        for _ in range(250):
            data = bytearray(whole)
            data[random.integers(len(data))] ^= 1 << random.integers(8)
            open(scratch, "wb").write(data)
            try:
                stream = nnbridge.load(scratch).stream(block=2048)
                stream.process(np.zeros((stream.in_channels, 4096), np.float32))
                played += 1
            except nnbridge.Error:
                refused += 1
        print(refused, played)
    """
    printed = in_a_process_of_its_own(script, str(model_file(name)), str(tmp_path / "flipped.ts"))
    refused, played = map(int, printed.split())
    assert refused + played == 250
    assert refused > 100  # the rest hit padding; with both files, 500 flips in all


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_a_file_cut_short_anywhere_is_refused(model_file, tmp_path, cut):
    whole = model_file("rave_v2").read_bytes()
    for length in range(cut, len(whole), max(cut, len(whole) // 40)):
        path = tmp_path / "cut.ts"
        path.write_bytes(whole[:length])
        with pytest.raises(nnbridge.Error):
            nnbridge.load(path)


TROUBLE = {
    "throws": (THROW, "this model was told to throw"),
    "returns NaN": (NAN, "NaN or infinity"),
    "returns infinity": (INFINITE, "NaN or infinity"),
    "returns half a block": (WRONG_LENGTH, "returned the shape"),
    "returns two channels": (WRONG_CHANNELS, "returned the shape"),
    "returns two dimensions": (WRONG_RANK, "returned the shape"),
    "returns nothing": (EMPTY, "returned the shape"),
    "returns None": (NONE, "instead of a tensor"),
    "returns whole numbers": (INT64, "float32"),
}


@pytest.mark.parametrize("realtime", [False, True], ids=["inline", "realtime"])
@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_failing_block_is_counted_and_silent_and_the_rest_is_not(model_file, trouble, realtime):
    mode, words = TROUBLE[trouble]
    stream = nnbridge.load(model_file("misbehaving")).stream(
        host_block=512, realtime=realtime, deadline=512 if realtime else None
    )
    drive = run_patiently if realtime else run
    sound = np.full((1, 2048), 0.5, np.float32)
    assert np.all(drive(stream, sound, 512)[:, stream.latency.stream :] == 0.5)
    stream.set("mode", mode)
    heard = drive(stream, sound, 512)
    assert stream.stats.failed == 4
    assert words in stream.stats.last_failure
    assert np.all(np.isfinite(heard))
    assert np.all(heard[:, -512:] == 0)
    stream.set("mode", 0)
    assert np.all(drive(stream, sound, 512)[:, -512:] == 0.5)
    assert stream.stats.failed == 4
    assert stream.stats.late == 0


def test_a_model_of_another_float_precision_is_played(model_file):
    stream = nnbridge.load(model_file("misbehaving")).stream(host_block=512)
    stream.set("mode", FLOAT64)
    sound = np.full((1, 2048), 0.5, np.float32)
    assert np.all(run(stream, sound, 512) == 0.5)


@pytest.mark.parametrize("trouble", ["throws", "returns half a block", "returns None"])
def test_a_model_that_fails_on_silence_is_refused_when_its_stream_is_made(model_file, trouble):
    mode, words = TROUBLE[trouble]
    model = nnbridge.load(model_file("misbehaving"))
    model.set("mode", mode)
    with pytest.raises(nnbridge.Error, match=words):
        model.stream()


def slow_stream(model_file, **options):
    model = nnbridge.load(model_file("misbehaving"))
    # Past the calls that warm it up; a reset starts the count again.
    model.set("after", 20)
    model.set("mode", SLOW)
    stream = model.stream(realtime=True, deadline=512, host_block=512, **options)
    block = np.full((1, 512), 0.5, np.float32)
    for _ in range(20):
        run_patiently(stream, block, 512)
    return stream, block


def test_a_block_that_takes_a_second_is_late_and_the_audio_thread_never_waits(model_file):
    stream, block = slow_stream(model_file)
    stream.process(block)
    slowest = 0.0
    heard = []
    for _ in range(20):
        before = time.perf_counter()
        heard.append(stream.process(block))
        slowest = max(slowest, time.perf_counter() - before)
    assert stream.stats.late > 0
    assert np.all(heard[-1] == 0)
    assert slowest < 0.25  # the model takes a second; what is left is the machine's own noise


def test_a_stream_is_destroyed_while_its_model_runs(model_file):
    stream, block = slow_stream(model_file)
    stream.process(block)
    del stream


def test_twelve_streams_are_destroyed_with_inferences_in_flight(model_file):
    script = """
        import sys
        import numpy as np
        import nnbridge
        model = nnbridge.load(sys.argv[1])
        streams = [model.stream(realtime=True, host_block=512) for _ in range(12)]
        block = np.zeros((1, 512), np.float32)
        for round in range(50):
            for stream in streams:
                stream.process(block)
        del streams
        print("done")
    """
    assert in_a_process_of_its_own(script, str(model_file("one_ms"))) == "done\n"


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "raise SystemExit"])
def test_a_process_ends_well_with_twelve_inferences_in_flight(model_file, ending):
    script = f"""
        import sys
        import numpy as np
        import nnbridge
        model = nnbridge.load(sys.argv[1])
        streams = [model.stream(realtime=True, host_block=512) for _ in range(12)]
        block = np.zeros((1, 512), np.float32)
        for round in range(20):
            for stream in streams:
                stream.process(block)
        {ending}
    """
    for _ in range(2):
        in_a_process_of_its_own(script, str(model_file("one_ms")))


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_a_thousand_loads_and_unloads_leave_no_memory_behind(model_file):
    path = model_file("rave_v2")
    block = np.zeros((1, 2048), np.float32)

    def cycle(realtime):
        stream = nnbridge.load(path).stream(realtime=realtime)
        stream.process(block)

    for count in range(200):
        cycle(realtime=count % 2 == 0)
    before = resident_megabytes()
    for count in range(1000):
        cycle(realtime=count % 2 == 0)
    # 8 kB a cycle; a model of this fixture is 100 kB, a thread's stack more.
    assert resident_megabytes() - before < 8


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_models_of_one_file_share_their_weights_and_not_their_state(tmp_path):
    heavy = Path(__file__).with_name("heavy.py")
    grown = in_a_process_of_its_own(heavy, str(tmp_path / "heavy.ts"))
    assert float(grown) < 64  # eight copies would be 512 MB
