# SPDX-License-Identifier: MIT
"""Writes Max's reference pages (``docs/refpages/*.maxref.xml``)."""

from xml.etree import ElementTree as Xml

from objects import Argument, Attribute, Message, Object, first_sentence


def _told(parent: Xml.Element, what: str) -> None:
    """Digest and description: the first sentence, and all of it."""
    Xml.SubElement(parent, "digest").text = first_sentence(what)
    Xml.SubElement(parent, "description").text = what


def _argument(parent: Xml.Element, argument: Argument) -> None:
    one = Xml.SubElement(
        parent,
        "objarg",
        name=argument.name,
        optional=str(int(argument.optional)),
        type=argument.type,
    )
    _told(one, argument.what)


def _message(parent: Xml.Element, message: Message) -> None:
    one = Xml.SubElement(parent, "method", name=message.name)
    arguments = Xml.SubElement(one, "arglist")
    for name, kind in message.arguments:
        optional = str(int(name.endswith("?")))
        Xml.SubElement(arguments, "arg", name=name.rstrip("?"), optional=optional, type=kind)
    _told(one, message.what)


def _attribute(parent: Xml.Element, attribute: Attribute) -> None:
    one = Xml.SubElement(
        parent, "attribute", name=attribute.name, get="1", set="1", type=attribute.type, size="1"
    )
    _told(one, attribute.what)
    inner = Xml.SubElement(one, "attributelist")
    facts = {"label": attribute.label, "default": attribute.default}
    if attribute.switch:
        facts["style"] = "onoff"
    for name, value in facts.items():
        Xml.SubElement(
            inner, "attribute", name=name, get="1", set="1", type="symbol", size="1", value=value
        )


def write(thing: Object) -> str:
    """The reference page of one object."""
    page = Xml.Element(
        "c74object",
        name=thing.name,
        module="msp" if thing.signals else "max",
        category="nnbridge, MSP" if thing.signals else "nnbridge",
    )
    Xml.SubElement(page, "digest").text = thing.digest
    Xml.SubElement(page, "description").text = thing.description
    tags = Xml.SubElement(page, "metadatalist")
    Xml.SubElement(tags, "metadata", name="author").text = "the nnbridge authors"
    for tag in ("nnbridge", "neural network", "machine learning"):
        Xml.SubElement(tags, "metadata", name="tag").text = tag
    for side, ports in (("inlet", thing.inlets), ("outlet", thing.outlets)):
        ends = Xml.SubElement(page, f"{side}list")
        for index, what in enumerate(ports):
            port = Xml.SubElement(ends, side, id=str(index), type=f"{side.upper()}_TYPE")
            _told(port, what)
    arguments = Xml.SubElement(page, "objarglist")
    for argument in thing.arguments:
        _argument(arguments, argument)
    messages = Xml.SubElement(page, "methodlist")
    if thing.signals:
        _message(messages, Message(thing.signals, thing.inlets[0]))
    for message in thing.messages:
        _message(messages, message)
    attributes = Xml.SubElement(page, "attributelist")
    for attribute in thing.attributes:
        _attribute(attributes, attribute)
    others = Xml.SubElement(page, "seealsolist")
    for name in thing.see:
        Xml.SubElement(others, "seealso", name=name)
    Xml.indent(page)
    return (
        '<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n'
        + Xml.tostring(page, encoding="unicode")
        + "\n"
    )
