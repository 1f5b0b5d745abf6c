# SPDX-License-Identifier: MIT
"""Loads every library of a package's ``support`` from where it lies: ``try_libraries.py FOLDER``.

A new process, which knows no other torch, ends with the system's own error where one is missing.
"""

import ctypes
import os
import sys
from pathlib import Path

folder = Path(sys.argv[1]).resolve()
if hasattr(os, "add_dll_directory"):  # Windows, which Max tells the same
    os.add_dll_directory(str(folder))
libraries = sorted(path for path in folder.iterdir() if path.is_file())
if not libraries:
    raise SystemExit(f"try_libraries.py: {folder} is empty")
for library in libraries:
    ctypes.CDLL(str(library))
    sys.stdout.write(f"{library.name}\n")
