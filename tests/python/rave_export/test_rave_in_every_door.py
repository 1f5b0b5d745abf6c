# SPDX-License-Identifier: MIT
"""One exported RAVE in the checker, the engine, the renderer, Pd, Max, DAWs: the same samples."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from max import maxhost
from pd.puredata import EXTERNAL, Player, play
from plugin import clap_host, lv2_host
from plugin.conftest import plugin_file
from plugin.signals import noise, rendered
from rave_export_networks import RATIO, network, sound

import nnbridge
from nnbridge import cli
from nnbridge import plugin as nnplugin
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


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(network("variational"), tmp_path_factory.mktemp("doors") / "rave.ts")


def same_after(latency: int, got: np.ndarray, want: np.ndarray) -> None:
    count = min(got.shape[1] - latency, want.shape[1])
    assert count > FRAMES // 2
    assert np.abs(want[:, :count]).max() > 0.01
    np.testing.assert_array_equal(got[:, latency : latency + count], want[:, :count])


@pytest.mark.parametrize("method", ["forward", "encode+decode"])
def test_an_exported_rave_in_vst3_gives_the_samples_of_render(exported: Path, method: str) -> None:
    pedalboard = pytest.importorskip("pedalboard")
    plugin = pedalboard.load_plugin(str(plugin_file("nnbridge.vst3")))
    nnplugin.set_model(plugin, exported)
    plugin.method = method
    signal = noise(1, FRAMES)
    # pedalboard takes out the latency that it is told
    same_after(0, plugin(signal, RATE), rendered(exported, signal, method, RATE))


def test_an_exported_rave_in_clap_gives_the_samples_of_render(exported: Path) -> None:
    signal = noise(2, FRAMES)
    with clap_host.plugin(plugin_file("nnbridge.clap")) as plugin:
        plugin.set_model(exported)
        plugin.activate(RATE, 512)
        got, latency = plugin.play(signal, 300), plugin.latency
    same_after(latency, got, rendered(exported, signal, rate=RATE))


def test_an_exported_rave_in_lv2_gives_the_samples_of_render(exported: Path) -> None:
    signal = noise(2, FRAMES)
    with lv2_host.plugin(plugin_file("nnbridge.lv2"), RATE, 512) as plugin:
        plugin.set_model(exported)
        plugin.activate()
        got, latency = plugin.play(signal, 300), plugin.latency
    same_after(latency, got, rendered(exported, signal, rate=RATE))


@pytest.fixture
def max_host() -> Iterator[maxhost.Host]:
    if not maxhost.HOST.exists():
        pytest.skip("the Max test host is not built")
    host = maxhost.Host()
    yield host
    host.close()


@pytest.mark.parametrize("method", METHODS)
def test_an_exported_rave_in_max_gives_the_samples_of_the_engine(
    max_host: maxhost.Host, exported: Path, method: str
) -> None:
    model = nnbridge.load(exported)
    channels = model.methods[method].in_channels
    signal = noise(channels, FRAMES // RATIO).repeat(RATIO, 1)
    nn = max_host.new(f"nn~ {exported} {method} 0")
    max_host.wait(40)
    nn.compile(256, RATE)
    said = int(nn.ask("bang", "bufsize")[0]), int(nn.ask("latency")[2])
    stream = model.stream(method, sample_rate=RATE, block=said[0])
    want = stream.process(signal)[:, stream.latency.stream :]
    same_after(said[1], nn.run(signal), want)
