"""An event log in memory, for parts that are tried without a station."""

from __future__ import annotations

from collections.abc import Sequence

from qc_edge.domain.events import Occurrence


class MemoryEventLog:
    """Keeps what it is given, in order."""

    def __init__(self) -> None:
        self.occurrences: list[Occurrence] = []

    def record(self, occurrences: Sequence[Occurrence]) -> None:
        """Durable at once."""
        self.occurrences += occurrences

    def report(self, occurrence: Occurrence) -> None:
        """The same."""
        self.occurrences.append(occurrence)
