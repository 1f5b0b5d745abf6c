# SPDX-License-Identifier: MIT
"""Adds up the JUnit files of one test run and says how it ended.

    python .ci/tally.py FOLDER [PART_THAT_FAILED ...]

A part that failed without a failed test of its own (lint, or a build that broke) counts as one
failure. Exits with 1 when anything failed, or when no test ran at all.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree


def count(file: Path) -> tuple[int, int, int]:
    """How many tests one JUnit file reports as passed, failed and skipped."""
    total = failed = skipped = 0
    for suite in ElementTree.parse(file).iter("testsuite"):
        total += int(suite.get("tests") or 0)
        failed += int(suite.get("failures") or 0) + int(suite.get("errors") or 0)
        skipped += int(suite.get("skipped") or 0) + int(suite.get("disabled") or 0)
    return total - failed - skipped, failed, skipped


def main() -> int:
    folder, broken = Path(sys.argv[1]), set(sys.argv[2:])
    counts = {file.stem: count(file) for file in sorted(folder.glob("*.xml"))}
    for part, (passed, failed, skipped) in counts.items():
        print(f"{part}: {passed} passed, {failed} failed, {skipped} skipped")
    without_a_test = {part for part in broken if counts.get(part, (0, 0, 0))[1] == 0}
    for part in sorted(broken):
        print(f"{part}: failed")

    results = [(0, 0, 0), *counts.values()]
    passed, failed, skipped = map(sum, zip(*results, strict=True))
    failed += len(without_a_test)
    print(f"\nnnbridge: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
