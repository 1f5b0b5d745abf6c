# SPDX-License-Identifier: MIT
"""Draws ``icon.svg`` as the PNG that Max wants of a package. Knows rounded rectangles only."""

import math
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree as Xml

SIZE = 500  # pixels, as Max asks for


def _coverage(x: float, y: float, left: float, top: float, w: float, h: float, r: float) -> float:
    """How much of the pixel around a point lies in a rounded rectangle: from its distance."""
    across = abs(x - left - w / 2) - w / 2 + r
    down = abs(y - top - h / 2) - h / 2 + r
    outside = math.hypot(max(across, 0.0), max(down, 0.0)) + min(max(across, down), 0.0) - r
    return min(1.0, max(0.0, 0.5 - outside))


def png(svg: Path) -> bytes:
    """The picture, transparent where nothing is drawn."""
    pixels = [bytearray(4 * SIZE) for _ in range(SIZE)]
    for rectangle in Xml.parse(svg).getroot():
        left, top, w, h, r = (
            float(rectangle.attrib[name]) for name in ("x", "y", "width", "height", "rx")
        )
        colour = bytes.fromhex(rectangle.attrib["fill"].removeprefix("#"))
        for row in range(int(top), min(SIZE, math.ceil(top + h))):
            for column in range(int(left), min(SIZE, math.ceil(left + w))):
                share = _coverage(column + 0.5, row + 0.5, left, top, w, h, r)
                at = 4 * column
                line = pixels[row]
                for i, value in enumerate((*colour, 255)):
                    line[at + i] = round(line[at + i] * (1 - share) + value * share)
    # Colours of transparent pixels stay black; only the outermost edge is affected.
    raw = b"".join(b"\0" + line for line in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(raw, 9))
        + chunk(b"IEND", b"")
    )
