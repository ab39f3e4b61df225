"""A change of threshold as a record: which value, for which bundle, from when, who, why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ThresholdRecord:
    """Made once, never changed. `value` is a score (0..1), times are aware UTC, `at` is not before
    `made_at`.

    It belongs to the bundle `bundle` (NAME@VERSION) whose model file has the digest `model_sha256`,
    and to no other.
    """

    record_id: str
    station: str
    bundle: str
    model_sha256: str
    value: float
    at: datetime
    made_at: datetime
    made_by: str
    reason: str

    @property
    def threshold_id(self) -> str:
        """What rows judged by it say."""
        return f"{self.record_id}:{self.value:g}"


def record_id(made_at: datetime) -> str:
    """The id of the record that is made at this moment (UTC); ids sort by time."""
    return f"{made_at:%Y%m%dT%H%M%S%f}Z"


def record_in_force(
    records: Iterable[ThresholdRecord], model_sha256: str, now: datetime
) -> ThresholdRecord | None:
    """The record that rules this model at `now`: the one whose time came last, of equals the
    newest.
    """
    come = [each for each in records if each.model_sha256 == model_sha256 and each.at <= now]
    return max(come, key=lambda each: (each.at, each.record_id), default=None)


def scheduled(
    records: Iterable[ThresholdRecord], model_sha256: str, now: datetime
) -> list[ThresholdRecord]:
    """The records of this model whose time is still to come, soonest first."""
    coming = [each for each in records if each.model_sha256 == model_sha256 and each.at > now]
    return sorted(coming, key=lambda each: (each.at, each.record_id))
