# SPDX-License-Identifier: MIT
"""Every argument and message of nn~, as docs/pd.md lists them against IRCAM's nn~ 1.6."""

import re
import shutil

import numpy as np
import pytest

from .puredata import Player, play

RATE = 44100


def level(value=0.5, seconds=0.5, channels=1):
    return np.full((channels, int(seconds * RATE)), value, np.float32)


def live(folder, players, sound=None, **options):
    """In real time, without a sound card."""
    sound = level() if sound is None else sound
    options.setdefault("rate", RATE)
    run = play(folder, players, sound, batch=False, **options)
    assert run.clean, run.console
    return run


def batch(folder, players, sound=None, **options):
    options.setdefault("rate", RATE)
    run = play(folder, players, level() if sound is None else sound, **options)
    assert run.clean, run.console
    return run


def said(run, tag="a"):
    """The last of each selector."""
    return dict(line.partition(" ")[::2] for line in run.said(tag))


def end(run, tag="a", channel=0):
    return float(run.outputs[tag][channel, -1])


def errors(run):
    return [line for line in run.console.splitlines() if line.startswith("error")]


# Arguments ----------------------------------------------------------------------------------------


def test_without_arguments_it_is_silent_and_answers_a_bang(tmp_path):
    run = batch(tmp_path, [Player("", sends=[(10, "bang")])])
    assert run.said("a") == ["loaded 0"]
    assert not run.outputs["a"].any()


def test_a_model_alone_plays_forward_in_blocks_of_4096(model_file, tmp_path):
    run = batch(tmp_path, [Player(str(model_file("gain")), sends=[(10, "bang")])])
    assert (said(run)["method"], said(run)["bufsize"]) == ("forward", "4096")
    assert end(run) == 0.25


def test_method_and_size_are_taken_for_mono_methods_too(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(f"{model_file('oddities')} saturate 1024", name="a", sends=[(10, "bang")]),
            Player(f"{model_file('gain')} forward 16384", name="b", sends=[(10, "bang")]),
        ],
    )
    assert (said(run, "a")["method"], said(run, "a")["bufsize"]) == ("saturate", "1024")
    assert said(run, "b")["bufsize"] == "16384"
    assert end(run, "b") == 0.25


def test_multichannel_needs_pd_0_54_and_says_so(model_file, tmp_path):
    run = batch(tmp_path, [Player(f"-m {model_file('gain')} forward 0")])
    version = re.search(r"no multichannel support in Pd (\S+), ignoring '-m' flag", run.console)
    if version:  # older than 0.54
        assert version[1].startswith("0.")
        assert end(run) == 0.25


def test_without_a_gpu_it_plays_on_the_cpu_and_says_so(model_file, tmp_path):
    run = batch(tmp_path, [Player(f"-g {model_file('gain')} forward 0", sends=[(9, "bang")])])
    assert end(run) == 0.25
    assert ("GPU mode not available" in run.console) == (said(run)["gpu"] == "0")


def test_it_can_start_disabled(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(f"-d {model_file('gain')} forward 0", name="a", sends=[(9, "bang")]),
            Player(f"-d {model_file('gain')} forward 0", name="b", sends=[(200, "enable 1")]),
        ],
    )
    assert said(run)["enabled"] == "0"
    assert not run.outputs["a"].any()
    assert end(run, "b") == 0.25


def test_void_has_the_channels_asked_for_and_no_model(model_file, tmp_path):
    run = live(
        tmp_path,
        [
            Player(
                "void 3 2 2048",
                channels_in=3,
                channels_out=2,
                sends=[(9, "bang"), (100, f"load {model_file('three_to_two')}"), (500, "bang")],
            )
        ],
        level(seconds=1.0),
    )
    assert run.said("a")[0] == "loaded 0"
    assert said(run)["dim"] == "3 2"
    assert (end(run), end(run, channel=1)) == (0.75, 0.25)


def test_models_are_found_in_the_patchs_folder_with_or_without_ts(model_file, tmp_path):
    shutil.copy(model_file("gain"), tmp_path / "gain.ts")
    (tmp_path / "sub").mkdir()
    shutil.copy(model_file("gain"), tmp_path / "sub" / "deep.ts")
    run = batch(
        tmp_path,
        [
            Player("gain forward 0", name="a", sends=[(9, "bang")]),
            Player("gain.ts forward 0", name="b"),
            Player("sub/deep forward 0", name="c"),
        ],
    )
    assert said(run)["model"] == str(tmp_path / "gain.ts")
    assert [end(run, name) for name in "abc"] == [0.25] * 3


@pytest.mark.parametrize("words", ["2048 -compat", "-5", "loud", "2048 1", "1e9"])
def test_a_word_that_means_nothing_is_told(model_file, tmp_path, words):
    gain = model_file("gain")
    run = batch(tmp_path, [Player(f"{gain} forward {words}", sends=[(9, "bang")])])
    (error,) = errors(run)
    word = {"-compat": "-compat", "1e9": "1e+09"}.get(words.split()[-1], words.split()[-1])
    assert error.startswith(f"error: nn~: '{word}' means nothing where it stands")
    assert said(run)["bufsize"] == ("2048" if words.startswith("2048") else "4096")
    assert end(run) == 0.25


def test_a_file_that_is_not_there_leaves_it_silent(tmp_path):
    run = batch(tmp_path, [Player("nowhere forward", sends=[(9, "bang")])])
    assert "could not find file 'nowhere.ts'" in run.console
    assert run.said("a") == ["loaded 0"]


def test_a_missing_method_becomes_forward(model_file, tmp_path):
    run = batch(tmp_path, [Player(f"{model_file('gain')} nonsense 0", sends=[(9, "bang")])])
    assert "method nonsense not found in model, using forward instead" in run.console
    assert said(run)["method"] == "forward"


def test_without_forward_it_names_the_methods_there_are(model_file, tmp_path):
    run = batch(tmp_path, [Player(f"{model_file('ratio_480')}", sends=[(9, "bang")])])
    assert "'forward'" in run.console
    assert "encode, decode" in run.console
    assert run.said("a") == ["loaded 0"]


@pytest.mark.parametrize("name", ["empty", "truncated", "text", "zip_only", "newer_version"])
def test_a_file_that_is_no_model_is_an_error_and_no_crash(model_file, tmp_path, name):
    run = batch(tmp_path, [Player(f"{model_file(name)}", sends=[(9, "bang")])])
    assert run.said("a") == ["loaded 0"]
    assert errors(run)


def test_short_names_are_names(model_file, tmp_path):
    shutil.copy(model_file("gain"), tmp_path / "g.ts")
    run = batch(
        tmp_path,
        [
            Player("g forward 0", name="a", sends=[(9, "bang")]),
            Player("x", name="b", sends=[(9, "bang")]),
            Player("ts", name="c", sends=[(9, "bang")]),
        ],
    )
    assert said(run)["loaded"] == "1"
    assert run.said("b") == run.said("c") == ["loaded 0"]


def test_a_ratio_that_is_no_power_of_two_plays(model_file, tmp_path):
    run = batch(tmp_path, [Player(f"{model_file('ratio_480')} encode 500", sends=[(99, "bang")])])
    assert (said(run)["bufsize"], said(run)["ratio"]) == ("960", "1 480")
    assert end(run) == 0.5


# Messages of nn~ 1.6 ------------------------------------------------------------------------------


def test_bang_tells_everything_in_nn_tildes_order(model_file, tmp_path):
    path = model_file("rave_v2")
    run = batch(tmp_path, [Player(f"{path} encode 2048", channels_out=4, sends=[(99, "bang")])])
    assert run.said("a")[:-1] == [
        "loaded 1",
        "enabled 1",
        "gpu 0",
        f"model {path}",
        "methods encode decode forward",
        "method encode",
        "attributes learn_target reset_target",
        "bufsize 2048",
        "dim 1 4",
        "ratio 1 2048",
    ]
    assert run.said("a")[-1].startswith("latency ")


def test_bang_sends_an_empty_symbol_where_there_are_no_attributes(model_file, tmp_path):
    run = batch(tmp_path, [Player(f"{model_file('identity')} forward 0", sends=[(99, "bang")])])
    assert "attributes " in run.said("a")


def test_enable_0_is_silence_and_enable_1_brings_no_old_audio(model_file, tmp_path):
    sound = np.zeros((1, RATE), np.float32)
    sound[:, : RATE // 4] = 0.5
    sound[:, -RATE // 4 :] = 0.125
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('delay_1000')} forward 4096",
                sends=[(200, "enable 0"), (600, "enable 1"), (220, "bang")],
            )
        ],
        sound,
    )
    out = run.outputs["a"][0]
    assert said(run)["enabled"] == "0"
    assert out[int(0.19 * RATE)] == 0.5
    assert not out[int(0.22 * RATE) : int(0.9 * RATE) - 6000].any()
    assert set(np.unique(out[int(0.6 * RATE) :])) <= {0.0, 0.125}
    assert end(run) == 0.125


def test_load_takes_another_file_while_audio_runs(model_file, tmp_path):
    """Without -m, where the channels allow."""
    run = live(
        tmp_path,
        [
            Player(
                f"{model_file('gain')} forward 2048",
                sends=[(200, f"load {model_file('identity')}"), (700, "bang")],
            )
        ],
        level(seconds=0.9),
    )
    out = run.outputs["a"][0]
    assert run.said("a").count("loaded 1") == 2  # when it is heard, and the bang's
    assert said(run)["model"] == str(model_file("identity"))
    assert out[int(0.15 * RATE)] == 0.25
    assert end(run) == 0.5
    steps = np.abs(np.diff(out[int(0.15 * RATE) :]))
    assert steps.max() < 0.005  # crossfaded, and no gap


def test_load_says_why_it_cannot(model_file, tmp_path):
    run = live(
        tmp_path,
        [
            Player(
                f"{model_file('gain')} forward 2048",
                sends=[
                    (50, f"load {model_file('three_to_two')}"),
                    (200, "load nowhere"),
                    (250, f"load {model_file('truncated')}"),
                ],
            )
        ],
        level(seconds=0.6),
    )
    assert "'forward' takes 3 channels and gives 2, but this object has 1 in and 1 out" in (
        run.console
    )
    assert "could not find file 'nowhere" in run.console
    assert len(errors(run)) == 3
    assert end(run) == 0.25  # plays on


def test_method_changes_the_method_while_audio_runs(model_file, tmp_path):
    run = live(
        tmp_path,
        [
            Player(
                f"{model_file('oddities')} get_sr 2048",
                sends=[(100, "method saturate"), (500, "bang")],
            )
        ],
        level(seconds=0.7),
    )
    assert "method saturate" in run.said("a")
    assert end(run) == pytest.approx(np.tanh(0.5))


def test_method_says_why_it_cannot(model_file, tmp_path):
    run = live(
        tmp_path,
        [
            Player(
                f"{model_file('rave_v2')} forward 2048",
                sends=[(50, "method encode"), (350, "method nonsense"), (650, "bang")],
            )
        ],
        level(seconds=0.9),
    )
    assert "'encode' takes 1 channels and gives 4, but this object has 1 in and 1 out" in (
        run.console
    )
    assert "no method 'nonsense'; it has: encode, decode, forward" in run.console
    assert said(run)["method"] == "forward"


def test_reload_reads_the_file_again(model_file, tmp_path):
    path = tmp_path / "changing.ts"
    shutil.copy(model_file("gain"), path)
    run = live(
        tmp_path,
        [
            Player(
                f"{path} forward 2048",
                sends=[(50, "set gain 0.25"), (300, "reload"), (600, "bang")],
            )
        ],
        level(seconds=0.8),
    )
    assert run.outputs["a"][0, int(0.25 * RATE)] == 0.125
    assert "loaded 1" in run.said("a")
    assert end(run) == 0.25  # attributes are those of the file again


def test_reload_of_a_broken_file_plays_on(model_file, tmp_path):
    path = tmp_path / "breaking.ts"
    shutil.copy(model_file("gain"), path)

    run = live(
        tmp_path,
        [Player(f"{path} forward 4096", sends=[(100, "reload")])],
        level(seconds=0.9),
        also=[(50, f"garbage write {path}")],
        texts=["garbage"],
    )
    assert path.stat().st_size < 100
    assert errors(run)
    assert end(run) == 0.25


def test_reload_without_a_model_says_so(tmp_path):
    run = batch(tmp_path, [Player("", sends=[(9, "reload")])])
    assert "no model" in run.console


def test_reload_during_a_load_reads_the_file_that_is_on_its_way(model_file, tmp_path):
    run = live(
        tmp_path,
        [
            Player(
                f"{model_file('gain')} forward 2048",
                sends=[(100, f"load {model_file('identity')}"), (100, "reload"), (600, "bang")],
            )
        ],
        level(seconds=0.8),
    )
    assert said(run)["model"] == str(model_file("identity"))


def test_reload_tries_a_file_again_that_could_not_be_read(tmp_path):
    path = tmp_path / "broken.ts"
    path.write_text("no model")
    run = live(tmp_path, [Player(str(path), sends=[(10, "reload")])])
    assert [line.count(f"'{path}' is not a TorchScript file") for line in errors(run)] == [1, 1]


def test_set_takes_numbers_and_symbols_without_noise(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('v15')} forward 0",
                sends=[
                    (20, "set gain 0.5"),
                    (30, "set invert true"),
                    (40, "set taps 2.9"),
                    (50, "set name wet"),
                    (100, "get gain"),
                    (100, "get invert"),
                    (100, "get taps"),
                    (100, "get name"),
                ],
            )
        ],
    )
    assert errors(run) == []
    assert [line for line in run.said("a") if line.startswith("get")] == [
        "get gain 0.5",
        "get invert 1",
        "get taps 2",
        "get name wet",
    ]
    assert end(run) == -0.5


def test_set_flag_0_is_false(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('v15')} forward 0",
                sends=[(20, "set invert 1"), (100, "set invert 0"), (200, "get invert")],
            )
        ],
    )
    assert run.outputs["a"][0, int(0.08 * RATE)] == -0.5
    assert (end(run), said(run)["get"]) == (0.5, "invert 0")


def test_a_small_number_keeps_its_precision(model_file, tmp_path):
    run = batch(
        tmp_path,
        [Player(f"{model_file('gain')} forward 0", sends=[(20, "set gain 1.25e-07")])],
        level(1.0),
    )
    assert end(run) == np.float32(1.25e-07)


def test_set_takes_several_values(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('oddities')} get_sr 0",
                sends=[(20, "set levels 0.125 0.5"), (90, "get levels")],
            )
        ],
    )
    assert said(run)["get"] == "levels 0.125 0.5"


def test_set_says_what_does_not_fit(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('v15')} forward 0",
                sends=[
                    (20, "set"),
                    (30, "set gain"),
                    (40, "set nonsense 1"),
                    (50, "set gain 1 2"),
                    (60, "set gain loud"),
                    (70, "set gain -1"),
                ],
            )
        ],
    )
    found = errors(run)
    assert len(found) == 6, found
    assert "name of an attribute and its values" in found[0]
    assert "no attribute 'nonsense'; it has: gain, invert, taps, name" in found[2]
    assert "'gain' takes 1 value, but 2 came" in found[3]
    assert "'gain'" in found[5]
    assert end(run) == 0.5


def test_set_before_dsp_is_heard_from_the_first_sample(model_file, tmp_path):
    run = batch(
        tmp_path, [Player(f"{model_file('gain')} forward 0")], before_dsp=["a set gain 0.125"]
    )
    assert (run.outputs["a"] == 0.0625).all()


def test_set_with_an_array_works_on_a_fresh_model(model_file, tmp_path):
    sound = level(0.25)
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('v16')} forward 256",
                sends=[(20, "set wave small"), (30, "set wave nowhere"), (90, "get wave")],
            )
        ],
        sound,
        also=[(5, "small const 0.5")],
        tables=[("small", 100)],
    )
    assert end(run) == 0.75  # the input, and the mean of the array
    assert "There is no array 'nowhere'" in run.console


def test_set_with_an_array_works_for_tensor_attributes(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('v16')} forward 256",
                sends=[(20, "set curve small"), (90, "get curve")],
            )
        ],
        level(0.25),
        also=[(5, "small const 0.125")],
        tables=[("small", 4)],
    )
    assert end(run) == 0.75
    assert said(run)["get"] == "curve 0.125 0.125 0.125 0.125"


def test_track_reads_arrays_again_when_they_change(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('v16')} forward 256", sends=[(20, "set wave small"), (25, "track 1")]
            )
        ],
        level(0.25),
        also=[(5, "small const 0.5"), (250, "small const -0.25")],
        tables=[("small", 100)],
    )
    assert run.outputs["a"][0, int(0.2 * RATE)] == 0.75
    assert end(run) == 0.0


def test_track_follows_what_is_set_for_a_file_that_is_still_loading(model_file, tmp_path):
    """And forgets what was set in the file before it."""
    run = live(
        tmp_path,
        [
            Player(
                f"{model_file('gain')} forward 256",
                sends=[
                    (50, "track 1"),
                    (100, f"load {model_file('v16')}"),
                    (100, "set wave small"),
                ],
            ),
            Player(
                f"{model_file('v16')} forward 256",
                name="b",
                sends=[(50, "set wave small"), (50, "track 1"), (300, "reload")],
            ),
        ],
        level(0.25, seconds=1.2),
        also=[(5, "small const 0.5"), (900, "small const -0.25")],
        tables=[("small", 100)],
    )
    before, out = run.outputs["b"][0], run.outputs["a"][0]
    assert (out[int(0.85 * RATE)], end(run)) == (0.75, 0.0)
    assert (before[int(0.25 * RATE)], end(run, "b")) == (0.75, 0.25)


def test_track_forgets_an_array_when_something_else_is_set(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('v15')} forward 256",
                sends=[
                    (20, "set name small"),
                    (25, "track 1"),
                    (50, "set name wet"),
                    (400, "get name"),
                ],
            )
        ],
        also=[(5, "small const 0.5"), (100, "small const -0.25")],
        tables=[("small", 100)],
    )
    assert "get name wet" in run.said("a")


def test_bufsize_changes_the_block_and_threading_comes_back(model_file, tmp_path):
    run = live(
        tmp_path,
        [
            Player(
                f"{model_file('rave_v2')} forward 2048",
                sends=[
                    (100, "bufsize 5000"),
                    (400, "bang"),
                    (450, "bufsize 0"),
                    (750, "bang"),
                    (800, "bufsize 2048"),
                    (1200, "bang"),
                    (1210, "bufsize -1"),
                ],
            )
        ],
        level(seconds=1.4),
    )
    sizes = [line.split()[1] for line in run.said("a") if line.startswith("bufsize")]
    latencies = [int(line.split()[1]) for line in run.said("a") if line.startswith("latency")]
    assert sizes == ["6144", "2048", "2048"]
    assert latencies[1] == 2048 - 64
    assert latencies[2] > 2048 - 64
    assert "'bufsize' takes" in run.console


def test_gpu_without_one_says_so_and_plays_on(model_file, tmp_path):
    run = live(
        tmp_path,
        [Player(f"{model_file('gain')} forward 2048", sends=[(50, "gpu 1"), (300, "bang")])],
    )
    assert end(run) == 0.25
    assert (said(run)["gpu"] == "1") or errors(run)


def test_a_missing_gpu_costs_nothing_else_that_was_asked_for(model_file, tmp_path):
    file = model_file("gain")
    asks = [(50, "gpu 1"), (50, "bufsize 512"), (500, "bang")]
    void = [(50, f"load {file}"), (500, "bang")]
    run = live(
        tmp_path,
        [Player(f"{file} forward 2048", sends=asks), Player("-g void", name="b", sends=void)],
        level(seconds=0.7),
    )
    if not errors(run):
        pytest.skip("this machine has a GPU")
    assert (said(run)["bufsize"], said(run)["gpu"]) == ("512", "0")
    assert (said(run, "b")["loaded"], said(run, "b")["gpu"]) == ("1", "0")


def test_what_fails_costs_nothing_else_that_was_asked_for(model_file, tmp_path):
    def player(name, *asks):
        return Player(
            f"{model_file('gain')} forward 2048",
            name=name,
            sends=[*((50, ask) for ask in asks), (600, "bang")],
        )

    bad, other = model_file("truncated"), model_file("identity")
    run = live(
        tmp_path,
        [
            player("file", f"load {bad}", "bufsize 512"),
            player("method", "method nonsense", "bufsize 512"),
            player("behind", f"load {other}", "method nonsense"),
            player("deadline", "deadline 99999", f"load {other}"),
        ],
        level(seconds=0.8),
    )
    assert len(errors(run)) == 4, run.console
    assert [said(run, name)["bufsize"] for name in ("file", "method")] == ["512", "512"]
    assert [run.said(name).count("loaded 1") for name in ("file", "method")] == [1, 1]  # the bang's
    assert run.said("method").count("method forward") == 1
    for name in ("behind", "deadline"):
        assert said(run, name)["model"] == str(other)
        assert run.said(name).count("loaded 1") == 2
    assert [end(run, name) for name in ("file", "method")] == [0.25, 0.25]
    assert [end(run, name) for name in ("behind", "deadline")] == [0.5, 0.5]


@pytest.mark.parametrize("text", ["print_available_models", "download a/b/c", "remove a"])
def test_downloads_are_refused_with_a_reason(tmp_path, text):
    run = batch(tmp_path, [Player("", sends=[(9, text)])])
    assert "doesn't download" in run.console


# What nn~ in Max answers --------------------------------------------------------------------------


def test_dump_prints_what_nn_tilde_prints_in_max(model_file, tmp_path):
    path = model_file("rave_v2")
    run = batch(tmp_path, [Player(f"{path} encode 0", channels_out=4, sends=[(99, "dump")])])
    for line in [
        f"model_path: {path}",
        "input dimension: 1",
        "output dimension: 4",
        "input ratio: 1",
        "output ratio: 2048",
        "methods: encode; decode; forward; ",
        "attributes: learn_target; reset_target; ",
    ]:
        assert f"nn~: {line}" in run.console


def test_get_methods_and_get_attributes_list_names(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('rave_v2')} forward 0",
                sends=[(9, "get_methods"), (10, "get_attributes")],
            )
        ],
    )
    assert run.said("a") == [
        "methods encode decode forward",
        "attributes learn_target reset_target",
    ]
    assert "nn~: encode\n" in run.console


def test_get_answers_by_the_outlet_and_in_the_console(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('v16')} forward 256",
                sends=[(9, "get range"), (30, "get mixed"), (50, "get nonsense")],
            )
        ],
    )
    assert run.said("a") == ["get range 0 1", "get mixed 1 3 up"]
    assert "nn~: mixed: true 3 up" in run.console
    assert "no attribute 'nonsense'" in run.console


def test_reset_brings_the_pristine_state_back_with_the_attributes(model_file, tmp_path):
    sound = np.zeros((1, RATE // 2), np.float32)
    sound[0, : RATE // 8] = 1.0
    one_pole = model_file("state_in_dict")
    run = batch(
        tmp_path,
        [
            Player(f"{one_pole} forward 0", name="a"),
            Player(f"{one_pole} forward 0", name="b", sends=[(250, "reset")]),
        ],
        sound,
    )
    assert not np.array_equal(run.outputs["a"][0, -2000:], run.outputs["b"][0, -2000:])


def test_questions_without_an_answer_are_answered_with_the_reason(model_file, tmp_path):
    asks = ["latency", "stats", "get_methods", "get_attributes", "reset"]
    asks += ["get gain", "set gain 1", "dump"]
    run = batch(
        tmp_path,
        [
            Player("", sends=[(10 * (i + 1), text) for i, text in enumerate(asks)]),
            Player(f"{model_file('gain')} forward 512", name="b"),
        ],
        before_dsp=["b latency", "b stats"],
    )
    assert [line.removeprefix("error: nn~: ") for line in errors(run)] == [
        "the latency is known once DSP has been on",
        "there are no figures before DSP has been on",
        *["there is no model"] * 5,
        "There is no model to ask.",
        "There is no model to set that in.",
    ]
    assert "nn~: no model\n" in run.console
    assert run.said("a") == run.said("b") == []


# What Pd users lacked -----------------------------------------------------------------------------


def test_latency_tells_samples_and_milliseconds(model_file, tmp_path):
    run = batch(
        tmp_path,
        [Player(f"{model_file('delay_1000')} forward 2048", sends=[(99, "latency")])],
    )
    total, milliseconds, stream, model = (float(word) for word in said(run)["latency"].split())
    assert model == 1000
    assert total == stream + model
    assert milliseconds == pytest.approx(1000 * total / RATE, rel=1e-4)


def test_stats_tell_blocks_late_blocks_and_cost(model_file, tmp_path):
    run = batch(tmp_path, [Player(f"{model_file('one_ms')} forward 512", sends=[(300, "stats")])])
    blocks, late, failed, mean, worst, load = (float(word) for word in said(run)["stats"].split())
    assert (late, failed) == (0, 0)
    assert 20 <= blocks <= 30
    assert 0 < mean <= worst
    assert load == pytest.approx(mean / (1000 * 512 / RATE), rel=1e-3)


def test_deadline_is_obeyed_and_told_in_the_latency(model_file, tmp_path):
    run = live(
        tmp_path,
        [
            Player(
                f"{model_file('gain')} forward 2048",
                sends=[
                    (50, "deadline 2048"),
                    (300, "latency"),
                    (310, "deadline 1000"),
                    (550, "latency"),
                    (560, "deadline 99999"),
                ],
            )
        ],
        level(seconds=0.8),
    )
    latencies = [int(line.split()[1]) for line in run.said("a") if line.startswith("latency")]
    assert latencies == [2048 - 64 + 2048, 2048 - 64 + 1000]
    assert "deadline" in errors(run)[0]


def test_late_dry_plays_the_input_where_the_model_fails(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('misbehaving')} forward 0",
                sends=[(100, "set mode 1"), (300, "late wet")],
            )
        ],
        before_dsp=["a late dry"],
    )
    assert end(run) == 0.5
    assert "'late' is silence or dry" in run.console
    assert "blocks failed" in run.console


def test_a_failing_model_is_silence_and_told_once(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('misbehaving')} forward 0",
                sends=[(100, "set mode 2"), (300, "set mode 0"), (290, "stats")],
            )
        ],
    )
    out = run.outputs["a"][0]
    assert out[int(0.05 * RATE)] == 0.5
    assert not out[int(0.2 * RATE) : int(0.28 * RATE)].any()
    assert end(run) == 0.5
    assert float(said(run)["stats"].split()[2]) > 0
    assert len(errors(run)) == 1


def test_resample_can_be_switched_off(model_file, tmp_path):
    run = batch(
        tmp_path,
        [Player(f"{model_file('identity_48000')} forward 512", sends=[(99, "latency")])],
        before_dsp=["a resample 0"],
    )
    assert "it will sound at another pitch" in run.console
    assert end(run) == 0.5


def test_seed_makes_random_models_repeatable(model_file, tmp_path):
    players = [Player(f"{model_file('noise')} forward 0", name=name) for name in "abc"]
    run = batch(tmp_path, players, before_dsp=["a seed 7", "b seed 7", "c seed 8"])
    np.testing.assert_array_equal(run.outputs["a"], run.outputs["b"])
    assert not np.array_equal(run.outputs["a"], run.outputs["c"])


def test_deadline_and_seed_say_what_they_take(model_file, tmp_path):
    """And leave what was set before as it is."""
    run = batch(
        tmp_path,
        [
            Player(
                f"{model_file('gain')} forward 2048",
                sends=[
                    (10, "deadline 1000"),
                    (50, "deadline soon"),
                    (60, "seed lucky"),
                    (70, "seed 1e20"),
                    (100, "latency"),
                ],
            )
        ],
    )
    deadline = "error: nn~: 'deadline' takes a number of samples; -1: as measured"
    seed = "error: nn~: 'seed' takes a whole number up to 9e15; -1: never the same"
    assert errors(run) == [deadline, seed, seed]
    assert said(run)["latency"].split()[0] == str(2048 - 64 + 1000)


def test_compat_has_nn_tildes_latency(model_file, tmp_path):
    run = batch(
        tmp_path,
        [
            Player(f"-compat {model_file('gain')} forward 2048", name="a", sends=[(99, "latency")]),
            Player(f"-compat {model_file('gain')} forward 3000", name="b", sends=[(99, "latency")]),
            Player(f"{model_file('rave_v2')} forward 4096", name="c", sends=[(99, "latency")]),
            Player(f"-compat {model_file('rave_v2')} forward 0", name="d", sends=[(99, "latency")]),
        ],
        before_dsp=["c compat 1"],
    )
    total = {name: int(said(run, name)["latency"].split()[0]) for name in "abcd"}
    assert total == {"a": 2 * 2048 - 64, "b": 2 * 4096 - 64, "c": 2 * 4096 - 64, "d": 2048 - 64}


# Where nn~ went wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("block", [4096, 8192])
def test_host_blocks_larger_than_the_models_are_fine(model_file, tmp_path, block):
    run = batch(
        tmp_path,
        [Player(f"{model_file('gain')} forward 2048", sends=[(400, "latency")])],
        level(seconds=1.5),
        block=block,
    )
    latency = int(said(run)["latency"].split()[0])
    out = run.outputs["a"][0]
    assert not out[:latency].any()
    assert (out[latency:] == 0.25).all()


@pytest.mark.parametrize("arguments", ["1 2", "1 0.5"])
def test_subpatches_at_other_rates_play_at_their_rate(model_file, tmp_path, arguments):
    factor = float(arguments.split()[1])
    run = batch(
        tmp_path,
        [Player(f"{model_file('gain')} forward 512", sends=[(400, "latency")])],
        level(seconds=1.0),
        block_arguments=arguments,
    )
    samples, milliseconds = (float(word) for word in said(run)["latency"].split()[:2])
    assert 1000 * samples / milliseconds == pytest.approx(RATE * factor, rel=1e-3)
    assert run.outputs["a"][0, RATE // 3] == 0.25


def test_dsp_off_and_on_plays_nothing_old(model_file, tmp_path):
    """The input changes while DSP is off; what is heard afterwards knows only the new one."""
    sound = np.concatenate([level(0.5, 0.29), level(0.125, 0.9)], -1)
    run = batch(
        tmp_path,
        [Player(f"{model_file('delay_1000')} forward 4096")],
        sound,
        also=[(300, "pd dsp 0"), (500, "pd dsp 1")],
    )
    out = run.outputs["a"][0]
    first = int(0.31 * RATE)
    assert (out[int(0.2 * RATE) : int(0.29 * RATE)] == 0.5).all()
    assert set(np.unique(out[first:])) == {0.0, 0.125}
    silence = int(np.argmax(out[first:] == 0.125))
    assert silence > 4096 - 64


def test_switch_off_and_on_plays_nothing_old(model_file, tmp_path):
    sound = np.concatenate([level(0.5, 0.29), level(0.125, 0.9)], -1)
    run = batch(
        tmp_path,
        [Player(f"{model_file('delay_1000')} forward 4096")],
        sound,
        also=[(300, "switching 0"), (500, "switching 1")],
        switch="switching",
    )
    out = run.outputs["a"][0]
    assert set(np.unique(out[int(0.31 * RATE) :])) == {0.0, 0.125}


def test_a_changed_sample_rate_is_followed(model_file, tmp_path):
    to_32000 = f"pd audio-dialog {' '.join('0' * 16)} 32000 25 0 64"
    run = batch(
        tmp_path,
        [
            Player(f"{model_file('gain')} forward 512", sends=[(200, "latency"), (600, "latency")]),
            Player(f"{model_file('identity_48000')} forward 512", name="b"),
        ],
        level(seconds=1.0),
        rate=48000,
        also=[(400, to_32000)],
    )
    told = [[float(word) for word in line.split()[1:3]] for line in run.said("a")]
    rates = [1000 * samples / milliseconds for samples, milliseconds in told]
    assert rates == pytest.approx([48000, 32000], rel=1e-4)
    assert "made for 48000 Hz and this is 32000 Hz: converting" in run.console
    late = 33000  # a second is over before the table is full
    assert run.outputs["a"][0, late] == 0.25
    assert run.outputs["b"][0, late] == pytest.approx(0.5, abs=1e-4)


def test_in_batch_mode_what_is_asked_for_is_there_at_once(model_file, tmp_path):
    """However little real time passes: a rendering is the same every time."""
    asks = [
        (100, f"load {model_file('v15')}"),
        (100, "set gain 0.5"),
        (200, f"load {model_file('identity')}"),
        (300, "bufsize 512"),
        (400, f"load {model_file('v16')}"),
        (400, "method rate"),
    ]
    heard = []
    for _ in range(2):
        run = batch(
            tmp_path, [Player(f"{model_file('gain')} forward 256", sends=asks)], level(seconds=0.8)
        )
        assert run.said("a") == ["loaded 1"] * 3 + ["method rate"]
        heard.append(run.outputs["a"][0])
    np.testing.assert_array_equal(*heard)
    out = heard[0]
    assert [out[int(at * RATE)] for at in (0.09, 0.19, 0.29, 0.39)] == [0.25, 0.25, 0.5, 0.5]


def test_in_batch_mode_what_mends_a_setting_is_there_at_once(model_file, tmp_path):
    """Where the object could not play when DSP went on."""
    path = model_file("rave_v2")
    run = batch(
        tmp_path,
        [Player(f"{path} decode 2048", channels_in=4, sends=[(200, "late silence")])],
        before_dsp=["a late dry"],
    )
    out = run.outputs["a"][0]
    (error,) = errors(run)
    assert "'dry' needs a method that takes and gives audio" in error
    assert not out[: int(0.2 * RATE)].any()
    assert out[int(0.3 * RATE) :].any()


def test_several_objects_on_one_file_have_a_state_each(model_file, tmp_path):
    path = model_file("gain")
    players = [
        Player(f"{path} forward 512", name=f"a{i}", sends=[(50, f"set gain {i / 8}")])
        for i in range(8)
    ]
    run = batch(tmp_path, players)
    assert [end(run, f"a{i}") for i in range(8)] == [0.5 * i / 8 for i in range(8)]
