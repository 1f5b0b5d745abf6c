# SPDX-License-Identifier: MIT
"""For authors: declare the methods and attributes of a model, and export it.

A script written for nn~ needs its import changed and nothing else. Nothing here needs the
compiled engine.
"""

from .buffer import Buffer
from .errors import ContractError
from .export import export
from .manifest import Manifest, read_manifest
from .module import Module

__all__ = ["Buffer", "ContractError", "Manifest", "Module", "export", "read_manifest"]
