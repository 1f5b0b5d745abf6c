# SPDX-License-Identifier: MIT
"""Pd's own thread, which makes the audio, waits for no model that is loaded into an nn~."""

import pytest
import torch
from fixtures.fixture import Listed
from fixtures.misbehaving import rounds_per_second

from .puredata import Canvas
from .test_pd_robustness import QUIT, Script

SECONDS = 0.05  # for each inference on silence, of which a load makes eleven


class SlowToLoad(Listed):
    """Identity, but slow on silence: so it is while it is warmed up."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.rounds = rounds
        self.declare("forward", 1, 1, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if float(x.abs().max()) > 0.0:
            return x
        y = torch.ones(128, 128)
        for _ in range(self.rounds):
            y = torch.tanh(y @ y)
        return x + y[0, 0] * 0.0


@pytest.fixture(scope="module")
def slow_to_load(tmp_path_factory):
    path = tmp_path_factory.mktemp("slow") / "slow.ts"
    torch.jit.script(SlowToLoad(int(SECONDS * rounds_per_second()))).save(path)
    return path


def test_many_loads_and_a_dsp_rebuild_do_not_hold_pd_up(model_file, slow_to_load, tmp_path):
    """Three loads wait for each other; meanwhile the patch is edited, so DSP is built anew."""
    script = Script()
    inner = Canvas()
    source, hear = inner.obj("noise~"), inner.obj("r nn")
    info, heard = inner.obj("print info"), inner.obj("s heard")
    for _ in range(3):
        nn = inner.obj(f"nn~ {model_file('identity')} forward 512")
        inner.connect(source, 0, nn, 0)
        inner.connect(hear, 0, nn, 0)
        inner.connect(nn, 1, info, 0)
        inner.connect(nn, 1, heard, 0)
    script.sub(inner)
    script.at(100, f"\\; nn load {slow_to_load}")
    times = (120, 200, 280)
    for at in times:
        begin, steps = script.obj(f"delay {at}"), script.obj("t b b b")
        clock, held = script.obj("realtime"), script.obj("print held")
        rebuild = script.msg("\\; pd dsp 0 \\; pd dsp 1")
        script.connect(script.start, 0, begin, 0)
        script.connect(begin, 0, steps, 0)
        script.connect(steps, 2, clock, 0)
        script.connect(steps, 1, rebuild, 0)
        script.connect(steps, 0, clock, 1)
        script.connect(clock, 0, held, 0)
    # It quits when all three are heard.
    loaded, number = script.obj("r heard"), script.obj("f")
    more, third = script.obj("+ 1"), script.obj("sel 3")
    one = script.obj("t b")
    script.connect(loaded, 0, one, 0)
    script.connect(one, 0, number, 0)
    script.connect(number, 0, more, 0)
    script.connect(more, 0, number, 1)
    script.connect(more, 0, third, 0)
    script.connect(third, 0, script.msg(QUIT), 0)
    run = script.run(tmp_path)
    assert run.clean, run.console
    held = run.said("held")
    said = [line for line in run.console.splitlines() if line.startswith(("held", "info: loaded"))]
    assert said == [*(f"held: {line}" for line in held), *["info: loaded 1"] * 3], "while they wait"
    assert len(held) == len(times)
    assert max(map(float, held)) < 200, "milliseconds; a load takes half a second and more"
