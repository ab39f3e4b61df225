"""A part as the log has it, to be decided again from what its views say. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qc_edge.domain.parts.rules import (
    ExpectedView,
    PartDecision,
    PartReason,
    SeenView,
    decide_part,
    rule_from_text,
)
from qc_edge.domain.verdict import HoldReason, Verdict

_OF_ITSELF = {str(HoldReason.RECOVERED), str(HoldReason.LATE), str(PartReason.VIEWS_DISAGREE)}
"""Reasons to hold that its views do not show: how old it was, which frames are of it."""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A row of `parts`, as far as its disposition follows from it, and its views."""

    disposition: str
    reason: str
    rule: str
    views_expected: str
    views_missing: str | None
    seen: tuple[SeenView, ...]

    @property
    def is_held_for_itself(self) -> bool:
        """True if it is held whatever its views say."""
        return self.disposition == "HOLD" and self.reason in _OF_ITSELF

    def decide_again(self) -> PartDecision:
        """What its rule gives for its views. Raises ValueError where the rule is none."""
        needed = {*(view.view for view in self.seen), *(self.views_missing or "").split()}
        expected = [ExpectedView(name, name in needed) for name in self.views_expected.split()]
        return decide_part(rule_from_text(self.rule), expected, self.seen)


def seen_views(views: Sequence[Mapping[str, Any]]) -> tuple[SeenView, ...]:
    """The views of a part from the columns of their inspections: view, verdict, reason, hold_reason
    and score. Raises ValueError for a code that is none.
    """
    return tuple(
        SeenView(
            each["view"],
            Verdict(each["verdict"]),
            each["reason"],
            HoldReason(each["hold_reason"]) if each["hold_reason"] else None,
            each["score"],
        )
        for each in views
    )
