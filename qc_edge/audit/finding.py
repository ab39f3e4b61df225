"""What an audit finds, and what it looked at: values only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from time import perf_counter

_EACH = 50
"""So many findings of one kind are told one by one; the rest is counted."""


class Severity(str, Enum):
    """How bad it is: a fault was altered or lost, a warning should be looked at, a note is no
    finding.
    """

    FAULT = "fault"
    WARNING = "warning"
    NOTE = "note"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One thing that does not hold: what, where it is, what to do about it. `kind` is a stable
    code.
    """

    severity: Severity
    kind: str
    what: str
    where: str
    hint: str


@dataclass(slots=True)
class AuditStep:
    """One part of the audit, in words, with what it went through and how long it took (s)."""

    name: str
    what: str
    count: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """So many a second."""
        return self.count / self.seconds if self.seconds else 0.0


Progress = Callable[[str, int, int], None]
"""Told as the work goes: the step's name, how many are done, of how many (0 if that is not known).
"""


@dataclass(slots=True)
class AuditReport:
    """Findings in the order they came up, steps in the order they were taken, and what could not be
    done.
    """

    findings: list[AuditFinding] = field(default_factory=list)
    steps: list[AuditStep] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def fault(self, kind: str, what: str, where: str, hint: str) -> None:
        """Something was altered or lost."""
        self._add(AuditFinding(Severity.FAULT, kind, what, where, hint))

    def warning(self, kind: str, what: str, where: str, hint: str) -> None:
        """Something that a person should look at."""
        self._add(AuditFinding(Severity.WARNING, kind, what, where, hint))

    def note(self, kind: str, what: str, where: str, hint: str = "") -> None:
        """Good to know; the audit is clean all the same."""
        self._add(AuditFinding(Severity.NOTE, kind, what, where, hint))

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[AuditStep]:
        """A part of the audit, timed."""
        step, begun = AuditStep(name, what), perf_counter()
        self.steps.append(step)
        try:
            yield step
        finally:
            step.seconds = perf_counter() - begun

    def count(self, severity: Severity) -> int:
        """How many findings of this severity there are, told or not."""
        return sum(number for key, number in self._counts.items() if key.startswith(f"{severity}:"))

    @property
    def untold(self) -> dict[str, int]:
        """Kinds of which there are too many to tell, and how many more there are."""
        return {
            key.partition(":")[2]: count - _EACH
            for key, count in self._counts.items()
            if count > _EACH
        }

    @property
    def is_clean(self) -> bool:
        """True if there is nothing but notes."""
        return not self.count(Severity.FAULT) and not self.count(Severity.WARNING)

    def _add(self, finding: AuditFinding) -> None:
        key = f"{finding.severity}:{finding.kind}"
        self._counts[key] += 1
        if self._counts[key] <= _EACH:
            self.findings.append(finding)
