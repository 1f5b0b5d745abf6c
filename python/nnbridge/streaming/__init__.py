# SPDX-License-Identifier: MIT
"""Turn a trained convolutional network into an exact streaming one.

>>> stream = streaming.convert(network.eval())
>>> stream.delay, stream.ratio, stream.block      # in samples of the input
>>> y = stream(block)                             # [batch, channels, time], again and again
>>> torch.jit.script(streaming.pack(stream))      # the same, faster, for a file
"""

from .convert import convert
from .errors import NotStreamable
from .layers import Stateful, Windowed
from .network import Streaming
from .overlap_add import OverlapAdd
from .pack import pack
from .pqmf import PQMF
from .rule import Rule, rule

__all__ = [
    "PQMF",
    "NotStreamable",
    "OverlapAdd",
    "Rule",
    "Stateful",
    "Streaming",
    "Windowed",
    "convert",
    "pack",
    "rule",
]
