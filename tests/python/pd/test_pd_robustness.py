# SPDX-License-Identifier: MIT
"""What crashes nn~, or made it hang, is an ordinary event here. Many times over when extended."""

import shutil

import numpy as np
import pytest

from .puredata import Canvas, run_pd

RUNS = [
    pytest.param(2, id="twice"),
    pytest.param(100, id="a-hundred-times", marks=pytest.mark.extended),
]
QUIT = "\\; pd quit"


class Script(Canvas):
    """A patch that sends messages at their times, and a subpatch that can be edited by message."""

    def __init__(self) -> None:
        super().__init__()
        self.start = self.obj("loadbang")
        self.at(0, "\\; pd dsp 1")

    def at(self, milliseconds, text):
        delay = self.obj(f"delay {milliseconds}")
        message = self.msg(text)
        self.connect(self.start, 0, delay, 0)
        self.connect(delay, 0, message, 0)

    def players(self, arguments, name="nn"):
        inner = Canvas()
        noise = inner.obj("noise~")
        hear = inner.obj(f"r {name}")
        out = inner.obj("print info")
        for text in arguments:
            nn = inner.obj(f"nn~ {text}")
            inner.connect(noise, 0, nn, 0)
            inner.connect(hear, 0, nn, 0)
            inner.connect(nn, 1, out, 0)
        self.sub(inner, "inner")

    def run(self, folder, **options):
        patch = folder / "script.pd"
        patch.write_text(self.text())
        return run_pd(patch, **{"batch": False, "timeout": 40, **options})


def repeat(count, folder, make, check=lambda run: True):
    for number in range(count):
        run = make(folder).run(folder)
        assert run.clean, f"run {number}: rc {run.code}, timed out: {run.timed_out}\n{run.console}"
        assert check(run), run.console


@pytest.mark.parametrize("count", RUNS)
def test_objects_can_be_deleted_while_they_run(model_file, tmp_path, count):
    def make(folder):
        script = Script()
        script.players([f"{model_file('one_ms')} forward 512"] * 4)
        script.at(150, "\\; pd-inner clear")
        script.at(250, QUIT)
        return script

    repeat(count, tmp_path, make)


@pytest.mark.parametrize("count", RUNS)
def test_a_patch_can_be_closed_while_it_runs(model_file, tmp_path, count):
    def make(folder):
        script = Script()
        script.players([f"{model_file('one_ms')} forward 512"] * 4)
        return script

    # Another patch closes it: a timer that closes its own patch is more than Pd takes.
    closer = Script()
    closer.at(150, "\\; pd-script.pd menuclose 1")
    closer.at(350, QUIT)
    (tmp_path / "closer.pd").write_text(closer.text())
    for _ in range(count):
        done = make(tmp_path).run(tmp_path, extra=["-open", str(tmp_path / "closer.pd")])
        assert done.clean, done.console


@pytest.mark.parametrize("count", RUNS)
def test_twelve_threaded_objects_and_quit(model_file, tmp_path, count):
    def make(folder):
        script = Script()
        script.players([f"{model_file('one_ms')} forward 512"] * 12)
        script.at(200, QUIT)
        return script

    repeat(count, tmp_path, make)


@pytest.mark.parametrize("count", RUNS)
def test_quit_while_a_file_is_being_loaded(model_file, tmp_path, count):
    def make(folder):
        script = Script()
        script.players(["void"] * 4)
        script.at(20, f"\\; nn load {model_file('one_ms')}")
        script.at(30 + np.random.default_rng().integers(60), QUIT)
        return script

    repeat(count, tmp_path, make)


@pytest.mark.parametrize("count", RUNS)
def test_a_file_that_was_just_broken_can_be_reloaded(model_file, tmp_path, count):
    path = tmp_path / "breaking.ts"

    def make(folder):
        shutil.copy(model_file("gain"), path)
        script = Script()
        script.players([f"{path} forward 512"])
        text = script.obj("text define garbage")
        script.connect(script.obj("r garbage"), 0, text, 0)
        script.at(50, f"\\; garbage write {path} \\; nn reload")
        script.at(250, "\\; nn bang")
        script.at(300, QUIT)
        return script

    repeat(count, tmp_path, make, lambda run: "error" in run.console and "loaded 1" in run.console)


@pytest.mark.parametrize("count", RUNS)
def test_garbage_can_be_loaded(model_file, tmp_path, count):
    garbage = ["empty", "truncated", "text", "png", "zip_only", "state_dict", "newer_version"]

    def make(folder):
        script = Script()
        script.players([f"{model_file('gain')} forward 512", "void", f"{model_file('text')}"])
        for i, name in enumerate(garbage):
            script.at(20 + 15 * i, f"\\; nn load {model_file(name)}")
        script.at(250, "\\; nn bang")
        script.at(300, QUIT)
        return script

    def check(run):
        return run.said("info").count("loaded 0") == 2 and "loaded 1" in run.said("info")

    repeat(count, tmp_path, make, check)


@pytest.mark.parametrize("count", RUNS)
def test_bufsize_storms_while_running(model_file, tmp_path, count):
    def make(folder):
        script = Script()
        script.players([f"{model_file('gain')} forward 512"] * 2)
        sizes = np.random.default_rng().choice([0, 1, 64, 500, 512, 2048, 8192, 16384], 40)
        for i, size in enumerate(sizes):
            script.at(50 + 5 * i, f"\\; nn bufsize {size}")
        script.at(250, "\\; nn method forward \\; nn reload \\; nn set gain 0.1")
        script.at(400, QUIT)
        return script

    repeat(count, tmp_path, make)


@pytest.mark.parametrize("count", RUNS)
def test_names_of_one_letter_and_bangs_without_a_model(tmp_path, count):
    def make(folder):
        script = Script()
        script.players(["", "a", "ab", "void 2 2", "void"])
        for i, text in enumerate(
            [
                "bang",
                "reload",
                "get x",
                "set x 1",
                "method x",
                "bufsize 64",
                "reset",
                "stats",
                "latency",
                "dump",
                "load a",
                "enable 0",
                "seed 1",
                "deadline 5",
                "gpu 1",
                "bang",
            ]
        ):
            script.at(20 + 5 * i, f"\\; nn {text}")
        script.at(150, QUIT)
        return script

    repeat(count, tmp_path, make, lambda run: run.said("info").count("loaded 0") >= 8)


@pytest.mark.parametrize("count", RUNS)
def test_a_model_that_throws_at_every_block(model_file, tmp_path, count):
    def make(folder):
        script = Script()
        script.players([f"{model_file('misbehaving')} forward 512"] * 4)
        for i in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11):  # 7 is slow
            script.at(20 + 15 * i, f"\\; nn set mode {i}")
        script.at(260, QUIT)
        return script

    repeat(count, tmp_path, make)
