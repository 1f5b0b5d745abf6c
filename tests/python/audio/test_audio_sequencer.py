# SPDX-License-Identifier: MIT
"""Sequenced drum loops and cello phrases: repeatable, in time, and honestly held out."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "models" / "rave"))

from sequencer import cello, drums, kits, patterns  # noqa: E402

RATE = 44100
HELD_OUT, KEPT = 9000.0, 3000.0


def tone(path: Path, frequency: float, seconds: float = 0.1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * RATE)) / RATE
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * frequency * time) * np.exp(-9 * time), RATE)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Recordings named like the real ones; the held-out ones are an octave and a half higher."""
    data = tmp_path / "data"
    for drum in ("ks", "sc", "se", "hc", "ho", "th", "tm", "tl"):
        for layer in (1, 2):
            for take in (1, 2, 3, 4):
                name = f"{drum}_vl{layer}_rr{take}.flac"
                tone(data / "drum-kit" / name, HELD_OUT if take == 4 else KEPT)
    for number in range(5):
        where = data / "drum-machines/TR-808/kick" / f"bd{number}.flac"
        tone(where, HELD_OUT if number == 2 else KEPT)
    tone(data / "drum-machines/Casio-RZ1/clap.flac", HELD_OUT)
    tone(data / "drum-machines/LM-2/cowbell.flac", KEPT)
    for take in (1, 2, 4):
        tone(data / f"body-percussion/snap_l_rr{take}.flac", HELD_OUT if take == 4 else KEPT)
    for note, frequency in [("A1", 220.0), ("C2", 261.63), ("Eb2", 311.13)]:
        tone(data / f"cello/sus/{note}_p_d.flac", frequency, 3.0)
        tone(data / f"cello/staccato/{note}_f_1.flac", frequency, 0.5)
        tone(data / f"cello/pizzicato/{note}_1.flac", frequency, 1.0)
    return data


def strength(path: Path, frequency: float) -> float:
    """Share of the spectrum around a frequency."""
    spectrum = np.abs(np.fft.rfft(soundfile.read(path)[0])) ** 2
    near = np.abs(np.fft.rfftfreq(2 * len(spectrum) - 2, 1 / RATE) - frequency) < 1000.0
    return float(spectrum[near].sum() / spectrum.sum())


def test_no_held_out_hit_is_in_a_training_loop_and_no_other_in_a_validation_loop(data, tmp_path):
    hits = kits.hits(data)
    kept = kits.held_out(hits)
    rest = [hit for hit in hits if hit not in kept]
    assert len(kept) == 16 + 1 + 1 + 1
    for part, own, other in [(rest, KEPT, HELD_OUT), (kept, HELD_OUT, KEPT)]:
        made = drums.loops(kits.kits(data, part), 30.0, [1], tmp_path / f"{own:.0f}")
        for loop in made:
            path = tmp_path / loop["file"]
            assert strength(path, own) > 0.9
            assert strength(path, other) < 0.01


def test_loops_are_whole_bars_and_come_out_the_same_again(data, tmp_path):
    voices = kits.kits(data, kits.hits(data))
    first = drums.loops(voices, 20.0, [7, 0], tmp_path / "one/x")
    again = drums.loops(voices, 20.0, [7, 0], tmp_path / "two/x")
    other = drums.loops(voices, 20.0, [7, 1], tmp_path / "three/x")
    assert first == again
    assert first != other
    for loop in first:
        one, two = (tmp_path / name / loop["file"] for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
        assert soundfile.info(one).duration == pytest.approx(
            loop["bars"] * 240.0 / loop["tempo"], rel=1e-3
        )
        assert 0.4 < np.abs(soundfile.read(one)[0]).max() < 1.0


def test_every_style_plays_and_hits_lie_in_their_bars():
    for style in patterns.STYLES:
        for seed in range(20):
            hits = patterns.draw(style, 2, np.random.default_rng(seed))
            assert len(hits) >= 4
            assert all(0 <= hit.step < 32 and 0.0 < hit.velocity <= 1.1 for hit in hits)
            assert {hit.role for hit in hits} <= kits.LEVELS.keys()


def test_a_harder_hit_is_louder(data):
    voice = kits.kits(data, kits.hits(data))["drum-kit"]["kick"][0]
    random = np.random.default_rng(0)
    peaks = [np.abs(voice.hit(velocity, random)).max() for velocity in (0.1, 0.45, 0.55, 1.0)]
    assert peaks[0] < peaks[1]
    assert peaks[2] < peaks[3]
    assert peaks[3] == pytest.approx(kits.LEVELS["kick"], rel=0.01)


def test_phrases_are_melodies_of_the_notes(data, tmp_path):
    notes = cello.sorted_notes(data, cello.notes(data))
    assert sorted(notes["sus"]) == [21, 24, 27]
    made = cello.phrases(notes, 20.0, [1], tmp_path / "x")
    assert made == cello.phrases(notes, 20.0, [1], tmp_path / "y/x")
    for phrase in made:
        sound, _ = soundfile.read(tmp_path / phrase["file"])
        assert 8.0 < len(sound) / RATE < 14.0
        spectrum = np.abs(np.fft.rfft(sound))
        peak = np.fft.rfftfreq(len(sound), 1 / RATE)[spectrum.argmax()]
        semitones = 12 * np.log2(peak / 220.0)
        assert semitones == pytest.approx(round(semitones), abs=0.3)
