# SPDX-License-Identifier: MIT
"""What goes wrong while a model is declared or exported, said in the author's terms."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

_PLACE = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)')
_HERE = re.compile(r"^\s*~[~ ]*<--- HERE")


class ContractError(ValueError):
    """A model, an attribute or a file breaks the contract; the message is one clear sentence."""


def script_error(error: BaseException) -> str:
    """Shorten what TorchScript says about a body to its reason and the author's line.

    Args:
        error: what ``torch.jit.script`` raised.

    Returns:
        One line such as ``effects.py, line 12, "return foo(x)": undefined value foo``.
    """
    text = [line.rstrip() for line in str(error).splitlines() if line.strip()]
    places = [(i, match) for i, line in enumerate(text) if (match := _PLACE.match(line))]
    if not places:
        return " ".join(line.strip() for line in text[:2]) or type(error).__name__
    first, match = places[0]
    reason = " ".join(line.strip() for line in text[:first]).rstrip(": ")
    # What follows is about tracing, which nobody here does.
    reason = reason.partition(" Only tensors and (possibly nested)")[0].rstrip(". ")
    reason += ")" * (reason.count("(") - reason.count(")"))
    marks = [i for i, line in enumerate(text) if i > first and _HERE.match(line)]
    code = text[marks[0] - 1].strip() if marks else ""
    if "closed over global variable" in reason and marks:
        line, mark = text[marks[0] - 1], text[marks[0]].partition("<---")[0]
        name = line[mark.find("~") : len(mark.rstrip())]
        reason = f"{name} lives outside the module; keep it as self.{name.lower()} in __init__"
    return f'{Path(match["file"]).name}, line {match["line"]}, "{code}": {reason}'


def run_error(error: BaseException) -> str:
    """Say what a method raised while it ran, and on which line of the author's file.

    Args:
        error: what the call raised, with its traceback (eager) or TorchScript's own text.

    Returns:
        One line: the kind of error, its first sentence, the file and the line.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines and lines[0].startswith("The following operation failed in the TorchScript"):
        reason = re.sub(r"^(RuntimeError|builtins\.\w+): ", "", lines[-1])
        places = [
            (i, hit)
            for i, line in enumerate(lines)
            if (hit := _PLACE.match(line)) and "code/__torch__" not in line
        ]
        where = ""
        if places:
            _, hit = places[0]
            where = f" ({Path(hit['file']).name}, line {hit['line']})"
        return f"{reason}{where}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "torch" not in Path(frame.filename).parts
    ]
    own = [frame for frame in frames if Path(frame.filename).parent != _HOME]
    where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}{where}"


_HOME = Path(__file__).parent
