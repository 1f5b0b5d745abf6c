# SPDX-License-Identifier: MIT
"""Every argument, attribute, message and outlet of nn~, mc.nn~ and mcs.nn~."""

import shutil

import numpy as np
import pytest

from .maxhost import classes

RATE = 44100


def level(value=0.5, seconds=0.25, rows=1):
    frames = int(seconds * RATE)
    return np.full((rows, frames - frames % 64), value, np.float32)


def last(nn, value=0.5, seconds=0.25, row=0):
    """The last sample that comes out for a constant, in inlets of one channel each."""
    rows = sum(nn.counts)
    return float(nn.run(level(value, seconds, rows))[row, -1])


def inline(max_host, path, words="forward 0", kind="nn~"):
    """An object without a worker, compiled: what it plays doesn't depend on time."""
    nn = max_host.new(f"{kind} {path} {words}")
    nn.compile(64)
    return nn


def hears_nothing_but(nn, value):
    """Plays a constant until it comes out; a block may be late, but nothing louder may be heard."""
    for _ in range(50):
        heard = nn.run(level(value))
        if heard.min() < 0 or heard.max() > value:
            return False
        if heard[0, -1] == value:
            return True
    return False


def live(nn, message, seconds=20, value=0.5):
    """Plays until an outlet says this, as when audio is on."""
    before = len(nn.heard(message))
    for _ in range(int(seconds * 50)):
        nn.run(level(value, 0.02, sum(nn.counts)))
        nn.host.wait(20)
        if len(nn.heard(message)) > before:
            return nn.heard(message)[-1]
    raise AssertionError(f"nothing said {message}: {nn.host.console}")


def at_once(nn, *texts):
    """Messages of one moment in the scheduler, which the main thread then comes to in one go."""
    for text in texts[:-1]:
        nn.send(text, thread="scheduler", busy=True)
    nn.send(texts[-1], thread="scheduler")


# Arguments ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["nn~", "mc.nn~", "mcs.nn~"])
def test_without_arguments_an_object_is_silent_and_answers_a_bang(max_host, kind):
    nn = max_host.new(kind)
    nn.compile(64)
    assert nn.inlets == 1
    assert not nn.run(level()).any()
    assert nn.ask("bang", "loaded") == [0]


def test_a_model_alone_plays_forward_in_the_smallest_block_from_512(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('gain')}")
    nn.compile(64)
    assert nn.ask("bang", "method") == ["forward"]
    assert nn.heard("bufsize") == [[512]]


def test_the_block_is_no_smaller_than_the_model_allows(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('rave_v2')} decode")
    assert nn.ask("bang", "bufsize") == [2048]


def test_method_and_block_are_taken_from_the_box(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('rave_v2')} encode 5000")
    assert nn.ask("bang", "method") == ["encode"]
    assert nn.heard("bufsize") == [[6144]]
    assert (nn.inlets, nn.outlet_types) == (1, ["signal"] * 4 + [""])


def test_a_size_may_stand_in_the_place_of_the_method(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('gain')} 1024")
    assert nn.ask("bang", "bufsize") == [1024]


def test_inlets_and_outlets_may_be_given(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('gain')} forward 0 3 2")
    assert (nn.inlets, nn.outlet_types) == (3, ["signal", "signal", ""])
    assert any("takes 1 channels and gives 1" in line for line in max_host.said("post"))
    nn.compile(64)
    out = nn.run(level(rows=3))
    assert (out[0, -1], out[1, -1]) == (0.25, 0)


def test_void_has_the_channels_asked_for_and_no_model(max_host, model_file):
    nn = max_host.new("nn~ void 3 2 2048")
    assert (nn.inlets, nn.outlet_types) == (3, ["signal", "signal", ""])
    nn.compile(64)
    assert not nn.run(level(rows=3)).any()
    nn.send(f"load {model_file('three_to_two')}")
    nn.until("loaded")
    assert nn.ask("bang", "bufsize") == [2048]
    assert nn.broken()  # the model's channels are others than those compiled for
    nn.compile(64)
    out = nn.run(level(rows=3, seconds=0.5))
    assert (out[0, -1], out[1, -1]) == (0.75, 0.25)


def test_void_has_one_outlet_where_only_the_inlets_are_said(max_host):
    nn = max_host.new("nn~ void 3")
    assert (nn.inlets, nn.outlet_types) == (3, ["signal", ""])


def test_mc_void_has_the_inlets_and_outlets_asked_for(max_host):
    nn = max_host.new("mc.nn~ void 2 3")
    assert (nn.inlets, nn.outlet_types) == (2, ["multichannelsignal"] * 3 + [""])


def test_mcs_takes_items_and_block(max_host, model_file):
    nn = max_host.new(f"mcs.nn~ {model_file('three_to_two')} forward 4 1024")
    assert (nn.inlets, nn.outlet_types) == (4, ["multichannelsignal"] * 4 + [""])
    assert nn.ask("bang", "bufsize") == [1024]


def test_mcs_has_one_item_and_blocks_of_4096_where_nothing_is_said(max_host, model_file):
    nn = max_host.new(f"mcs.nn~ {model_file('gain')}")
    assert nn.inlets == 1
    assert nn.ask("bang", "bufsize") == [4096]


def test_mcs_void_takes_items_and_block(max_host, model_file):
    nn = max_host.new("mcs.nn~ void 3 1024")
    assert nn.inlets == 3
    nn.send(f"load {model_file('gain')}")
    nn.until("loaded")
    assert nn.ask("bang", "bufsize") == [1024]


def test_models_are_found_in_the_package_first_with_or_without_ts(max_host, model_file, tmp_path):
    for folder, name in [("package/models", "identity"), ("nn/models", "gain"), ("else", "gain")]:
        (tmp_path / folder).mkdir(parents=True)
        shutil.copy(model_file(name), tmp_path / folder / "known.ts")
    shutil.copy(model_file("gain"), tmp_path / "else" / "other.ts")
    max_host.do("search", folders=[str(tmp_path / "else")])
    assert last(inline(max_host, "known")) == 0.25
    max_host.do("package", name="nn_tilde", folder=str(tmp_path / "nn"))
    nn = inline(max_host, "known.ts")
    assert nn.ask("bang", "model") == [str(tmp_path / "nn/models/known.ts")]
    max_host.do("package", name="nnbridge", folder=str(tmp_path / "package"))
    assert last(inline(max_host, "known")) == 0.5
    assert last(inline(max_host, "other")) == 0.25


def test_short_names_and_numbers_are_names(max_host, model_file, tmp_path):
    for name in ("g", "808"):
        shutil.copy(model_file("gain"), tmp_path / f"{name}.ts")
    max_host.do("search", folders=[str(tmp_path)])
    assert last(inline(max_host, "g")) == 0.25
    assert last(inline(max_host, "808")) == 0.25


def test_names_may_have_letters_of_any_language(max_host, model_file, tmp_path):
    """Max's names are UTF-8; a path of Windows is not, and has to be asked for it."""
    path = tmp_path / "Jürgen" / "звук 声.ts"
    path.parent.mkdir()
    shutil.copy(model_file("gain"), path)
    max_host.do("search", folders=[str(path.parent)])
    nn = max_host.new("nn~ void 1 1")
    nn.send(["load", "звук 声"])
    nn.until("loaded")
    assert nn.ask("bang", "model") == [str(path)]
    nn.send("dump")
    assert f"nn~: model_path: {path}" in max_host.said()
    path.write_text("")
    nn.send(["load", str(path)])
    max_host.wait(200)
    nn.compile(64)
    nn.run(level())
    max_host.wait(200)
    assert any(f"'{path}'" in line for line in max_host.said("error")), max_host.console


@pytest.mark.parametrize("kind", ["nn~", "mc.nn~"])
def test_a_file_that_is_not_there_fails_the_box_which_keeps_its_cords(max_host, kind):
    assert not max_host.new(f"{kind} nowhere").made
    assert max_host.said("error") == [f"{kind}: could not find file 'nowhere.ts'"]


def test_with_the_channels_given_a_box_waits_for_a_model(max_host, model_file):
    nn = max_host.new("nn~ nowhere forward 512 1 1")
    assert nn.made
    assert "could not find file 'nowhere.ts'" in max_host.said("error")[0]
    nn.compile(64)
    assert not nn.run(level()).any()
    nn.send(f"load {model_file('gain')}")
    nn.until("loaded")
    assert last(nn) == 0.25


def test_mcs_waits_for_a_model_as_its_inlets_are_always_known(max_host):
    assert max_host.new("mcs.nn~ nowhere").made


@pytest.mark.parametrize("name", ["empty", "truncated", "text", "zip_only", "newer_version"])
def test_a_file_that_is_no_model_is_an_error_and_no_crash(max_host, model_file, name):
    assert not max_host.new(f"nn~ {model_file(name)}").made
    assert len(max_host.said("error")) == 1


def test_a_missing_method_becomes_forward(max_host, model_file):
    nn = inline(max_host, model_file("gain"), "nonsense 0")
    max_host.wait(40)
    assert any("using forward instead" in line for line in max_host.said())
    assert nn.ask("bang", "method") == ["forward"]


def test_without_forward_the_box_fails_and_names_the_methods_there_are(max_host, model_file):
    assert not max_host.new(f"nn~ {model_file('ratio_480')}").made
    assert "encode, decode" in max_host.said("error")[0]


def test_a_ratio_that_is_no_power_of_two_plays(max_host, model_file):
    nn = inline(max_host, model_file("ratio_480"), "encode 500")
    assert nn.ask("bang", "bufsize") == [960]
    assert nn.heard("ratio") == [[1, 480]]


# Attributes ---------------------------------------------------------------------------------------


def test_enable_0_is_silence_and_brings_no_old_audio_back(max_host, model_file):
    nn = inline(max_host, model_file("delay_1000"), "forward 4096")
    nn.run(level(0.5, 0.2))
    nn.attribute("enable", 0)
    assert not nn.run(level(0.5, 0.2))[0, 4096:].any()
    nn.attribute("enable", 1)
    assert hears_nothing_but(nn, 0.125)


def test_an_object_may_start_switched_off(max_host, model_file):
    nn = inline(max_host, model_file("gain"), "forward 0 @enable 0")
    assert not nn.run(level()).any()
    assert nn.ask("bang", "enabled") == [0]
    nn.attribute("enable", 1)
    assert last(nn) == 0.25


def test_muted_by_max_it_brings_no_old_audio_back(max_host, model_file):
    """`enable` as a message is MSP's own: mute~ and pcontrol send it."""
    nn = inline(max_host, model_file("delay_1000"), "forward 4096")
    nn.run(level(0.5, 0.2))
    nn.send("enable 0")
    max_host.wait(40)
    assert not nn.run(level(0.5, 0.2)).any()
    nn.send("enable 1")
    assert hears_nothing_but(nn, 0.125)


def test_when_audio_was_off_nothing_of_before_is_heard(max_host, model_file):
    nn = inline(max_host, model_file("delay_1000"), "forward 4096")
    nn.run(level(0.5, 0.2))
    max_host.wait(400)
    nn.compile(64)
    assert hears_nothing_but(nn, 0.125)


def test_a_patch_that_is_edited_while_audio_runs_plays_on(max_host, model_file):
    nn = inline(max_host, model_file("gain"), "forward 0")
    nn.run(level())
    nn.compile(64)
    assert (nn.run(level()) == 0.25).all()


def test_gpu_without_one_says_so_and_plays_on(max_host, model_file):
    nn = inline(max_host, model_file("gain"), "forward 0 @gpu 1")
    assert last(nn) == 0.25
    available = not any("GPU mode not available" in line for line in max_host.said("error"))
    assert nn.ask("bang", "gpu") == [1 if available else 0]


def test_gpu_may_be_set_later(max_host, model_file):
    nn = inline(max_host, model_file("gain"), "forward 0")
    nn.attribute("gpu", 1)
    nn.run(level())
    for _ in range(200):
        max_host.wait(20)
        nn.run(level(seconds=0.01))
        if max_host.said("error") or nn.ask("bang", "gpu") == [1]:
            break
    assert last(nn) == 0.25


def test_track_buffers_follows_the_buffer(max_host, model_file):
    max_host.buffer("loop", np.full((1, 100), 0.5))
    nn = inline(max_host, model_file("v16"), "forward 0 @track_buffers 1")
    nn.send("set wave loop")
    assert last(nn, 0.25) == 0.75
    max_host.buffer("loop", np.full((1, 50), -0.25))
    max_host.wait(40)
    nn.run(level(0.25))
    assert last(nn, 0.25) == 0.0
    nn.attribute("track_buffers", 0)
    max_host.buffer("loop", np.full((1, 50), 1.0))
    max_host.wait(40)
    nn.run(level(0.25))
    assert last(nn, 0.25) == 0.0


def test_track_buffers_keeps_the_content_of_a_buffer_that_goes(max_host, model_file):
    max_host.buffer("loop", np.full((1, 100), 0.5))
    nn = inline(max_host, model_file("v16"), "forward 0 @track_buffers 1")
    nn.send("set wave loop")
    max_host.buffer("loop", np.full((1, 100), 0.25))
    max_host.wait(40)
    max_host.buffer("loop", None)
    max_host.wait(100)
    nn.run(level(0.25))
    assert last(nn, 0.25) == 0.5
    assert max_host.said("error") == []


def test_track_buffers_takes_a_buffer_that_comes_later(max_host, model_file):
    nn = inline(max_host, model_file("v16"), "forward 0 @track_buffers 1")
    nn.send("set wave later")
    nn.run(level(0.25))
    max_host.wait(40)
    assert any("There is no array 'later'" in line for line in max_host.said("error"))
    max_host.buffer("later", np.full((1, 50), 0.5))
    max_host.wait(40)
    nn.run(level(0.25))
    assert last(nn, 0.25) == 0.75


def test_track_buffers_follows_what_was_set_for_a_model_on_its_way(max_host, model_file):
    """And no longer what was set for the one before."""
    max_host.buffer("loop", np.full((1, 100), 0.5))
    nn = max_host.new(f"nn~ {model_file('v16')} forward 0 @track_buffers 1")
    nn.compile(64)
    nn.send("set curve loop")
    nn.send(f"load {model_file('gain')}")
    nn.until("loaded")
    max_host.buffer("loop", np.full((1, 100), 0.25))  # gain has no curve
    max_host.wait(40)
    assert max_host.said("error") == []
    at_once(nn, f"load {model_file('v16')}", "set wave loop")
    live(nn, "loaded")
    max_host.buffer("loop", np.full((1, 100), 1.0))
    max_host.wait(40)
    nn.run(level(0.25))
    assert last(nn, 0.25) == 1.25


@pytest.mark.parametrize("kind", ["mc.nn~", "mcs.nn~"])
def test_chans_takes_all_that_a_signal_can_have(max_host, model_file, kind):
    """Kept in as many bytes as Max reads; nothing beside it changes."""
    nn = inline(max_host, model_file("gain"), "forward 1 0 @chans 300", kind)
    assert nn.attribute("chans") == 300
    assert set(nn.channels) == {300}
    assert nn.attribute("chans", 5000) == 1024
    assert nn.attribute("chans", -1) == 0
    assert [nn.attribute(name) for name in ("enable", "gpu", "track_buffers")] == [1, 0, 0]


@pytest.mark.parametrize(("kind", "items"), [("mc.nn~", ""), ("mcs.nn~", "2")])
def test_chans_fixes_the_channels_of_each_outlet(max_host, model_file, kind, items):
    nn = max_host.new(f"{kind} {model_file('three_to_two')} forward {items} 0 @chans 3")
    counts = [2, 2, 2] if kind == "mc.nn~" else [3, 3]
    assert nn.compile(64, counts=counts) == [3, 3]
    out = nn.run(level(rows=sum(counts)))
    # Data where there is some, and silence in what is left.
    assert out[:, -1].tolist() == (
        [0.75, 0.75, 0, 0.25, 0.25, 0] if kind == "mc.nn~" else [0.75, 0.25, 0, 0.75, 0.25, 0]
    )
    nn.attribute("chans", 1)
    max_host.wait(40)
    assert nn.broken()  # so that Max asks for the channels again
    assert nn.compile(64, counts=counts) == [1, 1]
    assert nn.run(level(rows=sum(counts)))[:, -1].tolist() == (
        [0.75, 0.25] if kind == "mc.nn~" else [0.75, 0.75]
    )


def test_attributes_may_be_set_from_the_scheduler(max_host, model_file):
    """As messages too: what they do is done in the main thread."""
    nn = inline(max_host, model_file("gain"))
    nn.send("track_buffers 1", thread="scheduler")
    assert nn.attribute("track_buffers") == 1


def test_attributes_from_the_scheduler_are_no_pause_of_audio(max_host, model_file):
    """Each is taken up in the main thread; between two large vectors there is time for many."""
    nn = inline(max_host, model_file("delay_1000"))
    nn.compile(4096)
    nn.run(level())
    for _ in range(3):
        for _ in range(40):
            nn.send("track_buffers 1", thread="scheduler")
        assert (nn.run(level(seconds=0.1)) == 0.5).all()  # as long as nothing is forgotten


def test_the_time_between_two_large_vectors_is_no_pause(max_host, model_file):
    nn = inline(max_host, model_file("delay_1000"))
    nn.compile(4096, 22050)
    nn.run(level())
    for _ in range(8):
        max_host.wait(180)
        assert (nn.run(level(seconds=0.1)) == 0.5).all()  # as long as nothing is forgotten


# Messages of nn~ ----------------------------------------------------------------------------------


def test_load_takes_another_file_while_audio_runs(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('gain')} forward 0")
    nn.compile(64)
    assert last(nn) == 0.25
    nn.send(f"load {model_file('identity')}")
    live(nn, "loaded")
    assert last(nn) == 0.5
    assert nn.ask("bang", "model") == [str(model_file("identity"))]


def test_load_from_the_scheduler_is_done_in_the_main_thread(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('gain')} forward 0")
    nn.compile(64)
    max_host.do("search", folders=[str(model_file("identity").parent)])
    nn.send("load identity", thread="scheduler")  # Max looks for files in the main thread alone
    live(nn, "loaded")
    assert last(nn) == 0.5


@pytest.mark.parametrize("kind", ["nn~", "nn.info"])
def test_all_messages_are_done_in_the_main_thread(max_host, kind):
    nn = max_host.new(kind)
    for name, how in classes()[kind]["methods"].items():
        if "cant" not in how:
            nn.send([name], thread="scheduler")
    said = max_host.console + max_host.outlets
    assert len(said) > 9
    assert [one for one in said if one["thread"] != "main"] == []


def test_messages_of_one_moment_in_the_scheduler_are_done_in_their_order(max_host, model_file):
    """Max's own deferring turns them round: `set` would be for the model before."""
    nn = max_host.new(f"nn~ {model_file('gain')} forward 0")
    loads = [f"load {model_file(name)}" for name in ("identity", "gain")]
    at_once(nn, *loads, "set gain 0.125", "bang")
    assert nn.heard("loaded") == [[1]]  # the answer to the bang, the latest to be sent
    nn.compile(64)
    live(nn, "loaded")
    assert nn.ask("get gain", "get") == ["gain", 0.125]
    info = max_host.new("nn.info")
    at_once(info, f"set {model_file('rave_v2')}", "methods")
    assert info.until("method") == ["forward"]
    assert max_host.said("error") == []


def test_load_says_why_it_cannot_and_plays_on(max_host, model_file):
    nn = inline(max_host, model_file("gain"))
    nn.send("load")
    nn.send("load nowhere")
    nn.send(f"load {model_file('truncated')}")
    for _ in range(500):
        max_host.wait(20)
        if len(max_host.said("error")) == 3:
            break
    assert "'load' takes" in max_host.said("error")[0]
    assert "could not find file 'nowhere.ts'" in max_host.said("error")[1]
    assert last(nn) == 0.25


def test_reload_reads_the_file_again(max_host, model_file, tmp_path):
    path = tmp_path / "changing.ts"
    shutil.copy(model_file("gain"), path)
    nn = inline(max_host, path)
    shutil.copy(model_file("identity"), path)
    nn.send("reload")
    live(nn, "loaded")
    assert last(nn) == 0.5


def test_reload_of_a_broken_file_plays_on_and_of_a_mended_one_is_heard(
    max_host, model_file, tmp_path
):
    path = tmp_path / "breaking.ts"
    shutil.copy(model_file("gain"), path)
    nn = inline(max_host, path)
    shutil.copy(model_file("text"), path)
    nn.send("reload")
    for _ in range(500):
        max_host.wait(20)
        if max_host.said("error"):
            break
    assert last(nn) == 0.25
    shutil.copy(model_file("identity"), path)
    nn.send("reload")
    live(nn, "loaded")
    assert last(nn) == 0.5


def test_reload_reads_the_file_that_is_on_its_way(max_host, model_file):
    nn = inline(max_host, model_file("gain"))
    at_once(nn, f"load {model_file('identity')}", "reload")
    live(nn, "loaded")
    max_host.wait(400)
    nn.settle()
    assert nn.ask("bang", "model") == [str(model_file("identity"))]


def test_reload_reads_a_file_that_the_box_could_not_open(max_host, model_file, tmp_path):
    path = tmp_path / "broken.ts"
    shutil.copy(model_file("text"), path)
    nn = max_host.new(f"nn~ {path} forward 0 1 1")
    assert len(max_host.said("error")) == 1
    shutil.copy(model_file("gain"), path)
    nn.settle()
    nn.compile(64)
    assert last(nn) == 0.25


def test_reload_without_a_model_says_so(max_host):
    max_host.new("nn~").send("reload")
    assert "there is no model to reload" in max_host.said("error")[0]


def test_method_changes_the_method_while_audio_runs(max_host, model_file):
    nn = inline(max_host, model_file("oddities"), "get_sr 0")
    nn.send("method saturate")
    assert live(nn, "method") == ["saturate"]
    assert last(nn) == pytest.approx(np.tanh(0.5))


def test_method_says_why_it_cannot(max_host, model_file):
    nn = inline(max_host, model_file("rave_v2"))
    nn.send("method")
    nn.send("method nonsense")
    for _ in range(500):
        max_host.wait(20)
        if len(max_host.said("error")) == 2:
            break
    assert "'method' takes a name" in max_host.said("error")[0]
    assert "no method 'nonsense'; it has: encode, decode, forward" in max_host.said("error")[1]


def test_a_method_with_other_channels_is_heard_once_signals_are_compiled_anew(max_host, model_file):
    nn = max_host.new(f"mc.nn~ {model_file('rave_v2')} forward 0 1 4")
    nn.compile(64)
    nn.send("method encode")
    for _ in range(500):
        max_host.wait(20)
        nn.run(level(seconds=0.01))
        if nn.broken():
            break
    nn.compile(64)
    assert nn.ask("bang", "method") == ["encode"]
    assert nn.run(level(seconds=0.5))[3].any()


def test_set_takes_typed_atoms(max_host, model_file):
    nn = inline(max_host, model_file("v15"))
    for text in ["gain 0.5", "invert true", "taps 2.9", "name wet"]:
        nn.send(f"set {text}")
    answers = [nn.ask(f"get {name}", "get") for name in ("gain", "invert", "taps", "name")]
    assert answers == [["gain", 0.5], ["invert", 1], ["taps", 2], ["name", "wet"]]
    assert max_host.said("error") == []
    assert last(nn) == -0.5
    nn.send("set invert 0")
    nn.run(level())
    assert last(nn) == 0.5


def test_set_takes_several_values(max_host, model_file):
    nn = inline(max_host, model_file("oddities"), "get_sr 0")
    nn.send("set levels 0.125 0.5")
    assert nn.ask("get levels", "get") == ["levels", 0.125, 0.5]


def test_a_small_number_keeps_its_precision(max_host, model_file):
    nn = inline(max_host, model_file("gain"))
    nn.send(["set", "gain", 1.25e-07])
    nn.run(level(1.0))
    assert last(nn, 1.0) == np.float32(1.25e-07)


def test_set_before_audio_is_heard_from_the_first_sample(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('gain')} forward 0")
    nn.send("set gain 0.125")
    max_host.wait(40)
    nn.compile(64)
    assert (nn.run(level()) == 0.0625).all()


def test_set_says_what_does_not_fit(max_host, model_file):
    nn = inline(max_host, model_file("v15"))
    for text in ["", "gain", "nonsense 1", "gain 1 2", "gain loud", "gain -1"]:
        nn.send(f"set {text}")
        nn.run(level(seconds=0.05))
        max_host.wait(40)
    found = max_host.said("error")
    assert len(found) == 6, found
    assert "name of an attribute and its values" in found[0]
    assert "no attribute 'nonsense'; it has: gain, invert, taps, name" in found[2]
    assert "'gain' takes 1 value, but 2 came" in found[3]


def test_set_with_a_buffer_works_on_a_fresh_model(max_host, model_file):
    max_host.buffer("small", np.full((1, 100), 0.5))
    nn = inline(max_host, model_file("v16"), "forward 0")
    nn.send("set wave small")
    nn.run(level(0.25))
    assert last(nn, 0.25) == 0.75


def test_a_buffer_with_two_channels_arrives_with_each_in_its_row(max_host, model_file):
    """nn~ scrambles them."""
    max_host.buffer("ramps", np.array([[0, 1, 2, 3, 4, 5], [10, 11, 12, 13, 14, 15]]), rate=32000)
    nn = inline(max_host, model_file("v16"), "forward 0")
    nn.send("set wave ramps")
    nn.run(level(0.25))
    assert nn.ask("get wave", "get")[1] == "Buffer(channels: 2, frames: 6, sr: 32000)"
    assert last(nn, 0.0) == 7.5  # the mean of all


def test_set_with_an_array_works_for_tensor_attributes(max_host, model_file):
    max_host.do("array", name="points", atoms=[0.125, 0.125, 0.125, 0.125])
    nn = inline(max_host, model_file("v16"), "forward 0")
    nn.send("set curve points")
    nn.run(level(0.25))
    assert last(nn, 0.25) == 0.75
    assert nn.ask("get curve", "get") == ["curve", 0.125, 0.125, 0.125, 0.125]


def test_get_of_more_values_than_a_message_can_have_says_so(max_host, model_file):
    """Max counts a message's values in 16 bits."""
    max_host.do("array", name="long", atoms=[0.125] * 40000)
    nn = inline(max_host, model_file("v16"), "forward 0")
    nn.send("set curve long")
    nn.send("get curve")
    nn.run(level(0.25))
    max_host.wait(40)
    assert max_host.said("error") == [
        "nn~: 'get' would be 40001 values, and a message of Max has 32767 at most"
    ]


def test_get_answers_by_the_outlet_and_in_the_console(max_host, model_file):
    nn = inline(max_host, model_file("v16"), "forward 0")
    assert nn.ask("get range", "get") == ["range", 0, 1]
    assert nn.ask("get mixed", "get") == ["mixed", 1, 3, "up"]
    assert "nn~: mixed: true 3 up" in max_host.said("post")
    nn.send("get nonsense")
    nn.send("get")
    nn.run(level(seconds=0.05))
    max_host.wait(40)
    assert len(max_host.said("error")) == 2


def test_get_works_for_getters_that_return_one_value(max_host, model_file):
    """nn~ 1.6 fails there: for all attributes of RAVE."""
    nn = inline(max_host, model_file("rave_v2"))
    assert nn.ask("get learn_target", "get") == ["learn_target", 0]


def test_a_model_is_told_the_sample_rate_from_the_first_load_on(max_host, model_file):
    """nn~ 1.6 tells it nothing then, and 0 after a reload."""
    nn = inline(max_host, model_file("v16"), "rate 0")
    assert last(nn) == 44100
    nn.send("reload")
    live(nn, "loaded")
    assert last(nn) == 44100
    nn.compile(64, 48000)
    assert last(nn) == 48000


def test_get_methods_and_get_attributes_list_names(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('rave_v2')}")
    assert nn.ask("get_methods", "methods") == ["encode", "decode", "forward"]
    assert nn.ask("get_attributes", "attributes") == ["learn_target", "reset_target"]
    assert max_host.said("post")[-5:] == [
        f"nn~: {name}" for name in ("encode", "decode", "forward", "learn_target", "reset_target")
    ]


def test_dump_prints_the_model_that_is_played(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('gain')} forward 0 1 4")
    nn.send(f"load {model_file('rave_v2')}")
    nn.until("loaded")
    nn.send("method encode")
    nn.until("method")
    nn.send("dump")
    for line in [
        f"model_path: {model_file('rave_v2')}",
        "input dimension: 1",
        "output dimension: 4",
        "input ratio: 1",
        "output ratio: 2048",
        "methods: encode; decode; forward; ",
        "attributes: learn_target; reset_target; ",
    ]:
        assert f"nn~: {line}" in max_host.said("post")


@pytest.mark.parametrize("text", ["print_available_models", "download a/b/c", "delete a"])
def test_downloads_are_refused_with_a_reason(max_host, text):
    max_host.new("nn~").send(text)
    assert "nothing is downloaded" in max_host.said("error")[0]


def test_anything_else_has_no_method(max_host):
    nn = max_host.new("nn~")
    nn.send("nonsense 1 2")
    assert max_host.said("error") == ["nn~: no corresponding method for nonsense"]


# What came with nn~ for Pd ------------------------------------------------------------------------


def test_bang_tells_everything_in_nn_tildes_order(max_host, model_file):
    path = model_file("rave_v2")
    nn = inline(max_host, path, "encode 2048")
    max_host.outlets.clear()
    nn.send("bang")
    assert [(one["message"], one["atoms"]) for one in max_host.outlets[:-1]] == [
        ("loaded", [1]),
        ("enabled", [1]),
        ("gpu", [0]),
        ("model", [str(path)]),
        ("methods", ["encode", "decode", "forward"]),
        ("method", ["encode"]),
        ("attributes", ["learn_target", "reset_target"]),
        ("bufsize", [2048]),
        ("dim", [1, 4]),
        ("ratio", [1, 2048]),
    ]
    assert max_host.outlets[-1]["message"] == "latency"
    assert {one["outlet"] for one in max_host.outlets} == {4}  # the rightmost


def test_latency_tells_samples_and_milliseconds(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('delay_1000')} forward 2048")
    nn.send("latency")
    assert "known once audio has been on" in max_host.said("error")[0]
    nn.compile(64)
    total, milliseconds, stream, model = nn.ask("latency")
    assert model == 1000
    assert total == stream + model
    assert milliseconds == pytest.approx(1000 * total / RATE)


@pytest.mark.parametrize("block", [64, 512])
def test_the_latency_has_room_for_the_vectors_of_one_io_vector(max_host, model_file, block):
    """Max calls for signal vectors of 64 eight times in a row, for an I/O vector of 512: what is
    asked for in the first of these calls has no time but that between two I/O vectors."""
    nn = max_host.new(f"nn~ {model_file('gain')} forward {block}")
    nn.compile(64)
    assert nn.ask("latency")[2] >= block - 64 + 512 - 64


def test_stats_tell_blocks_late_blocks_and_cost(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('one_ms')} forward 512")
    nn.send("stats")
    assert "no figures before audio has been on" in max_host.said("error")[0]
    nn.compile(64)
    nn.run(level(seconds=0.2), block=512)
    blocks, late, failed, mean, worst, load = nn.ask("stats")
    assert blocks == int(0.2 * RATE) // 512
    assert (late, failed) == (0, 0)
    assert 0 < mean < worst
    assert load == pytest.approx(mean / (1000 * 512 / RATE), rel=1e-3)


def test_bufsize_changes_the_block_and_threading_comes_back(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('rave_v2')} forward 2048")
    nn.compile(64)
    latencies = []
    for asked, wanted in [(5000, 6144), (0, 2048), (2048, 2048)]:
        nn.send(f"bufsize {asked}")
        for _ in range(500):
            max_host.wait(20)
            nn.run(level(seconds=0.02))
            if nn.ask("bang", "bufsize") == [wanted] and (
                not latencies or nn.heard("latency")[-1][0] != latencies[-1]
            ):
                break
        latencies.append(nn.heard("latency")[-1][0])
    assert latencies[1] == 2048 - 64
    assert latencies[2] > 2048 - 64
    nn.send("bufsize -1")
    assert "'bufsize' takes" in max_host.said("error")[-1]


def test_deadline_is_obeyed_and_told_in_the_latency(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('gain')} forward 2048")
    nn.compile(64)
    measured = nn.ask("latency")[0]
    for text, latency in [("deadline 1000", 2048 - 64 + 1000), ("deadline -1", measured)]:
        nn.send(text)
        nn.settle()
        nn.compile(64)
        assert nn.ask("latency")[0] == latency


def test_late_dry_plays_the_input_where_the_model_fails(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('misbehaving')} forward 0")
    nn.send("late dry")
    nn.send("late wet")
    nn.settle()
    nn.compile(64)
    nn.send("set mode 1")
    nn.run(level())
    assert last(nn) == 0.5
    max_host.wait(40)
    assert "'late' is silence or dry" in max_host.said("error")[0]
    assert any("blocks failed" in line for line in max_host.said("error"))


def test_a_failing_model_is_silence_and_told_once(max_host, model_file):
    nn = inline(max_host, model_file("misbehaving"))
    assert last(nn) == 0.5
    nn.send("set mode 2")
    nn.run(level())
    assert not nn.run(level()).any()
    max_host.wait(40)
    nn.send("set mode 0")
    nn.run(level())
    assert last(nn) == 0.5
    assert len(max_host.said("error")) == 1
    assert nn.ask("stats")[2] > 0


def test_resample_can_be_switched_off(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('identity_48000')} forward 512")
    nn.send("resample 0")
    nn.settle()
    nn.compile(64)
    nn.run(level(), block=512)
    max_host.wait(40)
    assert any("it will sound at another pitch" in line for line in max_host.said())


def test_seed_makes_random_models_repeatable(max_host, model_file):
    played = []
    for seeds in ([7], [7], [8], [7, -1]):
        nn = max_host.new(f"nn~ {model_file('noise')} forward 0")
        for seed in seeds:
            nn.send(f"seed {seed}")
        nn.settle()
        nn.compile(64)
        played.append(nn.run(level()))
    np.testing.assert_array_equal(played[0], played[1])
    assert not np.array_equal(played[0], played[2])
    assert not np.array_equal(played[0], played[3])


def test_reset_brings_the_pristine_state_back(max_host, model_file):
    sound = np.zeros((1, 6400), np.float32)
    sound[0, :640] = 1.0
    nn = inline(max_host, model_file("state_in_dict"))
    total = nn.run(sound)[0, -1]  # the model adds up all that it has heard
    assert total > 0
    assert nn.run(sound)[0, -1] == 2 * total
    nn.send("reset")
    nn.run(np.zeros((1, 6400), np.float32))
    assert nn.run(sound)[0, -1] == total


def test_compat_has_nn_tildes_latency(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('gain')} forward 2048")
    nn.send("compat 1")
    nn.settle()
    nn.compile(64)
    assert nn.ask("latency")[0] == 2 * 2048 - 64


# Outlets, inlets and what Max shows ---------------------------------------------------------------


def test_assist_shows_the_models_labels(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('rave_v2')} encode")
    shown = [nn.assist(True, 0), *(nn.assist(False, i) for i in range(5))]
    assert all(shown)
    assert shown[1] != shown[2]
    assert "message" in shown[5]
    chain = max_host.new(f"nn~ {model_file('rave_v2')} encode+decode")
    assert (chain.inlets, len(chain.outlet_types)) == (1, 2)
    assert chain.assist(True, 0) == nn.assist(True, 0)
    decoder = max_host.new(f"nn~ {model_file('rave_v2')} decode")
    assert chain.assist(False, 0) == decoder.assist(False, 0)


def test_assist_numbers_channels_without_labels(max_host, model_file):
    nn = max_host.new(f"nn~ {model_file('rave_v1')}")
    assert nn.assist(True, 0) == "(signal) model input 0"
    mc = max_host.new(f"mc.nn~ {model_file('rave_v1')}")
    assert mc.assist(False, 0) == "(multichannel) model output 0"
    items = max_host.new(f"mcs.nn~ {model_file('three_to_two')} forward 2")
    assert items.assist(True, 1) == "(multichannel) item 1: model inputs"


def test_mcs_says_when_an_item_has_other_channels_than_the_model(max_host, model_file):
    nn = max_host.new(f"mcs.nn~ {model_file('three_to_two')} forward 2")
    nn.compile(64, counts=[3, 3])
    assert not any("got" in line for line in max_host.said("post"))
    nn.compile(64, counts=[3, 1])
    assert any("got 1 for 3 model inputs" in line for line in max_host.said("post"))
