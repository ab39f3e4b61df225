"""What a check has found out about a station, and how much it matters. Values only.

This is not the finding of an audit (`qc_edge.audit`). An audit asks whether the log holds together:
its findings are faults alone, each with a stable code and a place in the log, and there may be
thousands of them. A check asks whether a station is fit: what is well is reported too, and a fault
carries the exit code of the command. One class for both would have half of its fields empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from qc_edge.errors import QcEdgeError


class Level(str, Enum):
    """How much a finding matters: a fault keeps the station from its work, a warning does not."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"

    __str__ = str.__str__

    @property
    def colour(self) -> str:
        """What `qc-edge doctor` calls it: green, amber or red."""
        return {"ok": "green", "warning": "amber", "fault": "red"}[self.value]

    @property
    def rank(self) -> int:
        """0 for OK, 1 for WARNING, 2 for FAULT: the exit codes of monitoring plug-ins."""
        return {"ok": 0, "warning": 1, "fault": 2}[self.value]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check has found: how it is, and what to do about it ("" for nothing).

    `exit_code` is that of the error behind a fault, or of a look that was denied, 0 otherwise.
    `area` names what was looked at ("camera top", "disk"); it and `station` are filled in by the
    runner, not by the check.
    """

    level: Level
    message: str
    hint: str = ""
    exit_code: int = 0
    area: str = ""
    station: str = ""

    @classmethod
    def of_error(cls, error: QcEdgeError) -> Finding:
        """The fault that `error` describes, with its hint and exit code."""
        return cls(Level.FAULT, error.message, error.hint, error.exit_code)

    def located(self, station: str, area: str) -> Finding:
        """The same finding with the station and the area that it is about."""
        return replace(self, station=station, area=area)

    def to_json_values(self) -> dict[str, object]:
        """The finding as `qc-edge check --json` prints it; scripts rely on these keys."""
        return {
            "station": self.station,
            "area": self.area,
            "level": self.level,
            "said": self.message,
            "hint": self.hint,
            "exit_code": self.exit_code,
        }


def ok(message: str) -> Finding:
    """Something that is as it should be."""
    return Finding(Level.OK, message)


def warning(message: str, hint: str) -> Finding:
    """Something to look at soon; the station runs all the same."""
    return Finding(Level.WARNING, message, hint)


def fault(message: str, hint: str) -> Finding:
    """Something that keeps the station from its work, seen from outside: without an exit code."""
    return Finding(Level.FAULT, message, hint)


def worst_exit_code(findings: Sequence[Finding]) -> int:
    """The exit code of the fault to mend first (findings come in that order); 0 without one.

    Where there is no fault, but not everything could be looked at, that of the looks denied.
    """
    codes = {
        finding.level: finding.exit_code for finding in reversed(findings) if finding.exit_code
    }
    return codes.get(Level.FAULT) or codes.get(Level.WARNING) or 0
