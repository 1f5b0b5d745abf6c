# SPDX-License-Identifier: MIT
"""Play PyTorch audio models: in Python, on the command line, and live in Pd, Max and a DAW.

    import nnbridge

    model = nnbridge.load("model.ts")
    stream = model.stream("forward", sample_rate=48000)
    output = stream.process(input)          # [channels, frames], as many out as in
    nnbridge.render(model, "in.wav", "out.wav")

The parts that need the compiled engine are imported when first used, so that authoring and
training (`nnbridge.contract`, `nnbridge.streaming`) work without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnbridge.host import Error, Latency, Model, Stats, Stream, load
    from nnbridge.rendering import Rendering, render

__all__ = [
    "Error",
    "Latency",
    "Model",
    "Rendering",
    "Stats",
    "Stream",
    "load",
    "render",
]

_HOMES = {"Rendering": "nnbridge.rendering", "render": "nnbridge.rendering"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'nnbridge' has no attribute '{name}'")
    return getattr(import_module(_HOMES.get(name, "nnbridge.host")), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
