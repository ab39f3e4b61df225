"""How long the pictures of an inspection are kept, as values: classes, rules, the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class RetentionClass(str, Enum):
    """As what the rules see an inspection; several may fit. The codes stand in the rows."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    INVALID = "invalid"
    NEAR_THRESHOLD = "near_threshold"
    REVIEWED = "reviewed"
    AUDIT = "audit"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class KeepRule:
    """Keep for `days` (None: for ever), and behind that every `every`-th by digest (0: none)."""

    days: float | None
    every: int = 0

    def words(self, retention_class: str) -> str:
        """As a row of a deletion has it."""
        assert self.days is not None  # noqa: S101
        thinned = f", one in {self.every} kept" if self.every else ""
        return f"{retention_class}: {self.days:g} days{thinned}"


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """A rule for each class. Of the classes that fit an inspection, the one that keeps it longest
    counts. `least_days`: nothing younger goes, however short the room is.
    """

    rules: Mapping[RetentionClass, KeepRule]
    least_days: float = 1.0

    @property
    def soonest_days(self) -> float | None:
        """Nothing younger than this goes by its days; None: nothing ever goes."""
        return min(
            (rule.days for rule in self.rules.values() if rule.days is not None), default=None
        )
