"""The conveyor behind the camera: a gate that opens for good parts alone, and three bins."""

from __future__ import annotations

from dataclasses import dataclass, field

from qc_edge.domain.verdict import Disposition


@dataclass(slots=True)
class Conveyor:
    """Where each part went, by its number. A part that no gate was opened for is ejected."""

    bins: dict[Disposition, list[int]] = field(
        default_factory=lambda: {each: [] for each in Disposition}
    )
    unanswered: list[int] = field(default_factory=list)
    """Of the held ones: those of which the station said nothing at all."""

    def let_through(self, part: int) -> None:
        """The gate opens: on to the customer."""
        self.bins[Disposition.ACCEPT].append(part)

    def eject(self, part: int, *, is_rejected: bool) -> None:
        """Into the bin of rejects, or of those that a person has to look at."""
        self.bins[Disposition.REJECT if is_rejected else Disposition.HOLD].append(part)

    @property
    def total(self) -> int:
        """Parts in all bins."""
        return sum(map(len, self.bins.values()))
