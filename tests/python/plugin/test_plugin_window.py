# SPDX-License-Identifier: MIT
"""The plugin's window, on a screen that nobody sees: in hosts of ours and in pedalboard's."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from . import clap_host, window_host
from .conftest import BUILT, GATE, plugin_file
from .net import NETS, needs_net, watched
from .signals import RATE, noise
from .window_host import ClapWindow

# Where things lie: externals/plugin/window/layout.hpp. Left, top, right, bottom.
HEADER = (120, 11, 504, 41)
COLUMN = (20, 66, 224, 392)
TRACE = (256, 108, 688, 212)
SLIDERS = (256, 224, 688, 360)
SENTENCE = (0, 400, 720, 448)
LAMP = (134, 26)
MIX_MIDDLE = (122, 213)
MODELS, OPEN = (300, 26), (553, 26)
METHOD, SECOND_METHOD = (120, 100), (100, 157)
ATTRIBUTES = (372, 86)

GREY, GREEN, RED = (92, 99, 114), (112, 201, 146), (255, 146, 128)
WRONG = (66, 32, 32)  # the ground of a sentence that says what is wrong
CALM = (27, 31, 39)

pytestmark = [
    pytest.mark.skipif(
        not list((BUILT / "nnbridge.vst3").glob("Contents/*/nnbridge-window.*")),
        reason="the plugin's window is not built: `make plugin`",
    ),
    pytest.mark.skipif(bool(window_host.missing()), reason=f"not here: {window_host.missing()}"),
]


@pytest.fixture(scope="module")
def display():
    with window_host.screen() as screen:
        yield screen


@pytest.fixture
def window(display, clap):
    """The window of `clap`, which plays in real time."""
    clap.activate(RATE, 512, offline=False)
    shown = ClapWindow(clap, display)
    shown.run()
    yield shown
    shown.close()


def colours(picture, box):
    """How many: text and curves have many, where their edges are smooth."""
    return len(np.unique(np.asarray(picture.crop(box)).reshape(-1, 3), axis=0))


def near(colour, other):
    return all(abs(one - two) <= 3 for one, two in zip(colour, other, strict=True))


def wait_for(window, condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        window.run(0.1)


def test_an_empty_window_says_what_to_do(display, window):
    picture = display.picture()
    assert window.size == window_host.SIZE
    assert near(picture.getpixel(LAMP), GREY)
    assert near(picture.getpixel((4, 440)), CALM)
    for box in (HEADER, COLUMN, SENTENCE):
        assert colours(picture, box) > 20


def test_a_click_on_a_slider_turns_the_parameter_and_tells_the_host(display, window, clap):
    before = display.picture()
    display.click(*MIX_MIDDLE)
    wait_for(window, lambda: clap.get("Mix") != 100.0, 10.0)
    assert clap.get("Mix") == pytest.approx(50.0, abs=1.0)
    assert clap.told["Mix"] == clap.get("Mix")
    window.run()
    assert near(before.getpixel((180, 213)), (240, 180, 92))
    assert not near(display.picture().getpixel((180, 213)), (240, 180, 92))


def test_the_host_s_automation_moves_the_slider(display, window, clap):
    clap.set("Gain", -60.0)
    window.run()
    assert near(display.picture().getpixel((26, 255)), (240, 180, 92))


def test_a_drag_is_followed_and_a_double_click_goes_back(display, window, clap):
    display.mouse("mousemove", 122, 255, "mousedown", 1)
    window.run(0.3)
    display.mouse("mousemove", 20, 258)
    window.run(0.3)
    display.mouse("mouseup", 1)
    wait_for(window, lambda: clap.get("Gain") == -60.0, 10.0)
    window.run(0.5)
    display.mouse("mousemove", 60, 255, "click", "--repeat", 2, "--delay", 60, 1)
    wait_for(window, lambda: clap.get("Gain") == 0.0, 10.0)


def test_a_method_is_chosen_from_the_list(display, window, clap, model_file):
    clap.set_model(model_file("rave_v1"))
    wait_for(window, lambda: clap.text("Status") == "playing")
    display.click(*METHOD)
    window.run()
    display.click(*SECOND_METHOD)
    wait_for(window, lambda: clap.text("Method") == "encode+decode", 10.0)


def test_a_file_is_chosen_in_a_dialog(display, window, clap, model_file, tmp_path):
    file = tmp_path / "größer.ts"
    shutil.copy(model_file("gain"), file)
    clap.set_model(tmp_path / "missing.ts")  # the dialog begins where the last model was
    wait_for(window, lambda: clap.text("Status") == "missing")
    window.run(1.0)  # the window hears of it with its next look
    below = (0, 60, *window_host.SIZE)  # where the button lights up nothing
    shown = [display.picture().crop(below)]
    display.click(*OPEN)

    def dialog_stands() -> bool:  # drawn, and at rest
        window.run(1.0)
        shown.append(display.picture().crop(below))
        return shown[0] != shown[-1] == shown[-2]

    wait_for(window, dialog_stands)
    display.mouse("mousemove", 200, 69, "click", "--repeat", 2, "--delay", 60, 1)
    wait_for(window, lambda: clap.text("Status") == "playing")
    assert str(file).encode() in clap.state


def test_a_model_of_the_folders_is_chosen_from_the_list(display, model_file, tmp_path, monkeypatch):
    for name in ("one", "two"):
        shutil.copy(model_file("gain"), tmp_path / f"{name}.ts")
    monkeypatch.setenv("NNBRIDGE_MODELS", str(tmp_path))
    with clap_host.plugin(plugin_file("nnbridge.clap")) as plugin:
        plugin.activate(RATE, 512, offline=False)
        shown = ClapWindow(plugin, display)
        shown.run()
        display.click(*MODELS)
        shown.run()
        display.click(MODELS[0], 85)
        wait_for(shown, lambda: plugin.text("Status") == "playing")
        assert plugin.text("Model") == "two"
        shown.close()


def test_latent_values_are_drawn_as_they_come(display, window, clap, model_file):
    clap.set_model(model_file("rave_v1"))
    clap.set("Method", "encode+decode")
    wait_for(window, lambda: clap.text("Status") == "playing")
    assert near(display.picture().getpixel(LAMP), GREEN) or window.run(0.5) is None
    for index, value in enumerate((1.0, -2.0, 3.0, -3.0)):
        clap.set(f"Bias {index + 1}", value)
    window.run(3.0)
    picture = display.picture()
    assert near(picture.getpixel(LAMP), GREEN)
    # At the right edge of the trace, and as marks beside the sliders, whose range is from -4 to 4.
    column = np.asarray(picture.convert("L").crop((676, *TRACE[1:2], 680, TRACE[3]))).max(axis=1)
    lines = [TRACE[1] + y for y in np.flatnonzero(column > 110)]
    for value in (1.0, -2.0, 3.0, -3.0):
        expected = 160 - value / 4.0 * 46
        assert min(abs(y - expected) for y in lines) < 4, f"no line at {value}"
    assert colours(picture, SLIDERS) > 50


def test_a_latent_slider_turns_the_bias_of_its_dimension(display, window, clap, model_file):
    clap.set_model(model_file("rave_v1"))  # four dimensions, in columns of an eighth
    clap.set("Method", "encode+decode")
    wait_for(window, lambda: clap.text("Status") == "playing")
    window.run(0.5)
    display.click(256 + 54 * 2.5, 230)
    wait_for(window, lambda: clap.get("Bias 3") != 0.0, 10.0)
    assert clap.get("Bias 3") == pytest.approx(4.0)
    assert clap.get("Bias 2") == 0.0


def test_a_model_s_attributes_have_sliders(display, window, clap, model_file):
    clap.set_model(model_file("gain"))
    wait_for(window, lambda: clap.text("Status") == "playing")
    display.click(*ATTRIBUTES)
    window.run()
    clap.names = clap.parameters()
    before = clap.get("gain (model)")
    display.click(256 + 6, 129)
    wait_for(window, lambda: clap.get("gain (model)") != before, 10.0)
    assert clap.get("gain (model)") == 0.0
    window.run(0.5)
    display.mouse("mousemove", 400, 129, "click", "--repeat", 2, "--delay", 60, 1)
    wait_for(window, lambda: clap.get("gain (model)") == before, 10.0)  # where it stands of itself


@pytest.mark.parametrize("kind", ["missing", "failed"])
def test_what_is_wrong_is_said_in_the_window(display, window, clap, tmp_path, kind):
    path = tmp_path / "text.ts"
    if kind == "failed":
        path.write_text("not a model")
    clap.set_model(path)
    wait_for(window, lambda: clap.text("Status") == kind)
    window.run()
    picture = display.picture()
    assert near(picture.getpixel((4, 440)), WRONG)
    assert near(picture.getpixel(LAMP), RED)
    assert colours(picture, SENTENCE) > 20


def test_the_sentence_says_which_thing_is_wrong(display, window, clap, model_file):
    def sentence():
        return display.picture().crop(SENTENCE).tobytes()

    clap.set_model(model_file("gain"))
    clap.set("Method", "decode")
    wait_for(window, lambda: clap.text("Status") == "failed")
    window.run(0.6)
    first = sentence()
    clap.set("Method", "prior")
    wait_for(window, lambda: sentence() != first, 10.0)
    assert clap.text("Status") == "failed"


def test_a_window_of_another_size_shows_the_same(display, window, clap):
    window.resize(540, 336)
    window.run()
    assert window.size == (540, 336)
    picture = display.picture().crop((0, 0, 540, 336)).resize(window_host.SIZE)
    assert colours(picture, COLUMN) > 20
    display.click(MIX_MIDDLE[0] * 0.75, MIX_MIDDLE[1] * 0.75)
    wait_for(window, lambda: clap.get("Mix") != 100.0, 10.0)
    assert clap.get("Mix") == pytest.approx(50.0, abs=1.0)


def test_a_dense_screen_gets_a_larger_window(display, clap):
    shown = ClapWindow(clap, display, scale=1.5)
    shown.run(0.2)
    assert shown.size == (1080, 672)
    shown.close()


def test_opening_and_closing_leaves_nothing_behind(display, clap, model_file):
    clap.set_model(model_file("rave_v1"))
    clap.activate(RATE, 512, offline=False)

    def files():
        return len(list(Path("/proc/self/fd").iterdir()))

    def memory():
        statm = Path("/proc/self/statm").read_text()
        return int(statm.split()[1]) * 4096

    before = []
    for turn in range(20):
        shown = ClapWindow(clap, display)
        shown.run(0.05)
        shown.close()
        if turn == 4:  # what drivers and caches take once, they have now
            before = [files(), memory()]
    assert files() <= before[0]
    assert memory() - before[1] < 16e6
    clap.wait_for("playing", 512)
    assert np.isfinite(clap.play(noise(2, 4096))).all()


def test_without_a_display_there_is_no_window_and_all_else_works(display, clap, monkeypatch):
    monkeypatch.delenv("DISPLAY")
    clap.activate(RATE, 512)
    shown = ClapWindow(clap, display)
    assert not shown.opened
    shown.close()
    signal = noise(2, 4096)
    np.testing.assert_array_equal(clap.play(signal), signal)


def test_the_plugin_itself_needs_no_graphics_library(bundle):
    for binary in (*bundle.glob("Contents/*/nnbridge.so"), plugin_file("nnbridge.clap")):
        needed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
        assert "libGL" not in needed
        assert "libX11" not in needed


PEDALBOARD = """
import sys, threading, time, pedalboard
plugin = pedalboard.load_plugin(sys.argv[1])
close = threading.Event()
def wait():
    while plugin.mix == 100.0:
        time.sleep(0.1)
    close.set()
threading.Thread(target=wait, daemon=True).start()
plugin.show_editor(close)
print(plugin.mix)
"""


def test_pedalboard_shows_the_window_of_the_vst3(display, bundle):
    pytest.importorskip("pedalboard")
    words = [sys.executable, "-c", PEDALBOARD, str(bundle)]
    search = ["xdotool", "search", "--onlyvisible", "--class", "nnbridge"]
    host = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 60.0
        while host.poll() is None and time.monotonic() < until:
            time.sleep(0.5)
            found = subprocess.run(search, capture_output=True, text=True).stdout.split()
            if found:
                display.click(*MIX_MIDDLE)  # at the screen's corner, as no one places windows
        assert host.wait(1) == 0
        assert float(host.stdout.read()) == pytest.approx(50.0, abs=1.0)
    finally:
        host.kill()
        host.wait()


@pytest.fixture
def lv2_plugin(lv2):
    with lv2(RATE, 512) as plugin:
        plugin.activate(offline=False)
        yield plugin


def test_the_window_of_the_lv2_turns_its_ports(display, lv2_plugin):
    shown = window_host.Lv2Window(lv2_plugin, display)
    shown.run()
    assert colours(display.picture(), COLUMN) > 20
    display.click(*MIX_MIDDLE)
    wait_for(shown, lambda: lv2_plugin.controls["mix"].value != 100.0, 10.0)
    assert lv2_plugin.controls["mix"].value == pytest.approx(50.0, abs=1.0)
    shown.close()


def test_an_lv2_host_that_gives_no_access_gets_no_window(display, lv2_plugin):
    assert not window_host.Lv2Window(lv2_plugin, display, access=False).handle


WATCHED = """
import ctypes, sys
from tests.python.plugin import clap_host, window_host

clap, gate, net, model = sys.argv[1:]
gate, net = ctypes.CDLL(gate), ctypes.CDLL(net)
with window_host.screen() as screen, clap_host.plugin(clap, gate=gate) as plugin:
    plugin.set_model(model)
    plugin.set("Method", "encode+decode")
    plugin.activate(48000, 512, offline=False)
    plugin.wait_for("playing", 512)
    window = window_host.ClapWindow(plugin, screen)
    for place in (122, 213), (60, 255), (283, 300), (372, 86), (120, 100), (100, 133):
        screen.click(*place)  # sliders, a tab, a list
        window.run(0.2)
    print(plugin.get("Mix"), plugin.get("Bias 1"))
    window.close()
"""


@needs_net
def test_what_the_window_turns_makes_no_process_call_wait(model_file):
    files = [plugin_file("nnbridge.clap"), GATE, NETS[0], model_file("rave_v1")]
    turned, passages, *caught = watched(WATCHED, *files)
    mix, bias = map(float, turned.split())
    assert mix == pytest.approx(50.0, abs=1.0)
    assert bias != 0.0
    assert int(passages) > 30
    assert caught == []
