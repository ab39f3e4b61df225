"""A change of threshold as a record: which value, for which bundle, from when, who, why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ThresholdRecord:
    """A person's decision on a threshold: a `value` (score, 0..1) from the moment `at` on.

    Made once, never changed; times are aware UTC, `at` is not before `made_at`. It belongs to the
    bundle `bundle` (NAME@VERSION) whose model file has the digest `model_sha256`, to no other; with
    a `view`, to that view of a part alone. `proposal` is the id of the one that `made_by` approved.
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
    view: str | None = None
    proposed_by: str | None = None
    proposal: str | None = None

    @property
    def words(self) -> str:
        """Who answers for it, and why."""
        by = f"{self.made_by}, proposed by {self.proposed_by}" if self.proposed_by else self.made_by
        return f"by {by}: {self.reason}"

    @property
    def threshold_id(self) -> str:
        """The id that rows judged by it have."""
        return f"{self.record_id}:{self.value:g}"


@dataclass(frozen=True, slots=True)
class ThresholdProposal:
    """A threshold that `made_by` would set, in place of `before`; it judges nothing.

    `shown` is what it would have turned over, in words, as the proposer saw it.
    """

    record_id: str
    station: str
    bundle: str
    model_sha256: str
    value: float
    before: float
    shown: str
    made_at: datetime
    made_by: str
    reason: str
    view: str | None = None


@dataclass(frozen=True, slots=True)
class ProposalDecision:
    """What a second person says of a proposal, held to it by the digest of its file (hex)."""

    record_id: str
    station: str
    proposal: str
    proposal_sha256: str
    approved: bool
    role: str
    made_at: datetime
    made_by: str
    reason: str


def record_id(made_at: datetime) -> str:
    """The id of the record that is made at this moment (UTC); ids sort by time."""
    return f"{made_at:%Y%m%dT%H%M%S%f}Z"


def record_in_force(
    records: Iterable[ThresholdRecord], model_sha256: str, now: datetime, view: str | None = None
) -> ThresholdRecord | None:
    """The record that rules this model, in that view, at `now`: the one whose time came last, of
    equals the newest.
    """
    due = [
        record
        for record in records
        if (record.model_sha256, record.view) == (model_sha256, view) and record.at <= now
    ]
    return max(due, key=lambda record: (record.at, record.record_id), default=None)


def scheduled(
    records: Iterable[ThresholdRecord], model_sha256: str, now: datetime, view: str | None = None
) -> list[ThresholdRecord]:
    """The records of this model, in that view, whose time is still to come, soonest first."""
    coming = [
        record
        for record in records
        if (record.model_sha256, record.view) == (model_sha256, view) and record.at > now
    ]
    return sorted(coming, key=lambda record: (record.at, record.record_id))


@dataclass(frozen=True, slots=True)
class ThresholdState:
    """The threshold of a station at `now`: its bundle, the value to begin with, every record.

    `damaged` are the ids of records that are not as they were made; `logged_id` is the id of the
    threshold that the log says was in force last. `view` is whose threshold it is (None: the
    station's), `camera` where its frames come from; `views` are all that there are. `recipe` is
    the recipe in force: its own thresholds go first.
    """

    bundle: str
    model_sha256: str
    initial: float
    initial_id: str
    records: tuple[ThresholdRecord, ...]
    running: bool
    now: datetime
    damaged: tuple[str, ...] = ()
    logged_id: str | None = None
    view: str | None = None
    camera: str | None = None
    views: tuple[str, ...] = ()
    recipe: str | None = None

    @property
    def record(self) -> ThresholdRecord | None:
        """The record in force, if one is."""
        return record_in_force(self.records, self.model_sha256, self.now, self.view)

    @property
    def value(self) -> float:
        """The threshold in force."""
        return self.record.value if self.record else self.initial

    @property
    def threshold_id(self) -> str:
        """The id that rows have of it."""
        return self.record.threshold_id if self.record else self.initial_id

    @property
    def coming(self) -> list[ThresholdRecord]:
        """Records of this bundle whose time is still to come."""
        return scheduled(self.records, self.model_sha256, self.now, self.view)

    def state(self, record: ThresholdRecord) -> str:
        """What has become of a record, in words."""
        if record.model_sha256 != self.model_sha256:
            return "another model"
        if record.view != self.view:
            return f"view {record.view}" if record.view else "another view"
        if record == self.record:
            return "in force"
        return "to come" if record.at > self.now else "earlier"
