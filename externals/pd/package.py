# SPDX-License-Identifier: MIT
"""Completes the folder nn~/ around the built external.

    python externals/pd/package.py build/pd            help, examples, models, sounds
    python externals/pd/package.py build/pd --deken    the same with all libraries, zipped for Deken

Deken's archive goes to out/ and needs neither Python nor torch where it is installed.
"""

import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "common"))
import contents  # noqa: E402 - in a folder that is no package

# What every system has, or must bring itself.
SYSTEM = re.compile(r"(ld-linux.*|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s))\.so")


def complete(folder: Path) -> None:
    """Put everything but the external itself into ``folder``."""
    shutil.copytree(HERE / "package", folder, dirs_exist_ok=True)
    shutil.copy(ROOT / "LICENSE", folder / "LICENSE.txt")
    contents.models(folder / "models")
    contents.loop(folder / "sounds" / "tabla.wav")


def libraries_of(binary: Path) -> list[Path]:
    """Shared libraries that it needs, down to those of the system (Linux)."""
    listing = subprocess.run(["ldd", binary], check=True, capture_output=True, text=True).stdout
    found = [Path(path) for path in re.findall(r"=> (/\S+)", listing)]
    return [path for path in found if not SYSTEM.match(path.name)]


def deken(build: Path) -> Path:
    """Make the archive, with all libraries beside the external."""
    if platform.system() != "Linux":
        raise SystemExit(
            "package.py: --deken is written for Linux; elsewhere `make pd` is the way."
        )
    built = next((build / "nn~").glob("nn~.pd_linux"))
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            ["cmake", "--install", build, "--component", "pd", "--prefix", scratch, "--strip"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        folder = Path(scratch) / "nn~"
        complete(folder)
        for library in libraries_of(built):
            shutil.copy(library, folder / library.name)
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "unknown")
        name = ROOT / "out" / f"nn~[v{contents.version()}](Linux-{machine}-32).dek"
        name.parent.mkdir(exist_ok=True)
        made = shutil.make_archive(str(name), "zip", scratch, "nn~")
        return Path(made).rename(name)


def main() -> None:
    """See the top of this file."""
    build = Path(sys.argv[1]).resolve()
    if "--deken" in sys.argv[2:]:
        sys.stdout.write(f"{deken(build)}\n")
    else:
        complete(build / "nn~")
        sys.stdout.write(f"{build / 'nn~'}: add it to Pd's search path, or copy it there.\n")


if __name__ == "__main__":
    main()
