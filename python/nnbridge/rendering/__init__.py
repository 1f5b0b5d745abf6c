# SPDX-License-Identifier: MIT
"""Whole files and arrays through a model, with the engine that plays it live.

nnbridge.render(model, "in.wav", "out.wav")
nnbridge.render(model, "in.wav", "latents.npz", "encode")
nnbridge.render(model, "latents.npz", "out.wav", "decode")
"""

from .job import Progress, Rendering, render

__all__ = ["Progress", "Rendering", "render"]
