# SPDX-License-Identifier: MIT
"""What a check found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
"""error: it will be heard, or does not play. warning: it may disturb. note: good to know."""

_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Finding:
    """One thing worth saying about a file."""

    severity: Severity
    about: str
    """What kind of thing: open, shape, batch, finite, silent, state, delay, random, cost …"""
    where: str
    """The method or attribute; empty: the file."""
    message: str
    fix: str
    """What its author, or its user, can do; empty: nothing needs to be done."""


@dataclass(frozen=True)
class Cost:
    """Of one inference, measured on this machine with one thread."""

    block: int
    """Samples."""
    median: float
    """Seconds."""
    realtime: float
    """How many times faster than real time."""


@dataclass(frozen=True)
class Delay:
    """Measured with impulses, in samples at the model's rate.

    `onset` is where the answer begins, `peak` where it is strongest: for a pure delay, and most
    models, the same.
    """

    onset: int
    peak: int
    precision: int
    """Half the width of what the figures may be off by: 0 for audio in and out."""

    @property
    def text(self) -> str:
        """For people."""
        figure = str(self.peak) if self.onset == self.peak else f"{self.onset} to {self.peak}"
        return figure if self.precision == 0 else f"{figure} (± {self.precision})"


@dataclass
class MethodReport:
    """What was measured of one method."""

    step: int
    declared_delay: int | None
    delay: Delay | None = None
    """None: could not be measured."""
    random: bool | None = None
    state_error: float | None = None
    """Largest difference between one piece and several, as a share of the peak; None: unknown."""
    costs: list[Cost] = field(default_factory=list)

    def delay_text(self) -> str:
        """For people."""
        declared = "" if self.declared_delay is None else f"says {self.declared_delay}"
        measured = self.delay.text if self.delay else "?"
        return f"{measured} {declared}".strip()

    def random_text(self) -> str:
        """For people."""
        return {None: "?", True: "yes", False: "no"}[self.random]

    def state_text(self) -> str:
        """For people."""
        if self.state_error is None:
            return "?"
        return "exact" if self.state_error == 0 else f"{self.state_error:.0e}"


@dataclass
class Report:
    """All that a check found; the worst first."""

    path: str
    findings: list[Finding] = field(default_factory=list)
    methods: dict[str, MethodReport] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.of("error")

    def of(self, severity: Severity) -> list[Finding]:
        """The findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]

    @property
    def summary(self) -> str:
        """One line."""
        counts = []
        for severity in _ORDER:
            number = len(self.of(severity))
            counts.append(f"{number} {severity}{'' if number == 1 else 's'}")
        return f"{self.path}: {', '.join(counts)}"

    def add(self, severity: Severity, about: str, where: str, message: str, fix: str = "") -> None:
        """Notes a finding."""
        self.findings.append(Finding(severity, about, where, message, fix))
        self.findings.sort(key=lambda finding: _ORDER[finding.severity])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "ok": self.ok,
            **{k: v for k, v in asdict(self).items() if k != "path"},
        }
