# SPDX-License-Identifier: MIT
"""Help patches and the overview are patchers that Max opens, and they play."""

import itertools
import struct
import zlib
from pathlib import Path

import assemble
import numpy as np
import pytest
from max.maxhost import HOST, Host

from .patches import OURS, Patch, all_of, kind, read

# Inlets and types of outlets, as Max's own reference has them; "signal" is what a cord needs.
OF_MAX = {
    "attrui": (1, [""]),
    "button": (1, ["bang"]),
    "comment": (1, []),
    "dict.view": (1, []),
    "ezdac~": (2, []),
    "flonum": (1, ["", "bang"]),
    "jsui": (1, [""]),
    "live.gain~": (2, ["signal", "signal", "", "float", "list"]),
    "message": (2, [""]),
    "slider": (1, [""]),
    "toggle": (1, ["int"]),
    "+~ 0.": (2, ["signal"]),
    "buffer~ nnbridge-help-room nnbridge-loop.wav": (1, ["float", "bang"]),
    "click~": (1, ["signal"]),
    "cycle~ 110": (2, ["signal"]),
    "loadmess loop 1": (1, [""]),
    "loadmess open nnbridge-loop.wav": (1, [""]),
    "mc.pack~ 2": (2, ["multichannelsignal"]),
    "mc.unpack~ 1": (1, ["signal"]),
    "mc.unpack~ 2": (1, ["signal", "signal"]),
    "pcontrol": (1, [""]),
    "print nn~": (1, []),
    "print path": (1, []),
    "print method": (1, []),
    "print attribute": (1, []),
    "print parameters": (1, []),
    "route latency stats": (3, ["", "", ""]),
    "sfplay~": (2, ["signal", "bang"]),
    "sig~ 1.": (1, ["signal"]),
    "unpack f f f f": (1, ["float"] * 4),
    "unpack f f f f f f": (1, ["float"] * 6),
}


@pytest.fixture(scope="module")
def patches(package: Path) -> list[Patch]:
    return all_of(package)


def test_each_object_has_a_help_patch_with_tabs_and_a_tab_for_max_itself(package: Path):
    for name in OURS:
        window, *tabs = read(package / f"help/{name}.maxhelp")
        texts = [box["text"] for box in window.boxes.values() if "patcher" in box]
        assert texts[0] == "p basic"
        assert texts[-1] == "p ?"
        assert [tab.saved["showontab"] for tab in tabs] == [1] * len(texts)
        assert window.saved["showrootpatcherontab"] == 0
    nn = read(package / "help/nn~.maxhelp")[0]
    shown = [box["text"][2:] for box in nn.boxes.values() if "patcher" in box]
    assert shown == ["basic", "codec", "prior", "attributes", "messages", "latency", "?"]


def test_patchers_have_what_max_saves_of_them(patches: list[Patch]):
    for patch in patches:
        saved = patch.saved
        assert saved["fileversion"] == 1, patch.place
        assert saved["classnamespace"] == "box"
        assert saved["appversion"].keys() >= {"major", "minor", "revision", "architecture"}
        assert saved["appversion"]["major"] >= 8
        assert len(saved["rect"]) == 4
        assert len(saved["boxes"]) == len(patch.boxes), f"{patch.place}: an id twice"
        for box in patch.boxes.values():
            assert box.keys() >= {"maxclass", "numinlets", "numoutlets", "patching_rect"}
            assert len(box.get("outlettype", [])) == box["numoutlets"]
            assert ("text" in box) == (box["maxclass"] in ("newobj", "message", "comment"))


def test_every_cord_joins_an_outlet_and_an_inlet_that_are_there(patches: list[Patch]):
    count = 0
    for patch in patches:
        boxes = patch.boxes
        for source, outlet, target, inlet in patch.cords:
            where = f"{patch.place}: {source} {outlet} -> {target} {inlet}"
            assert source in boxes, where
            assert target in boxes, where
            assert 0 <= outlet < boxes[source]["numoutlets"], where
            assert 0 <= inlet < boxes[target]["numinlets"], where
            count += 1
    assert count > 200


def test_objects_of_max_have_the_inlets_and_outlets_of_max(patches: list[Patch]):
    for patch in patches:
        for box in patch.boxes.values():
            if "patcher" in box or kind(box) in OURS:
                continue
            name = box["text"] if box["maxclass"] == "newobj" else box["maxclass"]
            here = (box["numinlets"], box.get("outlettype", []))
            assert here == OF_MAX[name], f"{patch.place}: {name}"


def test_signals_go_where_signals_are_taken(patches: list[Patch]):
    """And multichannel ones into nothing that would take their first channel only."""
    takes_signals = {"+~", "live.gain~", "ezdac~", "mc.pack~", "mc.unpack~", *OURS[:3]}
    takes_many = {"mc.unpack~", "mc.nn~", "mcs.nn~"}
    for patch in patches:
        boxes = patch.boxes
        for source, outlet, target, _ in patch.cords:
            carried = boxes[source]["outlettype"][outlet]
            where = f"{patch.place}: {boxes[source]} -> {boxes[target]}"
            if carried == "signal":
                assert kind(boxes[target]) in takes_signals, where
            if carried == "multichannelsignal":
                assert kind(boxes[target]) in takes_many, where


def test_no_two_boxes_lie_on_each_other_and_none_outside(patches: list[Patch]):
    for patch in patches:
        width, height = patch.saved["rect"][2:]
        boxes = list(patch.boxes.values())
        for box in boxes:
            x, y, w, h = box["patching_rect"]
            assert x >= 0, patch.place
            assert x + w <= width, f"{patch.place}: {box}"
            assert y + h <= height, f"{patch.place}: {box}"
        for one, other in itertools.combinations(boxes, 2):
            x, y, w, h = one["patching_rect"]
            u, v, a, b = other["patching_rect"]
            apart = x + w <= u or u + a <= x or y + h <= v or v + b <= y
            assert apart, f"{patch.place}: {one} {other}"


def test_faders_have_names_of_their_own_in_a_window(package: Path):
    for name in OURS[:3]:
        window, *tabs = read(package / f"help/{name}.maxhelp")
        faders = [
            box["saved_attribute_attributes"]["valueof"]["parameter_longname"]
            for tab in tabs
            for box in tab.boxes.values()
            if box["maxclass"] == "live.gain~"
        ]
        assert len(set(faders)) == len(faders) > 2
        known = [what[0] for key, what in window.saved["parameters"].items() if "::" in key]
        assert sorted(known) == sorted(faders)


def test_the_icon_is_a_picture_of_the_size_that_max_wants(package: Path):
    data = (package / "icon.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, colours = struct.unpack(">IIBB", data[16:26])
    assert (width, height, depth, colours) == (500, 500, 8, 6)
    length = struct.unpack(">I", data[33:37])[0]
    pixels = np.frombuffer(zlib.decompress(data[41 : 41 + length]), np.uint8).reshape(500, 2001)
    assert not pixels[:, 0].any()  # no filters
    picture = pixels[:, 1:].reshape(500, 500, 4)
    assert picture[0, 0, 3] == 0  # a round corner
    assert picture[250, 250].tolist() == [0xF2, 0xA3, 0x3A, 255]  # the bar in the middle


@pytest.fixture(scope="module")
def max_with_package(package: Path):
    """Max, with the package and a buffer~ of the help patches."""
    if not HOST.exists():
        pytest.fail(f"there is no {HOST}: build it with `cmake --build --preset dev`")
    host = Host()
    host.do("package", name=assemble.NAME, folder=str(package))
    host.buffer("nnbridge-help-room", np.linspace(1, 0, 64))
    yield host
    host.close()


# What is said where nothing of the patch is wrong.
EXPECTED = ("nothing is downloaded", "latency is known once", "no figures before")


def test_objects_of_help_patches_play_and_take_every_message(
    max_with_package: Host, patches: list[Patch]
):
    """Each has the inlets and outlets that stand in the patch, and nothing is an error."""
    host = max_with_package
    seen = set()
    for patch in patches:
        for name, text in patch.ours():
            box = patch.boxes[name]
            messages = patch.messages_to(name)
            shape = (text, box["numinlets"], tuple(box["outlettype"]), tuple(messages))
            if shape in seen:
                continue
            seen.add(shape)
            host.console.clear()
            thing = host.new(text)
            assert thing.made, f"{patch.place}: {text}"
            # The host counts those for signals; any other object has one for messages.
            inlets = 1 if text.split()[0] == "nn.info" else thing.inlets
            assert inlets == box["numinlets"], f"{patch.place}: {text}"
            assert thing.outlet_types == box["outlettype"], f"{patch.place}: {text}"
            if text.split()[0] != "nn.info":
                channels = 8 if "decode 1 " in text else 2 if "widen" in text else 1
                thing.compile(64, counts=[channels] * thing.inlets)
                thing.run(np.zeros((channels * thing.inlets, 512)))
            for message in messages:
                thing.send(message.replace("$1", "1"))
                host.wait(40)
            thing.free()
            errors = [line for line in host.said("error") if not any(e in line for e in EXPECTED)]
            assert errors == [], f"{patch.place}: {text}"
    assert len(seen) > 12
