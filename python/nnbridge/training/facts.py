# SPDX-License-Identifier: MIT
"""What the run.json of a run folder says, of a RAVE's or of a prior's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FORMAT = 1


def read(
    path: Path, what: str, learns_from: str, error: type[ValueError], command: str
) -> dict[str, Any]:
    """Read a run.json.

    Args:
        path: of the file; the run is the folder that holds it.
        what: kind of network, as a sentence has it: "a prior".
        learns_from: the fact that only the runs of such networks have.
        error: to raise, with one sentence.
        command: that makes such a run, without its --out.

    Raises:
        error: it is no run folder, that of another kind of network, or a newer program's.
    """
    try:
        facts = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise error(
            f"'{path.parent}' is no run folder (it has no {path.name}): make one with "
            f"{command} --out RUN."
        ) from None
    except (OSError, ValueError) as reason:
        raise error(f"'{path}' can't be read ({reason}).") from None
    known = isinstance(facts, dict)
    if known and facts.get("format") != FORMAT:
        raise error(f"'{path.parent}' was made by a newer nnbridge: update this one.")
    if not known or learns_from not in facts:
        raise error(f"'{path.parent}' is the run of something else than {what}.")
    return dict(facts)
