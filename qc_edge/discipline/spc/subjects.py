"""What a chart is about: its regime, and which rate or figure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from qc_edge.query.control.counts import Regime


class Subject(str, Enum):
    """What a chart is about."""

    FAIL = "FAIL"
    CLASS = "FAIL of class"
    INVALID = "INVALID"
    HELD = "held"
    GATE = "gate"
    SCORE = "score of accepted"

    __str__ = str.__str__


RATES = frozenset({Subject.FAIL, Subject.CLASS, Subject.INVALID, Subject.HELD})
"""The others are figures."""


@dataclass(frozen=True, slots=True)
class ChartKey:
    """A chart: of which regime, and of what; `name` is the class, reason or figure."""

    regime: Regime
    subject: Subject
    name: str = ""

    @property
    def title(self) -> str:
        """For people: `top: FAIL of class scratch`."""
        return f"{self.regime.of}: {self.what}"

    @property
    def what(self) -> str:
        """`FAIL of class scratch`, `focus`."""
        if self.subject is Subject.GATE:
            return self.name.replace("_", " ")
        return f"{self.subject} {self.name}".strip()
