"""What an audit found and what it went through: values, and the report that collects them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from time import perf_counter
from typing import Protocol

from qc_edge.domain.anchor import ChainHead

_LISTED_PER_KIND = 50
"""Findings of one kind that are listed; the rest is only counted. One deleted folder must not bury
the other findings under a hundred thousand lines.
"""


class Severity(str, Enum):
    """How bad a finding is: a fault was altered or lost, a warning should be looked at by a person,
    a note is good to know and leaves the audit clean.
    """

    FAULT = "fault"
    WARNING = "warning"
    NOTE = "note"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One thing that does not hold: what, where it is, what to do. `kind` is a stable code."""

    severity: Severity
    kind: str
    what: str
    where: str
    hint: str


def fault(kind: str, what: str, where: str, hint: str) -> AuditFinding:
    """The finding that something was altered or lost."""
    return AuditFinding(Severity.FAULT, kind, what, where, hint)


class AuditProgress(Protocol):
    """Whoever shows how far an audit is. Called from the thread that runs the audit."""

    def update(self, step: str, done: int, total: int) -> None:
        """`step` is at `done` of `total`; a `total` of 0 is not known yet."""


class NoProgress:
    """An AuditProgress that shows nothing."""

    def update(self, step: str, done: int, total: int) -> None:
        """Do nothing."""


@dataclass(slots=True)
class AuditStep:
    """One part of the audit, in words, with what it went through and how long that took (s).

    `count` goes into the report. `total` is how far `show` will come, None if that is not known.
    """

    name: str
    what: str
    progress: AuditProgress
    count: int = 0
    seconds: float = 0.0
    total: int | None = None

    @property
    def rate(self) -> float:
        """How many a second."""
        return self.count / self.seconds if self.seconds else 0.0

    def advance(self, count: int) -> None:
        """`count` more are done: counts them and shows it."""
        self.count += count
        self.show(self.count)

    def show(self, done: int) -> None:
        """Show that `done` of `total` are done, where that is not what is counted."""
        # A running station adds rows meanwhile: the total grows with what is done.
        total = 0 if self.total is None else max(self.total, done)
        self.progress.update(self.name, done, total)


@dataclass(slots=True)
class AuditReport:
    """Findings in the order in which they came up, and the steps in the order they were taken.

    One thread: whoever works in several hands its findings over.
    """

    progress: AuditProgress = field(default_factory=NoProgress)
    findings: list[AuditFinding] = field(default_factory=list)
    steps: list[AuditStep] = field(default_factory=list)
    anchored_to: ChainHead | None = None
    """The newest row that an anchor proves, if anchors were asked for."""
    without_counter: list[str] = field(default_factory=list)
    """The cameras of whose frames none has a number: whether any is missing is not known."""
    _counts: Counter[tuple[Severity, str]] = field(default_factory=Counter)

    def add(self, finding: AuditFinding) -> None:
        """Count a finding, and list it if not too many of its kind are listed already."""
        key = finding.severity, finding.kind
        self._counts[key] += 1
        if self._counts[key] <= _LISTED_PER_KIND:
            self.findings.append(finding)

    def fault(self, kind: str, what: str, where: str, hint: str) -> None:
        """Something was altered or lost."""
        self.add(fault(kind, what, where, hint))

    def warning(self, kind: str, what: str, where: str, hint: str) -> None:
        """Something that a person should look at."""
        self.add(AuditFinding(Severity.WARNING, kind, what, where, hint))

    def note(self, kind: str, what: str, where: str, hint: str = "") -> None:
        """Something good to know; the audit is clean all the same."""
        self.add(AuditFinding(Severity.NOTE, kind, what, where, hint))

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[AuditStep]:
        """A part of the audit, timed; `what` is what it counts, in words."""
        step, begun = AuditStep(name, what, self.progress), perf_counter()
        self.steps.append(step)
        step.show(0)
        try:
            yield step
        finally:
            step.seconds = perf_counter() - begun

    def count(self, severity: Severity) -> int:
        """How many findings of this severity there are, listed or not."""
        return sum(count for key, count in self._counts.items() if key[0] is severity)

    @property
    def not_listed(self) -> dict[str, int]:
        """Kinds of which there are too many to list, and how many more there are."""
        return {
            kind: count - _LISTED_PER_KIND
            for (_, kind), count in self._counts.items()
            if count > _LISTED_PER_KIND
        }

    @property
    def is_clean(self) -> bool:
        """True if there is nothing but notes."""
        return not self.count(Severity.FAULT) and not self.count(Severity.WARNING)
