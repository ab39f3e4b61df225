"""One thing that a check-up has seen, and how it weighs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Level(str, Enum):
    """How a finding weighs: a fault keeps the station from running, a warning does not."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"

    __str__ = str.__str__


Seen = tuple[Level, str, str]
"""Level, what was seen, and what to do about it ("" if nothing)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was seen, and what to do about it; `exit_code` is 0 unless a
    fault.
    """

    station: str
    area: str
    level: Level
    said: str
    hint: str = ""
    exit_code: int = 0


def ok(said: str) -> Seen:
    """Nothing to do."""
    return Level.OK, said, ""


def worst_exit_code(findings: Sequence[Finding]) -> int:
    """The exit code of the fault to mend first (findings come in that order); 0 without one."""
    return next((finding.exit_code for finding in findings if finding.exit_code), 0)
