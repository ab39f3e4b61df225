"""What another threshold would have told the line of parts that several views see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from qc_edge.domain.parts.stored import StoredPart
from qc_edge.domain.verdict import Disposition
from qc_edge.plot.page import Table


@dataclass(frozen=True, slots=True)
class PartsImpact:
    """Parts by what the line was told and what it would have been told; none without [[view]].

    `unexplained` are those whose disposition is not what their rule gives for their own views.
    """

    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    unexplained: int = 0

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Parts by disposition, before and after."""
        return {
            str(each): (
                sum(count for (before, _), count in self.changes.items() if before == each),
                sum(count for (_, after), count in self.changes.items() if after == each),
            )
            for each in Disposition
        }

    def table(self) -> Table:
        """The counts for people."""
        rows: list[tuple[str, ...]] = [
            (name, f"{before:,}", f"{after:,}", f"{after - before:+,}")
            for name, (before, after) in self.counts.items()
        ]
        return ("", "before", "after", "change"), rows


def replay_parts(parts: Iterable[tuple[StoredPart, StoredPart]]) -> PartsImpact:
    """Decide the parts again: each as it was, and as its views are at another threshold."""
    changes: Counter[tuple[str, str]] = Counter()
    unexplained = 0
    for before, after in parts:
        if before.is_held_for_itself:
            changes[before.disposition, before.disposition] += 1
            continue
        unexplained += str(before.decide_again().disposition) != before.disposition
        changes[before.disposition, str(after.decide_again().disposition)] += 1
    return PartsImpact(changes, unexplained)
