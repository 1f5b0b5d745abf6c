# SPDX-License-Identifier: MIT
"""One exported RAVE in the checker, the engine, the renderer and Pd: the same samples."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pd.puredata import EXTERNAL, Player, play
from rave_export_networks import RATIO, network, sound

import nnbridge
from nnbridge import cli
from nnbridge.rave.export import export

RATE, BLOCK, FRAMES = 44100, 2048, 32768
METHODS = ("forward", "encode", "decode")


@pytest.mark.skipif(not shutil.which("pd"), reason="Pd is not installed")
@pytest.mark.skipif(not list(EXTERNAL.glob("nn~.*")), reason="the external is not built: make pd")
def test_an_exported_rave_gives_the_same_samples_in_every_door(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(network("variational"), tmp_path / "rave.ts")
    assert cli.main(["check", str(path)]) == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out
    model = nnbridge.load(path)
    methods = {name: model.methods[name] for name in METHODS}
    # The audio's samples held for a latent step serve as latents too.
    signals = sound(FRAMES // RATIO, methods["decode"].in_channels)[0].numpy()
    signals = signals.repeat(RATIO, 1)

    players = [
        Player(f"{path} {name} {size}", method.in_channels, method.out_channels,
               f"{name}-{size}", [(100, "bang")])
        for name, method in methods.items() for size in (0, BLOCK)
    ]  # fmt: skip
    done = play(tmp_path, players, signals, rate=RATE)
    assert done.clean, done.console

    for player in players:
        name = player.name.partition("-")[0]
        said = dict(line.split(" ", 1) for line in done.said(player.name))
        stream = model.stream(name, sample_rate=RATE, block=int(said["bufsize"]))
        want = stream.process(signals[: stream.in_channels])[:, stream.latency.stream :]
        got = done.outputs[player.name][:, int(said["latency"].split()[2]) :]
        count = min(got.shape[1], want.shape[1])
        assert count > FRAMES // 2
        assert np.abs(want).max() > 0.01
        # Pd's tabwrite~ turns what is below 1e-18 into zeros.
        np.testing.assert_allclose(
            got[:, :count], want[:, :count], rtol=0, atol=1e-18, err_msg=player.name
        )

    recording, rendered = tmp_path / "in.wav", tmp_path / "out.wav"
    soundfile.write(recording, signals[0], RATE, subtype="FLOAT")
    assert cli.main(["render", str(path), str(recording), str(rendered), "-q"]) == 0
    want = soundfile.read(rendered, dtype="float32")[0]
    said = dict(line.split(" ", 1) for line in done.said("forward-0"))
    delay = methods["forward"].delay
    assert delay is not None
    got = done.outputs["forward-0"][0, int(said["latency"].split()[2]) + delay :]
    count = min(len(got), len(want))
    assert count > FRAMES // 2
    np.testing.assert_allclose(got[:count], want[:count], atol=1e-5)
