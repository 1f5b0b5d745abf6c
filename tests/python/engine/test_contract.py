# SPDX-License-Identifier: MIT
"""Every variant of the contract in circulation is read as its exporter meant it."""

import pytest
from fixtures import FIXTURES

import nnbridge

PLAYABLE = [name for name, fixture in FIXTURES.items() if fixture.playable]


@pytest.mark.parametrize("name", PLAYABLE)
def test_a_file_s_contract_is_read_whole(model_file, name):
    want = FIXTURES[name].contract
    model = nnbridge.load(model_file(name))
    got = {
        method.name: [method.in_channels, method.in_ratio, method.out_channels, method.out_ratio]
        for method in model.methods.values()
    }
    assert got == want["methods"]
    assert [m.name for m in model.methods.values() if not m.callable] == want["uncallable"]
    assert model.sample_rate == want["sample_rate"]
    for method in model.methods.values():
        step = want["step"].get(method.name, want["step"]["any"])
        assert method.step == step
        assert method.delay == want["delay"].get(method.name)
        inputs, outputs = want["labels"].get(method.name, (None, None))
        if inputs is not None:
            assert method.in_labels == inputs
            assert method.out_labels == outputs
        assert len(method.in_labels) == method.in_channels
        assert len(method.out_labels) == method.out_channels
    assert {a.name: a.types for a in model.attributes.values()} == {
        attribute: spec["types"] for attribute, spec in want["attributes"].items()
    }
    assert (model.about is not None) == want["manifest"]


@pytest.mark.parametrize(
    ("name", "attribute"),
    [(n, a) for n in PLAYABLE for a in FIXTURES[n].contract["attributes"]],
)
def test_an_attribute_is_read_whatever_shape_its_getter_has(model_file, name, attribute):
    spec = FIXTURES[name].contract["attributes"][attribute]
    values = nnbridge.load(model_file(name)).get(attribute)
    assert len(values) == len(spec["types"])
    for value, kind, want in zip(values, spec["types"], spec["value"], strict=True):
        if kind in ("tensor", "buffer"):
            continue
        assert type(value).__name__ == kind
        assert value == pytest.approx(want)
