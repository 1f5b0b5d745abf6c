# SPDX-License-Identifier: MIT
"""Weights as a small file, exports that follow a training, and the command line."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rave_export_networks import KINDS, network, sound
from safetensors.torch import save_file

from nnbridge import cli
from nnbridge.contract import read_manifest
from nnbridge.rave import weights
from nnbridge.rave.follow import follow
from nnbridge.rave.network import RAVE
from nnbridge.rave.run import Run
from nnbridge.training import checkpoints
from nnbridge.training.errors import TrainingError


@pytest.mark.parametrize("kind", KINDS)
def test_weights_come_back_at_half_precision_with_their_recipe(kind: str, tmp_path: Path) -> None:
    rave = network(kind)
    path = weights.save(rave, tmp_path / "weights.safetensors")
    back = weights.load(path)
    assert back.recipe == rave.recipe
    assert not back.training
    assert torch.equal(back.latent_basis, rave.latent_basis)
    x = sound(4096)
    with torch.no_grad():
        z = rave.encode_statistics(x)
        error = (back.encode_statistics(x) - z).norm() / z.norm()
        assert float(error) < 3e-3
        latent = rave.encode(x)
        y = rave.decode(latent)
        error = (back.decode(latent) - y).norm() / y.norm()
    assert float(error) < 1e-2
    assert path.stat().st_size < 2.5 * sum(p.numel() for p in rave.parameters()) + 30000


def test_a_file_that_holds_no_weights_is_answered_in_one_sentence(tmp_path: Path) -> None:
    good = weights.save(network(), tmp_path / "good.safetensors")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(good.read_bytes()[:1000])
    other, odd = tmp_path / "other.safetensors", tmp_path / "odd.safetensors"
    save_file({"a": torch.zeros(2)}, other)
    recipe = network().recipe.to_toml()
    save_file({"a": torch.zeros(2)}, odd, {"format": "nnbridge rave 1", "recipe": recipe})
    for path, words in (
        (tmp_path / "none.safetensors", "there is no file"),
        (damaged, "is damaged"),
        (other, "holds no RAVE"),
        (odd, "does not fit its own recipe"),
    ):
        with pytest.raises(TrainingError, match=words) as caught:
            weights.load(path)
        assert "\n" not in str(caught.value)


def test_weights_that_cannot_be_written_leave_a_sentence_and_what_was_there(tmp_path: Path) -> None:
    rave = network()
    with pytest.raises(TrainingError, match=r"can't be written \(No such file or directory"):
        weights.save(rave, tmp_path / "none" / "weights.safetensors")

    path = weights.save(rave, tmp_path / "weights.safetensors")
    before = path.read_bytes()
    used = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, used[1]))  # as a disk with little room
    try:
        with pytest.raises(TrainingError, match="can't be written"):
            weights.save(rave, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, used)
    assert path.read_bytes() == before
    assert [held.name for held in tmp_path.iterdir()] == [path.name]


def make_run(folder: Path, rave: RAVE) -> Run:
    """A run as training leaves it, without the training."""
    dataset: Any = SimpleNamespace(
        path=folder, sample_rate=44100, channels=1, seconds=1.0, hash="none"
    )
    return Run.create(folder, rave.recipe, dataset)


def keep(run: Run, rave: RAVE, step: int) -> Path:
    path = checkpoints.path_of_step(run.checkpoints, step)
    state = {f"rave.{name}": value for name, value in rave.state_dict().items()}
    checkpoints.write(path, {"nnbridge": {"step": step}, "state_dict": state})
    return path


def test_following_a_run_gives_each_checkpoint_once_and_passes_over_damaged_ones(
    tmp_path: Path,
) -> None:
    rave = network("wasserstein")
    run = make_run(tmp_path / "run", rave)
    keep(run, rave, 100)
    found = follow(tmp_path / "run", pause=0.01)
    name, first = next(found)
    assert name == "step-000000100"
    assert torch.equal(first.latent_mean, rave.latent_mean)
    checkpoints.path_of_step(run.checkpoints, 150).write_bytes(b"half a file")
    rave.latent_mean += 1.0
    keep(run, rave, 200)
    name, second = next(found)
    assert name == "step-000000200"
    assert torch.equal(second.latent_mean, rave.latent_mean)


def test_following_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="is no run folder"):
        next(follow(tmp_path))


def test_the_command_exports_a_run_and_a_file_of_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rave = network("wasserstein", True)
    keep(make_run(tmp_path / "run", rave), rave, 7)
    out = tmp_path / "model.ts"
    options = ["--out", str(out), "--no-check"]
    assert cli.main(["rave", "export", str(tmp_path / "run"), *options, "--latents", "3"]) == 0
    assert capsys.readouterr().out == f"{out}: written\n"
    held = read_manifest(out)
    assert held is not None
    assert held["attributes"]["latents"]["max"] == 3
    stored = weights.save(rave, tmp_path / "weights.safetensors")
    assert cli.main(["rave", "export", str(stored), *options, "--name", "Small", "--json"]) == 0
    held = read_manifest(out)
    assert held is not None
    assert held["name"] == "Small"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "neither a run folder nor"),
        (["."], "is no run folder"),
        (["weights.safetensors", "--watch"], "follows a run folder"),
        (["weights.safetensors"], "there is no file"),
        (["run", "--latents", "99"], "--latents can't be 99"),
        (["run", "--checkpoint", "5"], "has no checkpoint '5'"),
        (["run", "--watch", "--checkpoint", "beest"], "can't be followed: choose one of newest"),
        (["run", "--watch", "--checkpoint", "7"], "can't be followed: choose one of newest"),
        (["run", "--sample-rate", "48000"], "choose 22050"),
        (["run", "--out", "no/such/folder/a.ts"], "there is no folder"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    rave = network("wasserstein", True)
    keep(make_run(tmp_path / "run", rave), rave, 7)
    code = cli.main(["rave", "export", "--out", "a.ts", "--no-check", *arguments])
    said = capsys.readouterr().err
    assert code == 1
    assert words in said
    assert said.count("\n") == 1
    assert not (tmp_path / "a.ts").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="limits are set the POSIX way")
def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(tmp_path: Path) -> None:
    rave = network("wasserstein", True)
    keep(make_run(tmp_path / "run", rave), rave, 7)
    out = tmp_path / "model.ts"
    out.write_text("the old file")
    full = (
        "import resource, signal, sys\n"
        "from nnbridge import cli\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"  # writing beyond the limit then fails
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    words = ["rave", "export", str(tmp_path / "run"), "--out", str(out), "--no-check"]
    done = subprocess.run(
        [sys.executable, "-c", full, *words], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr == f"nnbridge: '{out}' could not be written (File too large).\n"
    assert out.read_text() == "the old file"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.ts", "run"]


@pytest.mark.extended
def test_a_watched_run_is_exported_again_and_the_file_is_always_whole(tmp_path: Path) -> None:
    rave = network("wasserstein", True)
    run, out = make_run(tmp_path / "run", rave), tmp_path / "model.ts"
    keep(run, rave, 1)
    command = [sys.executable, "-m", "nnbridge.cli", "rave", "export", str(run.path), "-o",
               str(out), "--watch"]  # fmt: skip
    watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert watch.stdout is not None
    try:
        assert watch.stdout.readline() == f"{out}: written from step-000000001\n"
        first = torch.jit.load(str(out)).mean.clone()
        rave.latent_mean += 1.0
        keep(run, rave, 2)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            now = torch.jit.load(str(out)).mean  # whenever it is opened, it is whole
            if not torch.equal(now, first):
                break
        assert torch.equal(now[:, 0], rave.latent_mean)
        assert watch.stdout.readline() == f"{out}: written from step-000000002\n"
    finally:
        watch.send_signal(signal.SIGINT)
        code = watch.wait(60)
    assert code == 130
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".nnbridge")] == []
