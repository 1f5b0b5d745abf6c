# SPDX-License-Identifier: MIT
"""nn.info: what a model file declares, by its outlets and in its dictionary."""

import pytest


def outlets_of(info):
    """Which outlets have spoken, in their order, each once."""
    return list(dict.fromkeys(one["outlet"] for one in info.host.outlets if one["id"] == info.name))


def said(info, outlet):
    """Everything an outlet sent, as text."""
    return [
        " ".join(map(str, [one["message"], *one["atoms"]]))
        for one in info.host.outlets
        if one["id"] == info.name and one["outlet"] == outlet
    ]


@pytest.fixture
def info(max_host, model_file):
    info = max_host.new(f"nn.info {model_file('rave_v2')}")
    info.send("bang")
    info.until(str(model_file("rave_v2")))
    return info


PARAMETERS = [
    *("encode channels_in 1", "encode channels_out 4"),
    *("encode ratio_in 1", "encode ratio_out 2048"),
    *("decode channels_in 4", "decode channels_out 1"),
    *("decode ratio_in 2048", "decode ratio_out 1"),
    *("forward channels_in 1", "forward channels_out 1"),
    *("forward ratio_in 1", "forward ratio_out 1"),
    "learn_target attribute_type bool",
    "reset_target attribute_type bool",
]


def test_bang_tells_all_by_each_outlet(info, model_file):
    assert info.outlet_types == [""] * 6
    assert said(info, 0) == [str(model_file("rave_v2"))]
    assert said(info, 1) == ["method encode", "method decode", "method forward"]
    assert said(info, 2) == ["attribute learn_target", "attribute reset_target"]
    assert said(info, 3) == PARAMETERS
    assert len(said(info, 4)) == 1
    assert said(info, 5) == []


def test_bang_tells_all_from_the_right_to_the_left(info):
    """As objects of Max do: what the left outlet sets off finds the rest in its place."""
    assert outlets_of(info) == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("outlet", range(5))
def test_an_outlet_may_bring_another_model_about(info, model_file, outlet):
    """A patch that walks through many files; the answer under way is of the one file."""
    banged = [said(info, i) for i in range(5)]
    info.host.outlets.clear()
    info.answer_with(outlet, f"set {model_file('gain')}")
    info.send("bang")
    assert [said(info, i) for i in range(5)] == banged
    info.host.outlets.clear()
    info.send("bang")
    info.until(str(model_file("gain")))
    assert said(info, 1) == ["method forward"]


def test_each_message_tells_its_part(info, model_file):
    for message, outlet, wanted in [
        ("path", 0, [str(model_file("rave_v2"))]),
        ("methods", 1, ["method encode", "method decode", "method forward"]),
        ("attributes", 2, ["attribute learn_target", "attribute reset_target"]),
        ("parameters decode", 3, PARAMETERS[4:8]),
        ("parameters reset_target", 3, PARAMETERS[-1:]),
        ("parameters", 3, PARAMETERS),
    ]:
        info.host.outlets.clear()
        info.send(message)
        assert said(info, outlet) == wanted
        assert len(info.host.outlets) == len(wanted)


def test_dump_tells_what_bang_tells(info):
    banged = list(info.host.outlets)
    info.host.outlets.clear()
    info.send("dump")
    assert info.host.outlets == banged


def test_the_dictionary_holds_methods_and_attributes(info):
    info.host.outlets.clear()
    info.send("dump_dict")
    (line,) = said(info, 4)
    content = info.host.do("dictionary", name=line.split()[1])["content"]
    assert content["methods"]["decode"] == {
        "channels_in": 4,
        "channels_out": 1,
        "ratio_in": 2048,
        "ratio_out": 1,
    }
    assert content["attributes"]["learn_target"] == {"attribute_type": ["bool"]}


def test_every_type_of_attribute_has_its_name(max_host, model_file):
    info = max_host.new(f"nn.info {model_file('v16')}")
    info.send("parameters")
    info.until("mixed")
    types = dict(line.split(" attribute_type ") for line in said(info, 3) if "_type" in line)
    assert types["wave"] == "buffer"
    assert types["curve"] == "tensor"
    assert types["mixed"] == "bool int string"


def test_dict_names_the_dictionary(max_host, model_file):
    info = max_host.new(f"nn.info {model_file('gain')} @dict mine")
    info.send("dump_dict")
    assert info.until("dictionary") == ["mine"]
    assert list(max_host.do("dictionary", name="mine")["content"]["methods"]) == ["forward"]
    info.attribute("dict", "other")
    info.send("dump_dict")
    assert info.heard("dictionary")[-1] == ["other"]
    assert max_host.do("dictionary", name="mine")["content"] is None


def test_set_takes_another_model_and_answers_wait_for_it(max_host, model_file):
    info = max_host.new("nn.info")
    info.send("path")
    assert said(info, 0) == ["none"]
    info.send(f"set {model_file('gain')}")
    info.send("methods")
    info.send(f"set {model_file('rave_v2')}")
    info.send("attributes")
    info.send("methods")
    info.until("attribute")
    assert said(info, 1) == ["method forward", "method encode", "method decode", "method forward"]
    assert said(info, 2) == ["attribute learn_target", "attribute reset_target"]


def test_messages_may_come_from_the_scheduler(max_host, model_file):
    info = max_host.new("nn.info")
    info.send(f"set {model_file('gain')}", thread="scheduler")
    info.send("bang", thread="scheduler")
    assert info.until("method") == ["forward"]


def test_what_is_not_there_is_said(max_host, model_file):
    info = max_host.new("nn.info nowhere")
    info.send("bang")
    info.send("set")
    info.send(f"set {model_file('truncated')}")
    info.send("methods")
    for _ in range(500):
        max_host.wait(20)
        if len(max_host.said("error")) == 5:
            break
    found = max_host.said("error")
    assert "could not find file 'nowhere.ts'" in found[0]
    assert "there is no model" in found[1]
    assert "'set' takes the name of a model" in found[2]
    assert "there is no model" in found[4]
    max_host.outlets.clear()
    info.send("path")
    assert said(info, 0) == ["none"]


def test_a_name_that_is_neither_method_nor_attribute_is_said(info):
    info.send("parameters nonsense")
    assert "neither a method nor an attribute 'nonsense'" in info.host.said("error")[0]


@pytest.mark.parametrize("text", ["get_available_models", "download a/b/c", "delete a"])
def test_downloads_are_refused_with_a_reason(max_host, text):
    max_host.new("nn.info").send(text)
    assert "nothing is downloaded" in max_host.said("error")[0]


def test_anything_else_has_no_method(max_host):
    max_host.new("nn.info").send("nonsense")
    assert "no corresponding method for nonsense" in max_host.said("error")[0]


def test_it_may_be_freed_while_it_reads(max_host, model_file):
    info = max_host.new(f"nn.info {model_file('rave_v2')}")
    info.free()


def test_assist_tells_what_comes_out(info):
    shown = [info.assist(False, i) for i in range(6)]
    assert [text.partition(" ")[0] for text in shown[:2]] == ["(symbol)", "(method"]
    assert len(set(shown)) == 6
    assert info.assist(True, 0) == "messages"
