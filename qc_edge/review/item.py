"""One inspection on the review queue, with everything that a page needs to show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from qc_edge.review.reasons import ReviewCause, ReviewReason

BASE = (
    "frame_id",
    "part_id",
    "lot",
    "recorded_at",
    "camera",
    "verdict",
    "score",
    "threshold",
    "raw_path",
    "raw_sha256",
    "map_path",
    "chain_seq",
)
"""Columns of an inspection that an item has."""


@dataclass(slots=True)
class ReviewItem:
    """An inspection and why a person should look at it.

    `recorded_at` in UTC, without a zone; paths relative to the station's state. `blind`: labels
    that exist are not to be shown.
    """

    frame_id: str
    part_id: str
    lot: str | None
    recorded_at: datetime
    camera: str
    verdict: str
    score: float | None
    threshold: float
    raw_path: str | None
    raw_sha256: str | None
    map_path: str | None
    chain_seq: int
    causes: dict[ReviewReason, ReviewCause] = field(default_factory=dict)

    @property
    def information(self) -> float:
        """How much a look would tell: the sum over its causes."""
        return sum(cause.weight for cause in self.causes.values())

    @property
    def blind(self) -> bool:
        """True for a second opinion: labels that exist are not to be shown."""
        return ReviewReason.SECOND_OPINION in self.causes

    @property
    def why(self) -> list[str]:
        """The causes in words, the heaviest first."""
        ranked = sorted(self.causes.values(), key=lambda cause: -cause.weight)
        return [cause.words for cause in ranked]

    def to_json_values(self) -> Mapping[str, Any]:
        """As `qc-edge review --json` has it."""
        values = {name: getattr(self, name) for name in BASE if name != "chain_seq"}
        values["recorded_at"] = self.recorded_at.isoformat()
        return {
            **values,
            "information": round(self.information, 4),
            "reasons": [str(reason) for reason in self.causes],
            "why": self.why,
            "blind": self.blind,
        }
