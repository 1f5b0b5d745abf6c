# SPDX-License-Identifier: MIT
"""A prior that is given away: one small file, which plays like the run that it comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from toy_rave import ToyRave

from nnbridge.cli import main
from nnbridge.contract import export
from nnbridge.prior import evaluation, weights
from nnbridge.prior.rave_file import RaveFile
from nnbridge.prior.run import load
from nnbridge.prior.sequences import Sequences
from nnbridge.training.errors import TrainingError


def test_weights_come_back_at_half_precision_with_all_that_playing_needs(
    run: Path, sequences: Sequences, tmp_path: Path
) -> None:
    trained = load(run)
    back = load(weights.save(trained, tmp_path / "small.safetensors"))
    assert (back.recipe, back.step) == (trained.recipe, trained.step)
    assert (back.ratio, back.sample_rate) == (trained.ratio, trained.sample_rate)
    assert (back.code.kind, back.code.vocabulary) == ("codes", 9)
    for name, value in trained.prior.state_dict().items():
        held = back.prior.state_dict()[name]
        kept = value.half().float() if value.dim() > 1 and "log_prior" not in name else value
        assert torch.equal(held, kept)
    one, other = (evaluation.evaluate(t.prior, sequences, segment=24) for t in (trained, back))
    assert other.cross_entropy == pytest.approx(one.cross_entropy, rel=1e-3)


def test_the_file_tells_nothing_of_the_machine_that_made_it(run: Path, tmp_path: Path) -> None:
    path = weights.save(load(run), tmp_path / "small.safetensors")
    assert str(run.parent).encode() not in path.read_bytes()
    assert load(path).rave is None


def test_a_rave_is_known_again_and_another_is_not(
    run: Path, discrete: Path, continuous: Path, tmp_path: Path
) -> None:
    trained = load(weights.save(load(run), tmp_path / "small.safetensors"))
    assert trained.knows(RaveFile(discrete))
    assert trained.knows(RaveFile(export(ToyRave(vocabulary=9), tmp_path / "again.ts")))
    assert not trained.knows(RaveFile(continuous))


def test_the_commands_take_and_make_weights(run: Path, discrete: Path, tmp_path: Path) -> None:
    def command(*words: object) -> int:
        return main(["prior", *(str(word) for word in words)])

    small, sounds = tmp_path / "small.safetensors", []
    assert command("export", run, small, "-q") == 0
    assert command("export", small, tmp_path / "p.ts", "--rave", discrete, "--no-check", "-q") == 0
    weights.save(load(small), tmp_path / "again.safetensors")
    for source in (small, tmp_path / "again.safetensors"):
        out = tmp_path / "out.wav"
        words = ("--rave", discrete, "--curve", "centroid=900", "--seconds", "0.2", "-q")
        assert command("generate", source, out, *words) == 0
        sounds.append(out.read_bytes())
    assert sounds[0] == sounds[1]


def test_without_the_run_its_rave_and_sequences_have_to_be_said(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = str(weights.save(load(run), tmp_path / "small.safetensors"))
    assert main(["prior", "generate", small, str(tmp_path / "o.wav"), "-q"]) == 2
    assert "--rave RAVE.ts" in capsys.readouterr().err
    assert main(["prior", "evaluate", small]) == 2
    assert "--sequences DIR" in capsys.readouterr().err


def test_a_file_that_holds_no_prior_is_answered_in_one_sentence(run: Path, tmp_path: Path) -> None:
    good = weights.save(load(run), tmp_path / "good.safetensors")
    damaged, other = tmp_path / "damaged.safetensors", tmp_path / "other.safetensors"
    damaged.write_bytes(good.read_bytes()[:500])
    save_file({"a": torch.from_numpy(np.zeros(2))}, other, {"format": "nnbridge prior 1"})
    for path, words in (
        (tmp_path / "none.safetensors", "there is no file"),
        (damaged, "is damaged"),
        (other, "does not fit its own recipe"),
    ):
        with pytest.raises(TrainingError, match=words) as caught:
            load(path)
        assert "\n" not in str(caught.value)
