# SPDX-License-Identifier: MIT
"""The test host refuses what Max refuses: so that what passes in it will work in Max."""

import pytest

from .maxhost import BUILT, Host, RefusedError

NAUGHTY = BUILT / "tests/naughty.so"


def commit(deed):
    """An object that does this, from being made to being freed."""
    host = Host(externals=[NAUGHTY])
    nn = host.new(f"naughty~ {deed}")
    nn.send("bang")
    nn.compile(64)
    nn.run([[0.0] * 64])
    nn.free()
    host.close()


def test_an_object_that_behaves_is_let_be():
    commit("nothing")


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        ("outlet_in_audio", "outlet_anything in the audio thread"),
        ("post_in_audio", "object_post in the audio thread"),
        ("symbol_in_audio", "gensym in the audio thread"),
        ("unwritten", "left an output unwritten"),
        ("too_far", "wrote outside of a vector"),
        ("no_such_inlet", "of an index that is not there"),
        ("added_twice", "dsp_add64 twice"),
        ("untyped_atom", "an atom of type 0 was sent"),
        ("message_to_signal", "a message out of an outlet for signal"),
        ("clock_freed_twice", "no object, or no longer one"),
        ("method_later", "class_addmethod after class_register"),
        ("object_gone", "no object, or no longer one"),
        ("dsp_not_freed", "was freed without z_dsp_free"),
        ("clock_left", "a clock of it was not"),
        ("no_setup", "without z_dsp_setup"),
    ],
)
def test_the_host_refuses(deed, why):
    with pytest.raises(RefusedError, match=why):
        commit(deed)


def test_unknown_attributes_and_messages_that_cannot_be_sent_are_said(max_host):
    nn = max_host.new("nn~ @nonsense 1")
    assert any("not a valid attribute" in line for line in max_host.said("error"))
    nn.send(["set_nothing"])
    assert "no corresponding method" in max_host.said("error")[-1]
