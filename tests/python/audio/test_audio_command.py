# SPDX-License-Identifier: MIT
"""`nnbridge data prepare`: what it prints, and that every mistake is one line."""

import json
from collections.abc import Callable

import pytest

from nnbridge.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = main(["data", "prepare", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_it_says_minutes_files_and_size(run, record, tmp_path):
    for i in range(10):
        record(f"in/{i}.wav", 6.0, seed=i, rate=1000)
    record("in/same.wav", 6.0, seed=3, rate=1000)
    (tmp_path / "in/readme.txt").write_text("hello")
    options = ["--sample-rate", 1000, "--validation", 0.3]
    code, out, err = run(tmp_path / "in", "--out", tmp_path / "out", *options)
    assert (code, err) == (0, "")
    facts = json.loads(run(tmp_path / "in", "--out", tmp_path / "out", *options, "--json")[1])
    minutes = {name: facts[name]["seconds"] / 60 for name in ("train", "validation")}
    assert sum(minutes.values()) == pytest.approx(1.0)
    for name, value in minutes.items():
        number = facts[name]["files"]
        assert f"{name} {value:.1f} minutes in {number} file{'s' if number > 1 else ''}" in out
    assert "1000 Hz, 1 channel, 0.1 MB" in out
    assert "files: 11 read now; 1 the same as another, kept once; 1 not audio" in out
    assert facts["added"] == 0


def test_other_folders_into_the_same_dataset_take_the_place_of_those_before_and_it_is_said(
    run, record, tmp_path
):
    for i in range(3):
        record(f"one/{i}.wav", seed=i)
    record("two/3.wav", seed=3)
    assert run(tmp_path / "one", "--out", tmp_path / "out")[0] == 0
    code, out, _ = run(tmp_path / "two", "--out", tmp_path / "out")
    assert code == 0
    assert "files: 1 read now; 3 of before left out, as these folders do not hold them" in out
    told = json.loads(
        run(tmp_path / "one", tmp_path / "two", "--out", tmp_path / "out", "--json")[1]
    )
    assert told["gone"] == []
    assert told["train"]["files"] + told["validation"]["files"] == 4


def test_skipped_files_are_named_at_the_end(run, record, tmp_path):
    for i in range(3):
        record(f"in/{i}.wav", seed=i)
    (tmp_path / "in/broken.flac").write_bytes(b"junk" * 99)
    code, out, err = run(tmp_path / "in", "--out", tmp_path / "out")
    assert code == 0
    assert len(err.splitlines()) == 1
    assert err.startswith("nnbridge: skipped: ")
    assert "broken.flac" in err
    assert "1 skipped" in out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nowhere", "--out", "out"], 1),
        (["empty", "--out", "out"], 1),
        (["in", "--out", "in"], 1),
        (["in", "--out", "in/1.wav"], 1),
        (["in", "--out", "in/1.wav/below"], 1),
        (["in", "--out", "out", "--channels", "0"], 1),
        (["in", "--out", "out", "--sample-rate", "fast"], 2),
        (["in"], 2),
        ([], 2),
    ],
)
def test_mistakes_are_one_line(run, record, tmp_path, monkeypatch, arguments, code):
    record("in/1.wav")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    got, out, err = run(*arguments)
    assert (got, out) == (code, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("nnbridge: ")
