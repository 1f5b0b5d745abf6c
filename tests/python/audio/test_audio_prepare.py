# SPDX-License-Identifier: MIT
"""A preparation loses nothing, repeats nothing, and survives anything."""

import json
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nnbridge.audio import AudioError
from nnbridge.audio.dataset import Dataset
from nnbridge.audio.prepare import prepare


def stored(dataset: Dataset) -> dict[str, np.ndarray]:
    """The samples of each file, by its name, as 16-bit integers."""
    return {
        Path(file.path).name: np.round(split.file(i) * 32768).astype(np.int16)
        for split in map(dataset.split, ("train", "validation"))
        for i, file in enumerate(split.files)
    }


def in_another_process(action: Callable[[], object]) -> tuple[int, str]:
    """Its status, and what it raised."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            action()
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    return os.waitpid(process, 0)[1], said


def test_sixteen_bit_files_at_the_right_rate_are_kept_to_the_bit(record, tmp_path):
    written = {f"{i}.wav": record(f"in/{i}.wav", 0.1 + 0.1 * i, seed=i) for i in range(4)}
    dataset = prepare([tmp_path / "in"], tmp_path / "out", 8000).dataset
    there = stored(dataset)
    assert there.keys() == written.keys()
    for name, samples in written.items():
        np.testing.assert_array_equal(there[name], samples[None])


def test_folders_are_read_to_the_bottom_and_each_file_once(record, tmp_path):
    record("a/x/y/1.flac", seed=1)
    record("a/2.wav", seed=2)
    record("b/3.WAV", seed=3, format="WAV")
    record("a/.hidden/4.wav", seed=4)
    record("a/._5.wav", seed=5)
    (tmp_path / "a/notes.txt").write_text("hello")
    (tmp_path / "a/x/above").symlink_to(tmp_path / "a")
    made = prepare([tmp_path / "a", tmp_path / "b", tmp_path / "a/x"], tmp_path / "out", 8000)
    assert stored(made.dataset).keys() == {"1.flac", "2.wav", "3.WAV"}
    assert made.added == 3


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.wav", {"subtype": "PCM_U8"}),
        ("x.wav", {"subtype": "PCM_24"}),
        ("x.wav", {"subtype": "FLOAT"}),
        ("x.wav", {"subtype": "ULAW"}),
        ("x.aiff", {}),
        ("x.au", {}),
        ("x.caf", {}),
        ("x.w64", {}),
        ("x.ogg", {}),
        ("x.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("x.mp3", {}),
    ],
)
def test_formats(record, tmp_path, name, options):
    record("in/other.wav")
    time = np.arange(16000) / 8000
    sine = 0.5 * np.sin(2 * np.pi * 440 * time) * np.minimum(1, 20 * time)
    soundfile.write(tmp_path / f"in/{name}", sine, 8000, **options)
    there = stored(prepare([tmp_path / "in"], tmp_path / "out", 8000).dataset)[name][0] / 32768
    lossy = name.endswith(("ogg", "opus", "mp3"))
    assert abs(len(there) - 16000) <= (2400 if lossy else 0)
    if lossy:
        match = np.correlate(there, sine[4000:8000]).max() / (sine[4000:8000] ** 2).sum()
        assert 0.97 < match < 1.03
    else:
        assert np.abs(there - sine).max() < (0.02 if "ULAW" in options.values() else 1 / 127)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg isn't installed")
def test_what_only_ffmpeg_reads(record, tmp_path):
    record("in/other.wav")
    soundfile.write(tmp_path / "sine.wav", 0.5 * np.sin(0.35 * np.arange(16000)), 8000)
    for name in ("-strange.m4a", "x y.mka"):
        command = ["ffmpeg", "-v", "error", "-i", "sine.wav", f"file:in/{name}"]
        subprocess.run(command, cwd=tmp_path, check=True)
    (tmp_path / "in/junk.m4a").write_bytes(b"no audio at all " * 99)
    dataset = prepare([tmp_path / "in"], tmp_path / "out", 8000).dataset
    there = stored(dataset)
    assert there.keys() == {"other.wav", "-strange.m4a", "x y.mka"}
    for samples in (there["-strange.m4a"], there["x y.mka"]):
        assert abs(samples.shape[1] - 16000) < 2400
        assert samples[0, 4000:12000].std() == pytest.approx(16384 / np.sqrt(2), rel=0.02)
    assert [Path(path).name for path in dataset.skipped] == ["junk.m4a"]


def test_without_ffmpeg_its_files_are_skipped_with_a_hint(record, tmp_path, monkeypatch):
    record("in/other.wav")
    (tmp_path / "in/x.m4a").write_bytes(b"whatever")
    monkeypatch.setenv("PATH", str(tmp_path))
    dataset = prepare([tmp_path / "in"], tmp_path / "out", 8000).dataset
    assert "needs ffmpeg" in next(iter(dataset.skipped.values()))


def test_stereo_becomes_mono_and_mono_becomes_stereo(tmp_path):
    (tmp_path / "in").mkdir()
    left, right = np.random.default_rng(0).integers(-9999, 9999, (2, 800)).astype(np.int16)
    soundfile.write(tmp_path / "in/stereo.wav", np.stack([left, right], 1), 8000)
    soundfile.write(tmp_path / "in/mono.wav", left, 8000)
    mono = stored(prepare([tmp_path / "in"], tmp_path / "mono", 8000, 1).dataset)
    assert np.abs(mono["stereo.wav"][0] - (left.astype(int) + right) / 2).max() <= 0.5
    stereo = stored(prepare([tmp_path / "in"], tmp_path / "stereo", 8000, 2).dataset)
    np.testing.assert_array_equal(stereo["stereo.wav"], np.stack([left, right]))
    np.testing.assert_array_equal(stereo["mono.wav"], np.stack([left, left]))


@pytest.mark.parametrize(("rate", "wanted"), [(8000, 44100), (48000, 44100), (44100, 16000)])
def test_resampling_keeps_a_sine_what_it_was(tmp_path, rate, wanted):
    (tmp_path / "in").mkdir()
    for name, frequency in [("low", 500.0), ("high", 0.525 * wanted)]:
        sine = 0.5 * np.sin(2 * np.pi * frequency * np.arange(rate) / rate)
        soundfile.write(tmp_path / f"in/{name}.wav", sine, rate, subtype="FLOAT")
    there = stored(prepare([tmp_path / "in"], tmp_path / "out", wanted).dataset)
    time = np.arange(wanted) / wanted
    middle = slice(wanted // 10, -wanted // 10)
    error = there["low.wav"][0] / 32768 - 0.5 * np.sin(2 * np.pi * 500.0 * time)
    assert len(error) == wanted
    assert np.abs(error[middle]).max() < 1e-4
    if 0.525 * wanted < 0.49 * rate:  # nothing of it may come back at another frequency
        assert np.abs(there["high.wav"][0][middle]).max() <= 1


def test_samples_beyond_full_scale_take_the_file_down_instead_of_being_cut(tmp_path):
    (tmp_path / "in").mkdir()
    loud = np.linspace(-4.0, 4.0, 20000)
    soundfile.write(tmp_path / "in/loud.wav", loud, 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "in/other.wav", loud / 8, 8000, subtype="FLOAT")
    made = prepare([tmp_path / "in"], tmp_path / "out", 8000)
    there = stored(made.dataset)["loud.wav"][0] / 32767
    assert np.abs(there - loud / 4).max() < 1e-4
    assert [Path(path).name for path in made.lowered] == ["loud.wav"]


def test_files_that_cannot_be_used_are_named_and_skipped(record, tmp_path):
    for i in range(3):
        record(f"in/good{i}.wav", seed=i)
    record("in/cut.flac", 2.0)
    flac = (tmp_path / "in/cut.flac").read_bytes()
    (tmp_path / "in/cut.flac").write_bytes(flac[: len(flac) // 2])
    (tmp_path / "in/junk.wav").write_bytes(b"no audio at all " * 99)
    (tmp_path / "in/junk.mp3").write_bytes(b"no audio at all " * 99)
    (tmp_path / "in/nothing.wav").write_bytes(b"")
    soundfile.write(tmp_path / "in/silent.wav", np.zeros(0), 8000)
    soundfile.write(tmp_path / "in/nan.wav", np.full(99, np.nan), 8000, subtype="FLOAT")
    (tmp_path / "in/gone.wav").symlink_to("nowhere.wav")
    dataset = prepare([tmp_path / "in"], tmp_path / "out", 8000).dataset
    assert stored(dataset).keys() == {f"good{i}.wav" for i in range(3)}
    skipped = {Path(path).name: reason for path, reason in dataset.skipped.items()}
    bad = {"cut.flac", "junk.wav", "junk.mp3", "nothing.wav", "silent.wav", "nan.wav", "gone.wav"}
    assert skipped.keys() == bad
    for name, reason in skipped.items():
        assert name in reason
        assert reason.endswith(".")
        assert "\n" not in reason
        assert "()" not in reason
    assert Dataset(tmp_path / "out").skipped == dataset.skipped


def test_a_split_goes_by_whole_files_and_stays_when_others_come_or_move(record, tmp_path):
    for i in range(60):
        record(f"in/{i}.wav", 0.02, seed=i)
    first = prepare([tmp_path / "in"], tmp_path / "out", 8000, validation=0.2).dataset
    held = {file.hash for file in first.split("validation").files}
    assert len(first.split("train").files) + len(held) == 60
    assert 4 <= len(held) <= 22
    for i in range(60, 120):
        record(f"in/{i}.wav", 0.02, seed=i)
    (tmp_path / "in/0.wav").rename(tmp_path / "in/renamed.wav")
    (tmp_path / "in").rename(tmp_path / "elsewhere")
    again = prepare([tmp_path / "elsewhere"], tmp_path / "two", 8000, validation=0.2).dataset
    kept = {file.hash for file in again.split("train").files}
    assert not held & kept
    other = prepare([tmp_path / "elsewhere"], tmp_path / "two", 8000, validation=0.2, seed=1)
    assert {file.hash for file in other.dataset.split("train").files} != kept


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_there_is_always_something_in_both_splits(record, tmp_path, share):
    for i in range(3):
        record(f"in/{i}.wav", seed=i)
    dataset = prepare([tmp_path / "in"], tmp_path / "out", 8000, validation=share).dataset
    assert sorted(len(dataset.split(s).files) for s in ("train", "validation")) == [1, 2]


def test_one_long_recording_is_divided(record, tmp_path):
    samples = record("in/1.wav", 2.0)
    made = prepare([tmp_path / "in"], tmp_path / "out", 8000)
    train, validation = (
        made.dataset.split("train").file(0),
        made.dataset.split("validation").file(0),
    )
    assert made.divided
    assert train.shape[1] == 9 * validation.shape[1]
    np.testing.assert_array_equal(np.concatenate([train, validation], 1)[0] * 32768, samples)


def test_validation_folders_are_what_is_validated_on(record, tmp_path):
    for i in range(5):
        record(f"train/{i}.wav", seed=i)
    for i in range(4, 7):  # 4 is in both
        record(f"validation/v{i}.wav", seed=i)
    dataset = prepare(
        [tmp_path / "train"], tmp_path / "out", 8000, validation_folders=[tmp_path / "validation"]
    ).dataset
    names = [Path(file.path).name for file in dataset.split("validation").files]
    assert names == ["v4.wav", "v5.wav", "v6.wav"]
    assert len(dataset.split("train").files) == 4


def test_the_same_samples_are_stored_once(record, tmp_path):
    for name in ("in/a.wav", "in/b/copy.wav", "in/other.flac"):
        record(name, seed=1)
    record("in/z.wav", seed=2)
    made = prepare([tmp_path / "in"], tmp_path / "out", 8000)
    assert {Path(path).name for path in made.duplicates} == {"copy.wav", "other.flac"}
    assert made.dataset.bytes == 2 * 2 * 4000
    assert stored(made.dataset).keys() == {"a.wav", "z.wav"}


def killer(calls: int) -> Callable[[int, int], None]:
    """Ends its process at that call, like kill -9."""
    left = iter(range(calls - 1, -1, -1))

    def kill(done: int, total: int) -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def test_killed_at_any_moment_the_same_command_goes_on(record, tmp_path):
    for i in range(12):
        record(f"in/{i:02d}.wav", 0.5 + 3.0 * (i % 3), seed=i, rate=11025)
    whole = prepare([tmp_path / "in"], tmp_path / "whole", 8000).dataset
    for calls in (1, 4, 9):  # within files and between them
        doomed = partial(prepare, [tmp_path / "in"], tmp_path / "out", 8000)
        status, _ = in_another_process(partial(doomed, progress=killer(calls)))
        assert os.WTERMSIG(status) == signal.SIGKILL
        with pytest.raises(AudioError, match="not finished"):
            Dataset(tmp_path / "out")
    made = prepare([tmp_path / "in"], tmp_path / "out", 8000)
    assert 0 < made.added < 12
    assert made.dataset.hash == whole.hash
    assert (tmp_path / "out/audio.i16").read_bytes() == (tmp_path / "whole/audio.i16").read_bytes()


def test_whatever_a_crash_leaves_is_gone_on_from(record, tmp_path):
    for i in range(5):
        record(f"in/{i}.wav", 0.1, seed=i)
    out = tmp_path / "out"
    whole = prepare([tmp_path / "in"], out, 8000).dataset.hash
    samples, journal = ((out / name).read_bytes() for name in ("audio.i16", "files.jsonl"))
    random = np.random.default_rng(0)
    for _ in range(25):
        (out / "dataset.json").unlink()
        (out / "files.jsonl").write_bytes(journal[: random.integers(len(journal) + 1)])
        (out / "audio.i16").write_bytes(samples[: random.integers(len(samples) + 1)] + b"xyz")
        (out / "decoded.wav").write_bytes(b"half a file")
        assert prepare([tmp_path / "in"], out, 8000).dataset.hash == whole
        assert (out / "audio.i16").read_bytes() == samples
        assert not (out / "decoded.wav").exists()


def test_a_second_run_reads_nothing_and_a_changed_file_is_read_again(record, tmp_path):
    for i in range(4):
        record(f"in/{i}.wav", seed=i)
    prepare([tmp_path / "in"], tmp_path / "out", 8000)
    assert prepare([tmp_path / "in"], tmp_path / "out", 8000).added == 0
    before = Dataset(tmp_path / "out")
    old = stored(before)
    changed = record("in/2.wav", 0.7, seed=77)
    (tmp_path / "in/3.wav").unlink()
    made = prepare([tmp_path / "in"], tmp_path / "out", 8000)
    assert made.added == 1
    assert made.gone == [str(tmp_path / "in/3.wav")]
    there = stored(made.dataset)
    assert there.keys() == {"0.wav", "1.wav", "2.wav"}
    np.testing.assert_array_equal(there["2.wav"][0], changed)
    for name, samples in stored(before).items():  # a training that runs hears no change
        np.testing.assert_array_equal(samples, old[name])


def test_a_full_disk_is_a_sentence_and_no_loss(record, tmp_path):
    for i in range(8):
        record(f"in/{i}.wav", seed=i)

    def on_a_small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30000, resource.RLIM_INFINITY))
        prepare([tmp_path / "in"], tmp_path / "out", 8000)

    _, said = in_another_process(on_a_small_disk)
    assert said.startswith("AudioError: There is no space left for")
    made = prepare([tmp_path / "in"], tmp_path / "out", 8000)
    assert made.added == 8 - 30000 // 8000
    assert len(stored(made.dataset)) == 8


def test_two_preparations_of_one_folder_at_once_are_refused(record, tmp_path):
    record("in/1.wav")
    fcntl = pytest.importorskip("fcntl")
    prepare([tmp_path / "in"], tmp_path / "out", 8000)
    with (tmp_path / "out/audio.i16").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(AudioError, match="Another preparation"):
            prepare([tmp_path / "in"], tmp_path / "out", 8000)


def test_refusals_say_what_to_do(record, tmp_path):
    record("in/1.wav")
    record("in/2.wav", seed=2)
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("hello")
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk/a.wav").write_text("hello")
    audio, out = [tmp_path / "in"], tmp_path / "out"
    prepare(audio, out, 8000)

    def refused(words: str, *arguments, **options) -> None:
        with pytest.raises(AudioError, match=words) as caught:
            prepare(*arguments, **options)
        assert "\n" not in str(caught.value)

    refused("There is no folder", [tmp_path / "nowhere"], out)
    refused("it is empty", [tmp_path / "empty"], out)
    refused("none of its 1 files", [tmp_path / "texts"], out)
    refused("None of the 1 audio files can be used", [tmp_path / "junk"], tmp_path / "new")
    refused("No folder", [], out)
    refused("at 8000 Hz.* not 44100 Hz", audio, out, 44100)
    refused("has other things in it", audio, tmp_path / "in")
    refused("is a file", audio, tmp_path / "in/1.wav")
    refused("sample rate lies from", audio, out, 10)
    refused("number of channels lies from", audio, out, 8000, 0)
    refused("validation share", audio, out, 8000, validation=0.0)
    refused("All of the recordings", audio, tmp_path / "o2", 8000, validation_folders=audio)
    (out / "files.jsonl").write_text('{"format": 99}\n')
    refused("newer nnbridge", audio, out, 8000)
    (out / "files.jsonl").write_text("nonsense\n" * 3)
    refused("is damaged", audio, out, 8000)


def test_progress_goes_from_nothing_to_all(record, tmp_path):
    sizes = 0
    for i in range(3):
        record(f"in/{i}.wav", 6.0, seed=i)
        sizes += (tmp_path / f"in/{i}.wav").stat().st_size
    heard: list[tuple[int, int]] = []
    prepare([tmp_path / "in"], tmp_path / "out", 8000, progress=lambda *now: heard.append(now))
    assert heard == sorted(heard)
    assert len(heard) > 6
    assert heard[-1] == (sizes, sizes)


def test_the_index_is_plain_json(record, tmp_path):
    record("in/é 1.wav")
    record("in/2.wav", seed=2)
    prepare([tmp_path / "in"], tmp_path / "out", 8000)
    index = json.loads((tmp_path / "out/dataset.json").read_text("utf-8"))
    assert (index["sample_rate"], index["channels"], index["seed"]) == (8000, 1, 0)
    assert "é 1.wav" in str(index["files"])
