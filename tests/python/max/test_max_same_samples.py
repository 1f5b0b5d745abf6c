# SPDX-License-Identifier: MIT
"""What the objects play is what `nnbridge render` writes, bit for bit, after the latency told."""

import subprocess
import sys
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import soundfile
from fixtures import FIXTURES

import nnbridge

from .maxhost import Object

FRAMES = 8192
SEED = 5
VECTORS = [
    size if size in (16, 256, 4096) else pytest.param(size, marks=pytest.mark.extended)
    for size in (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
]
MODES = ("inline", "threaded")
PLAYED = [
    (name, method)
    for name, fixture in FIXTURES.items()
    if fixture.playable
    for method in fixture.contract["methods"]
    if method not in fixture.contract["uncallable"]
]
REPEATING = [(name, method) for name, method in PLAYED if FIXTURES[name].deterministic]
# Side by side, items are one batch for the model; in `render` each has a model of its own. These
# keep the state of one item, or their convolutions round a batch otherwise than an item: what they
# play is compared with an offline stream of as many items.
ONE_STATE = {("rave_v1", "prior"), ("delay_37", "forward"), ("delay_1000", "forward")}
ONE_STATE |= {("delay_line", "forward")}
ROUNDED = {("cached_conv", "forward"), ("one_ms", "forward")}


def sound(rows: int, frames: int = FRAMES) -> np.ndarray:
    noise = np.random.default_rng(3).standard_normal((rows, frames))
    return (0.3 * noise).astype(np.float32)


def rate_of(name: str) -> int:
    return FIXTURES[name].contract["sample_rate"] or 44100


def frames_of(name: str) -> int:
    """Enough for the latency and some blocks."""
    return max(FRAMES, 4 * FIXTURES[name].contract["step"]["any"])


def size_of(mode: str) -> int:
    return 0 if mode == "inline" else 1024


def play(nn: Object, given: np.ndarray, mode: str) -> tuple[np.ndarray, int, int]:
    """What comes out, the latency of the stream, and the model's block."""
    block = int(nn.ask("bang", "bufsize")[0])
    latency = int(nn.ask("latency")[2])  # of the stream: the model's own is in both
    got = nn.run(given, block=0 if mode == "inline" else block)
    return got, latency, block


def check(got: np.ndarray, latency: int, want: np.ndarray, least: int) -> None:
    assert not got[:, :latency].any()
    got = got[:, latency:]
    count = min(got.shape[1], want.shape[1])
    assert count >= least
    assert got[:, :count].any()
    np.testing.assert_array_equal(got[:, :count], want[:, :count])


@pytest.fixture(scope="module")
def rendered(model_file) -> Callable[..., np.ndarray]:
    """What `nnbridge render` makes of `sound`, below the audio rate too: [channels, frames]."""

    @cache
    def render(name: str, method: str, block: int, items: int = 1) -> np.ndarray:
        inputs, in_ratio, _, out_ratio = FIXTURES[name].contract["methods"][method]
        values = sound(items * inputs, frames_of(name) // in_ratio)
        made = nnbridge.render(
            model_file(name),
            values,
            method=method,
            sample_rate=rate_of(name),
            block=block,
            tail=0,
            seed=SEED,
        )
        assert made.values is not None
        return np.repeat(made.values, out_ratio, axis=1)

    return render


def offline(path, method: str, rate: int, block: int, batch: int, items: np.ndarray) -> np.ndarray:
    """[items, channels, frames] through a stream of `batch` items, without its latency."""
    model = nnbridge.load(path)
    stream = model.stream(method, sample_rate=rate, block=block, batch=batch)
    out = np.asarray(stream.process(items if batch > 1 else items[0]))
    out = out if out.ndim == 3 else out[None]
    return out[..., stream.latency.stream :]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize(("name", "method"), PLAYED)
def test_nn_gives_what_nnbridge_render_gives(
    max_host, model_file, rendered, name, method, vector, mode
):
    nn = max_host.new(f"nn~ {model_file(name)} {method} {size_of(mode)}")
    if not FIXTURES[name].deterministic:
        nn.send(f"seed {SEED}")
        nn.send("reload")  # which says when both are done
        nn.until("loaded")
    nn.compile(vector, rate_of(name))
    inputs, in_ratio, _, out_ratio = FIXTURES[name].contract["methods"][method]
    assert nn.inlets == inputs
    given = np.repeat(sound(inputs, frames_of(name) // in_ratio), in_ratio, axis=1)
    whole = np.pad(given, [(0, 0), (0, -given.shape[1] % vector)])
    got, latency, block = play(nn, whole, mode)
    assert not got[:, :latency].any()
    if out_ratio == 1:  # there render takes out what the model itself adds, too
        latency = int(nn.ask("latency")[0])
    want = rendered(name, method, block)
    got = got[:, latency:]
    count = min(got.shape[1], want.shape[1])
    assert count >= FRAMES // 4
    assert got[:, :count].any()
    np.testing.assert_array_equal(got[:, :count], want[:, :count])


KINDS = ("mc.nn~", "mcs.nn~")


@pytest.fixture
def check_batch(max_host, model_file, rendered):
    """Compares one mc.nn~ or mcs.nn~, with `batch` items coming in, with `nnbridge render`."""

    def check_one(kind, name, method, batch, vector, mode):
        path, rate = model_file(name), rate_of(name)
        inputs, in_ratio, outputs, _ = FIXTURES[name].contract["methods"][method]
        if kind == "mc.nn~":
            nn = max_host.new(f"mc.nn~ {path} {method} {size_of(mode)}")
            counts = [batch] * inputs
        else:
            nn = max_host.new(f"mcs.nn~ {path} {method} {batch} {size_of(mode)}")
            counts = [inputs] * batch
        assert nn.inlets == len(counts)
        nn.compile(vector, rate, counts)
        assert nn.channels == ([batch] * outputs if kind == "mc.nn~" else [outputs] * batch)
        values = sound(batch * inputs, frames_of(name) // in_ratio)
        items = np.repeat(values, in_ratio, axis=1).reshape(batch, inputs, -1)
        given = items.transpose(1, 0, 2) if kind == "mc.nn~" else items
        whole = np.pad(given, [(0, 0), (0, 0), (0, -given.shape[2] % vector)])
        got, latency, block = play(nn, whole.reshape(batch * inputs, -1), mode)
        if (name, method) in ONE_STATE | ROUNDED:
            want = offline(path, method, rate, block, batch, items)
        else:
            want = rendered(name, method, block, batch).reshape(batch, outputs, -1)
            got, latency = got[:, int(nn.ask("latency")[0]) :], 0
        if kind == "mc.nn~":
            want = want.transpose(1, 0, 2)
        check(got, latency, want.reshape(batch * outputs, -1), FRAMES // 4)

    return check_one


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize("batch", [1, 2, 5, 16])
@pytest.mark.parametrize(("name", "method"), [("three_to_two", "forward"), ("rave_v2", "encode")])
def test_a_batch_gives_what_nnbridge_render_gives_for_each_item(
    check_batch, name, method, batch, vector, mode, kind
):
    check_batch(kind, name, method, batch, vector, mode)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "method"), REPEATING)
def test_every_method_plays_in_batches(check_batch, name, method, kind):
    check_batch(kind, name, method, 2, 256, "inline")


@pytest.mark.extended
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("batch", [1, 5, 16])
@pytest.mark.parametrize(("name", "method"), REPEATING)
def test_every_method_plays_in_batches_of_every_size(check_batch, name, method, batch, mode, kind):
    check_batch(kind, name, method, batch, 64, mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_channel_counts_may_change_from_one_compilation_to_the_next(
    max_host, model_file, kind, mode
):
    path = model_file("three_to_two")
    wide = [5, 1, 16, 2, 16, 3]
    items_of = "forward 3" if kind == "mcs.nn~" else "forward"
    nn = max_host.new(f"{kind} {path} {items_of} {size_of(mode)}")
    for step, count in enumerate(wide):
        vector = (64, 512, 16)[step % 3]
        # The inlets differ: what one lacks is silence.
        counts = [count, max(1, count - 1), 1]
        before = nn.channels or [1 if kind == "mc.nn~" else 2] * (len(nn.outlet_types) - 1)
        nn.compile(vector, 44100, counts)
        # By this Max knows that the channels of the outlets are others than before.
        assert any(nn.changed) == (nn.channels != before)
        given = sound(sum(counts))
        inlets = np.split(given, np.cumsum(counts)[:-1])
        got, latency, block = play(nn, given, mode)
        if kind == "mc.nn~":
            batch, channels = count, 3
            items = np.zeros((batch, channels, FRAMES), np.float32)
            for channel, rows in enumerate(inlets):
                items[: len(rows), channel] = rows
        else:
            batch, channels = 3, 3
            items = np.zeros((batch, channels, FRAMES), np.float32)
            for item, rows in enumerate(inlets):
                items[item, : min(3, len(rows))] = rows[:3]
        want = offline(path, "forward", 44100, block, batch, items)
        if kind == "mc.nn~":
            want = want.transpose(1, 0, 2)
        check(got, latency, want.reshape(-1, want.shape[-1]), FRAMES // 4)


def test_a_vector_larger_than_the_block_plays(max_host, model_file):
    """nn~ switches itself off there; models of ratio 1 without a size got a block of one sample."""
    path = model_file("gain")
    nn = max_host.new(f"nn~ {path}")
    nn.compile(4096)
    got, latency, block = play(nn, sound(1), "threaded")
    assert block == 512
    check(got, latency, offline(path, "forward", 44100, block, 1, sound(1)[None])[0], FRAMES // 4)
    assert nn.attribute("enable") == 1


def test_nn_gives_what_the_command_line_renders(max_host, model_file, tmp_path):
    path = model_file("delay_1000")
    nn = max_host.new(f"nn~ {path} forward 2048")
    nn.compile(64)
    given = sound(1)
    soundfile.write(tmp_path / "in.wav", given[0], 44100, subtype="FLOAT")
    got = nn.run(given, block=2048)
    latency = int(nn.ask("latency")[0])
    command = ["render", path, tmp_path / "in.wav", tmp_path / "out.wav"]
    subprocess.run(
        [sys.executable, "-m", "nnbridge.cli", *command, "--block", "2048", "--quiet"],
        check=True,
        capture_output=True,
    )
    rendered, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    heard = got[0, latency:]
    np.testing.assert_array_equal(heard, rendered[: len(heard)])


def test_a_model_of_another_rate_is_resampled_as_offline(max_host, model_file):
    path = model_file("identity_48000")
    nn = max_host.new(f"nn~ {path} forward 0")
    nn.compile(64, 44100)
    got, latency, block = play(nn, sound(1), "inline")
    check(got, latency, offline(path, "forward", 44100, block, 1, sound(1)[None])[0], FRAMES // 4)
    max_host.wait(40)
    assert any("converting" in line for line in max_host.said("post"))
