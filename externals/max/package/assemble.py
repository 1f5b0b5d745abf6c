# SPDX-License-Identifier: MIT
"""Puts the package for Max together: ``python externals/max/package/assemble.py --help``.

Help patches, reference pages, models and media are made anew each time and are the same each time.
With the externals that CMake has built for Max it is what a user installs; without (on Linux, where
Max does not run), it can be read and tested.
"""

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "externals/common"))
sys.path.insert(0, str(HERE))
import contents  # noqa: E402 - as those below: in folders that are no packages
import helppatches  # noqa: E402
import icon  # noqa: E402
import libraries  # noqa: E402
import maxref  # noqa: E402
from objects import OBJECTS  # noqa: E402

NAME = "nnbridge"  # also what the objects look for, in externals/max/host.cpp
LICENCE = re.compile(r"(licen[sc]e|copying|copyright|notice)", re.IGNORECASE)
SYSTEMS = {
    # torch 2.13 asks for macOS 14; CMakePresets.json builds for it.
    "macos-arm64": ("macintosh", "aarch64", "14.0"),
    "macos-x86_64": ("macintosh", "x64", "14.0"),
    "windows-x86_64": ("windows", "x64", "10"),
}


def this_system() -> str | None:
    """The key of ``SYSTEMS`` that fits this machine; none on Linux."""
    name = {"Darwin": "macos", "Windows": "windows"}.get(platform.system())
    machine = {"AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    return f"{name}-{machine}" if name else None


def information(systems: list[str]) -> dict[str, object]:
    """``package-info.json``, for these of ``SYSTEMS``."""
    allowed: dict[str, dict[str, object]] = {}
    for key in systems:
        system, machine, least = SYSTEMS[key]
        one = allowed.setdefault(system, {"platform": [], "min_version": least})
        machines = one["platform"]
        assert isinstance(machines, list)
        machines.append(machine)
    return {
        "name": NAME,
        "displayname": "nnbridge",
        "version": contents.version(),
        "author": "the nnbridge authors",
        "authors": ["the nnbridge authors"],
        "description": "nn~, mc.nn~, mcs.nn~ and nn.info: neural audio models (TorchScript files, "
        "such as RAVE's) played live. Patches and models made for IRCAM's nn~ play unchanged.",
        "tags": ["audio", "neural network", "machine learning", "RAVE", "msp", "mc"],
        "website": "",
        "extensible": 0,
        "extends": "",
        "max_version_min": "8.5.0",
        "max_version_max": "none",
        "os": allowed,
        "homepatcher": f"{NAME}.maxpat",
        "toolbar_icon": f"{NAME}.svg",
        "package_extra": {
            "reverse_domain": "org.nnbridge",
            "copyright": "MIT licence",
            "forcerestart": 1,
        },
    }


def write(folder: Path, systems: list[str]) -> None:
    """Everything but binaries."""
    files = {
        "package-info.json": json.dumps(information(systems), indent=2) + "\n",
        f"extras/{NAME}.maxpat": helppatches.overview(),
    }
    for thing in OBJECTS:
        files[f"help/{thing.name}.maxhelp"] = helppatches.write(thing)
        files[f"docs/refpages/{thing.name}.maxref.xml"] = maxref.write(thing)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    (folder / "icon.png").write_bytes(icon.png(HERE / "icon.svg"))
    for name in ("misc/" + NAME, *(f"object-icons/{thing.name}" for thing in OBJECTS)):
        target = folder / f"{name}.svg"
        target.parent.mkdir(exist_ok=True)
        shutil.copy(HERE / "icon.svg", target)
    shutil.copy(HERE / "readme.md", folder / "readme.md")
    shutil.copy(ROOT / "LICENSE", folder / "license.txt")
    contents.models(folder / "models")
    contents.loop(folder / "media" / helppatches.SOUND)


def add_binaries(folder: Path, built: Path, searched: list[Path]) -> None:
    """The externals below ``built``, and beside them all libraries that they need."""
    target = folder / "externals"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    binaries = []
    for thing in OBJECTS:
        bundle = built / f"{thing.name}.mxo"
        if bundle.is_dir():
            shutil.copytree(bundle, target / bundle.name)
            binaries.append(target / bundle.name / "Contents" / "MacOS" / thing.name)
        else:
            binaries.append(
                Path(shutil.copy(built / f"{thing.name}.mxe64", target / f"{thing.name}.mxe64"))
            )
    support = folder / "support"
    shutil.rmtree(support, ignore_errors=True)
    support.mkdir()
    for library in libraries.closure(binaries, searched):
        shutil.copy(library, support / library.name)
    if platform.system() == "Darwin":
        sign([*support.iterdir(), *target.iterdir()])


def licences(folder: Path, sources: list[Path]) -> None:
    """Of everything that comes along: torch's, and what ``sources`` have of others."""
    shutil.rmtree(folder, ignore_errors=True)
    torch = [
        Path(str(file.locate()))
        for file in metadata.distribution("torch").files or []
        if LICENCE.match(file.name)
    ]
    if not torch:
        raise ValueError("torch's licence is not there: install torch from PyPI")
    found = [(torch[0].parent, "torch", torch)]
    found += [
        (source, source.name, [path for path in source.rglob("*") if LICENCE.match(path.name)])
        for source in sources
    ]
    for root, name, paths in found:
        for path in paths:
            # Flat, because Windows cannot make paths as long as some of these.
            parts = path.relative_to(root).parts if path.is_relative_to(root) else path.parts[-2:]
            target = folder / name / "-".join(parts)[-120:]
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file():
                shutil.copy(path, target)


def sign(things: list[Path], identity: str = "-") -> None:
    """Sign for macOS; ad hoc, which lets a binary run where quarantine has been lifted."""
    for thing in things:
        subprocess.run(["codesign", "--force", "--sign", identity, thing], check=True)


def main() -> None:
    """See the top of this file."""
    options = argparse.ArgumentParser(description="Puts the package for Max together.")
    options.add_argument("folder", type=Path, help="where the folder nnbridge/ comes to lie")
    options.add_argument("--built", type=Path, help="folder of the externals built for Max")
    for name, what in (
        ("--libraries", "folder with libraries to bring along, such as torch's"),
        ("--licences", "folder with the licences of other libraries, at any depth"),
    ):
        options.add_argument(
            name, type=Path, action="append", default=[], help=f"{what}; may be given again"
        )
    options.add_argument("--zip", action="store_true", help="also pack it, beside the folder")
    given = options.parse_args()
    system = this_system()
    folder = given.folder / NAME
    write(folder, [system] if system and given.built else sorted(SYSTEMS))
    if given.built:
        try:
            add_binaries(folder, given.built, given.libraries)
            licences(folder / "licences", given.licences)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"assemble.py: {error}") from None
    if given.zip:
        name = given.folder / f"{NAME}-max-{contents.version()}-{system or 'no-externals'}"
        sys.stdout.write(f"{shutil.make_archive(str(name), 'zip', given.folder, NAME)}\n")
    sys.stdout.write(f"{folder}: copy it into the folder Packages of Max.\n")


if __name__ == "__main__":
    main()
