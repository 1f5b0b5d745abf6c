# SPDX-License-Identifier: MIT
"""What can't be rendered is said in one sentence, and leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import nnbridge

ModelFile = Callable[[str], Path]


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "in.wav"
    signal = np.random.default_rng(0).uniform(-0.3, 0.3, (20000, 2))
    soundfile.write(path, signal, 44100, subtype="FLOAT")
    return path


@pytest.fixture
def mono() -> Any:
    return np.full((1, 20000), 0.1, dtype=np.float32)


def refuse(match: str, *args: Any, **options: Any) -> None:
    with pytest.raises(nnbridge.Error, match=match) as caught:
        nnbridge.render(*args, **options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_failed_block_ends_the_render_with_the_models_words(
    model_file: ModelFile, sound: Path, tmp_path: Path
) -> None:
    model = nnbridge.load(model_file("misbehaving"))
    model.set("mode", 1)
    model.set("after", 20)
    target = tmp_path / "out.wav"
    target.write_text("what was there")
    refuse(r"'forward' failed before 0.37 s of '.*in.wav': .*told to throw", model, sound, target)
    assert target.read_text() == "what was there"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "out.wav"]


def test_a_block_that_is_not_finite_ends_the_render(model_file: ModelFile, mono: Any) -> None:
    model = nnbridge.load(model_file("misbehaving"))
    model.set("mode", 2)
    model.set("after", 20)
    refuse("returned NaN or infinity", model, mono)


def test_a_block_that_fails_in_the_tail_counts_as_well(model_file: ModelFile, mono: Any) -> None:
    model = nnbridge.load(model_file("misbehaving"))
    model.set("mode", 1)
    model.set("after", 45)
    refuse("told to throw", model, mono, sample_rate=44100, tail=1.0)


def test_an_interrupted_render_leaves_no_file(
    model_file: ModelFile, sound: Path, tmp_path: Path
) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    for name in ("out.wav", "out.npz"):
        with pytest.raises(KeyboardInterrupt):
            nnbridge.render(model_file("gain"), sound, tmp_path / name, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_paths_that_lead_nowhere_are_named(
    model_file: ModelFile, sound: Path, tmp_path: Path, mono: Any
) -> None:
    gain = model_file("gain")
    refuse("There is no file '.*nope.wav'", gain, tmp_path / "nope.wav")
    refuse("There is no file '.*nope.ts'", tmp_path / "nope.ts", sound)
    refuse("there is no folder '.*nope'", gain, sound, tmp_path / "nope" / "out.wav")
    (tmp_path / "folder.wav").mkdir()
    refuse("it is a folder", gain, sound, tmp_path / "folder.wav")
    refuse("'.*in.wav' is the input", gain, sound, sound)
    refuse(r"no suffix of a known format: .wav, .flac,", gain, sound, tmp_path / "out.xyz")
    refuse(r"no suffix of a known format", gain, sound, tmp_path / "out")


def test_what_is_no_audio_is_named(model_file: ModelFile, tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("this is not audio")
    refuse("'.*text.wav' can't be read as audio", model_file("gain"), text)
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros((0, 1)), 44100)
    refuse("'.*empty.wav' holds no audio", model_file("gain"), empty)
    broken = tmp_path / "nan.wav"
    soundfile.write(broken, np.full((100, 1), np.nan), 44100, subtype="FLOAT")
    refuse("'.*nan.wav' holds NaN or infinity", model_file("gain"), broken)


def test_channels_that_do_not_fit_are_counted(model_file: ModelFile, sound: Path) -> None:
    refuse("'forward' takes 3 channels, and '.*in.wav' has 2", model_file("three_to_two"), sound)
    z = np.zeros((3, 10), dtype=np.float32)
    refuse(
        "'decode' takes 4 channels, and the input has 3", model_file("rave_v2"), z, None, "decode"
    )


def test_latents_do_not_become_audio_files(
    model_file: ModelFile, sound: Path, tmp_path: Path
) -> None:
    refuse(
        r"'encode' gives 8 channels at ratio 2048, which is no audio: write it to a .npz or .npy",
        model_file("rave_v2"),
        sound,
        tmp_path / "out.wav",
        "encode",
    )


def test_latents_of_another_ratio_or_rate_are_refused(
    model_file: ModelFile, mono: Any, tmp_path: Path
) -> None:
    encoded = nnbridge.render(model_file("ratio_480"), mono, None, "encode", sample_rate=48000)
    refuse(
        "at ratio 480, and 'decode' takes at ratio 2048",
        model_file("rave_v2"),
        encoded,
        None,
        "decode",
    )
    refuse("at ratio 480, and 'forward' takes audio", model_file("gain"), encoded)
    np.savez(tmp_path / "z.npz", latents=np.ones((4, 3)), ratio=2048, sample_rate=48000)
    refuse(
        "made by a model at 48000 Hz, and this one runs at 44100 Hz",
        model_file("rave_v2"),
        tmp_path / "z.npz",
        None,
        "decode",
    )


def test_files_of_values_that_make_no_sense_are_refused(
    model_file: ModelFile, tmp_path: Path
) -> None:
    model = model_file("rave_v2")
    bad = tmp_path / "bad.npz"
    bad.write_text("no zip")
    refuse("'.*bad.npz' is no .npz file", model, bad, None, "decode")
    np.savez(bad, latents=np.ones((4, 3)), ratio=2048)
    refuse("holds no 'sample_rate'", model, bad, None, "decode")
    np.savez(bad, latents=np.ones((4, 3)), ratio="two", sample_rate=44100)
    refuse("no whole number", model, bad, None, "decode")
    np.savez(bad, latents=np.ones((4, 0)), ratio=2048, sample_rate=44100)
    refuse("'latents' in '.*bad.npz' is empty", model, bad, None, "decode")
    flat = tmp_path / "bad.npy"
    flat.write_bytes(b"no array")
    refuse("'.*bad.npy' is no NumPy array", model, flat, None, "decode")
    np.save(flat, np.zeros((2, 2, 2)))
    refuse(r"has the shape \[2, 2, 2\]", model, flat, None, "decode")
    np.save(flat, np.array([["a"]]))
    refuse("no array of real numbers", model, flat, None, "decode")


def test_options_out_of_range_are_refused(model_file: ModelFile, mono: Any) -> None:
    gain = model_file("gain")
    refuse("The sample rate must be between 1000 and 1000000 Hz, not 0", gain, mono, sample_rate=0)
    refuse("The tail is 'auto', or from 0 to 3600 seconds, not -1", gain, mono, tail=-1)
    refuse("The tail is 'auto', or from 0 to 3600 seconds, not 'long'", gain, mono, tail="long")
    refuse("The model block in samples must be between", gain, mono, block=0)
    refuse("The model has no method 'nope'; it has: forward", gain, mono, None, "nope")
    refuse("so they can't be chained", model_file("rave_v2"), mono, None, "encode+encode")
