# SPDX-License-Identifier: MIT
"""Every message and attribute that an object has is documented, and nothing else is."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from max.maxhost import classes

from .conftest import ROOT
from .patches import OURS, read

TABLE = ROOT / "docs/max.md"
# What any other message is given to: it says that it does not know it.
CATCH_ALL = {"anything"}
TYPES = {"char": "int", "atom_long": "int", "long": "int", "symbol": "symbol"}


@pytest.fixture(scope="module")
def registered() -> dict[str, Any]:
    """What the built externals tell Max of themselves."""
    return classes()


@pytest.fixture(scope="module")
def pages(package: Path) -> dict[str, Xml.Element]:
    folder = package / "docs/refpages"
    return {name: Xml.parse(folder / f"{name}.maxref.xml").getroot() for name in OURS}


def names(page: Xml.Element, path: str) -> list[str]:
    return [one.attrib["name"] for one in page.findall(path)]


def messages_of(one: dict[str, Any]) -> set[str]:
    """Without those that Max alone sends."""
    return {name for name, types in one["methods"].items() if "cant" not in types} - CATCH_ALL


def test_the_four_objects_are_there(registered: dict[str, Any]):
    assert set(registered) == set(OURS)


@pytest.mark.parametrize("name", OURS)
def test_reference_pages_have_every_message_and_no_other(
    name: str, registered: dict[str, Any], pages: dict[str, Xml.Element]
):
    told = names(pages[name], "methodlist/method")
    assert len(set(told)) == len(told)
    signals = {"nn~": {"signal"}, "nn.info": set()}.get(name, {"multichannelsignal"})
    assert set(told) - signals == messages_of(registered[name])
    assert bool(signals) == registered[name]["signals"]
    assert signals <= set(told)


@pytest.mark.parametrize("name", OURS)
def test_reference_pages_have_every_attribute_as_it_is(
    name: str, registered: dict[str, Any], pages: dict[str, Xml.Element]
):
    has = registered[name]["attributes"]
    assert sorted(names(pages[name], "attributelist/attribute")) == sorted(has)
    for one in pages[name].findall("attributelist/attribute"):
        what = has[one.attrib["name"]]
        assert one.attrib["type"] == TYPES[what["type"]]
        inner = {
            more.attrib["name"]: more.attrib["value"]
            for more in one.findall("attributelist/attribute")
        }
        assert inner["label"] == what["properties"]["label"].strip('"')
        assert inner.get("style") == what["properties"].get("style")


@pytest.mark.parametrize("name", OURS)
def test_help_patches_show_every_message_and_attribute_and_no_other(
    name: str, registered: dict[str, Any], package: Path
):
    said: set[str] = set()
    shown: set[str] = set()
    for tab in read(package / f"help/{name}.maxhelp"):
        for box, text in tab.ours():
            if text.split()[0] != name:
                continue
            said |= {message.split()[0] for message in tab.messages_to(box)}
            sources = [tab.boxes[source] for source, _, to, _ in tab.cords if to == box]
            shown |= {one["attr"] for one in sources if one["maxclass"] == "attrui"}
    assert said == messages_of(registered[name])
    assert shown == set(registered[name]["attributes"])


@pytest.mark.parametrize("name", OURS)
def test_reference_pages_have_all_parts_that_max_shows(name: str, pages: dict[str, Xml.Element]):
    page = pages[name]
    assert page.tag == "c74object"
    assert page.attrib["name"] == name
    assert [part.tag for part in page] == [
        *("digest", "description", "metadatalist", "inletlist", "outletlist"),
        *("objarglist", "methodlist", "attributelist", "seealsolist"),
    ]
    told = [page, *page.findall("objarglist/objarg"), *page.findall("methodlist/method")]
    told += [*page.findall("attributelist/attribute"), *page.findall("*let/*")]
    for one in told:
        digest, description = one.findtext("digest"), one.findtext("description")
        assert digest, one.attrib
        assert description, one.attrib
        assert len(digest) <= 160, digest
    for argument in page.findall("objarglist/objarg"):
        assert argument.attrib.keys() == {"name", "optional", "type"}
    for argument in page.findall("methodlist/method/arglist/arg"):
        assert argument.attrib.keys() == {"name", "optional", "type"}
    assert set(names(page, "seealsolist/seealso")) == set(OURS) - {name}


def test_every_row_of_the_table_is_a_test():
    rows = re.findall(r"`(test_\w+)` \|$", TABLE.read_text(), re.MULTILINE)
    tests = "\n".join(path.read_text() for path in (ROOT / "tests/python/max").glob("test_*.py"))
    there = set(re.findall(r"^def (test_\w+)", tests, re.MULTILINE))
    assert len(rows) > 70
    assert set(rows) <= there, set(rows) - there


@pytest.mark.parametrize("name", OURS)
def test_the_table_has_every_message_and_attribute(name: str, registered: dict[str, Any]):
    page = TABLE.read_text().split("### nn.info")
    page_of = page[1] if name == "nn.info" else page[0]
    has = registered[name]
    wanted = [f"`{one}" for one in messages_of(has)] + [f"`@{one}" for one in has["attributes"]]
    assert [one for one in wanted if f"{one}`" not in page_of and f"{one} " not in page_of] == []
