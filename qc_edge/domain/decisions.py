"""Decisions of persons that a station takes up or refuses, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar


class DecisionRecord(Protocol):
    """A dated record that asks for a change; `undoes` is the id of the one that it takes back."""

    @property
    def record_id(self) -> str:
        """Ids sort by time."""

    @property
    def station(self) -> str:
        """Whose it is."""

    @property
    def undoes(self) -> str:
        """Of a rollback, else ""."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the station made of a decision: in force, or refused and why; at aware UTC."""

    applied: bool
    at: datetime
    detail: str


D = TypeVar("D", bound=DecisionRecord)


@dataclass(frozen=True)
class DecisionHistory(Generic[D]):
    """All decisions of one kind, oldest first, and what became of each; one without is to come."""

    decisions: Sequence[D]
    outcomes: Mapping[str, Outcome]

    @property
    def in_force(self) -> D | None:
        """The newest that was applied; None: what the settings say is in force."""
        return next(filter(self._applied, reversed(self.decisions)), None)

    @property
    def pending(self) -> D | None:
        """The newest, if the station has not decided on it yet."""
        newest = self.decisions[-1] if self.decisions else None
        return newest if newest and newest.record_id not in self.outcomes else None

    def undone_by_rollback(self) -> tuple[D, D | None] | None:
        """What a rollback takes back now, and the decision that is in force then (None: what was so
        before the first).

        None if there is nothing to take back.
        """
        standing: list[D] = []
        for decision in filter(self._applied, self.decisions):
            if decision.undoes:
                standing = standing[:-1]
            else:
                standing.append(decision)
        if not standing:
            return None
        return standing[-1], standing[-2] if len(standing) > 1 else None

    def state(self, decision: D) -> str:
        """What has become of it, in words."""
        outcome = self.outcomes.get(decision.record_id)
        if decision == self.in_force:
            return "in force"
        if outcome is not None:
            return "earlier" if outcome.applied else f"refused: {outcome.detail}"
        return "to come" if decision == self.pending else "overtaken"

    def _applied(self, decision: D) -> bool:
        outcome = self.outcomes.get(decision.record_id)
        return outcome is not None and outcome.applied
