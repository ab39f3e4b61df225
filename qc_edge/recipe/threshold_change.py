"""A station's threshold as a person sees and changes it: what is in force, what came before, a new
record.

Writes threshold records and nothing else; the running station takes them up by itself.
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from qc_edge.bundles.bundle import load_bundle
from qc_edge.domain.moment import parse_moment
from qc_edge.domain.threshold import ThresholdRecord, record_id, record_in_force, scheduled
from qc_edge.errors import StoreError, UsageError
from qc_edge.query.last_snapshot import last_snapshot
from qc_edge.recipe.active_model import active_reference
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.rules import threshold_in_force
from qc_edge.records import activations, thresholds
from qc_edge.service.clock import utc_now
from qc_edge.service.lock import holder_of
from qc_edge.settings import Role, StationPaths, load_settings
from qc_edge.settings.paths import shipped

TAKEN_UP_S = 3.0
"""A running station looks twice a second."""


@dataclass(frozen=True, slots=True)
class ThresholdState:
    """The threshold of a station at `now`: its bundle, the value to begin with, every record.

    `damaged` are the ids of records that are not as they were made; `logged_id` is the id of the
    threshold that the log says was in force last.
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

    @property
    def record(self) -> ThresholdRecord | None:
        """The record in force, if one is."""
        return record_in_force(self.records, self.model_sha256, self.now)

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
        return scheduled(self.records, self.model_sha256, self.now)

    def state(self, record: ThresholdRecord) -> str:
        """What has become of a record, in words."""
        if record.model_sha256 != self.model_sha256:
            return "another model"
        if record == self.record:
            return "in force"
        return "to come" if record.at > self.now else "earlier"


@dataclass(frozen=True, slots=True)
class ThresholdChange:
    """A change that a person asks for: a score in 0..1, from `at` on (aware; None: at once)."""

    value: float
    by: str
    reason: str
    at: datetime | None

    @classmethod
    def parse(
        cls, value: str | None, by: str | None, reason: str | None, at: str | None
    ) -> ThresholdChange:
        """From the options of a command. Raises UsageError that says what is missing or wrong."""
        attribution = Attribution.parse(by, reason)
        if value is None:
            raise UsageError(
                "the new threshold is missing", hint='set 0.42 --by WHO --reason "why"'
            )
        moment = parse_moment(at) if at else None
        return cls(parse_threshold(value), attribution.by, attribution.reason, moment)


def parse_threshold(text: str) -> float:
    """A threshold as a person types it. Raises UsageError if it is no number in 0..1."""
    try:
        value = float(text)
    except ValueError:
        raise UsageError(
            f"the threshold {text!r} is not a number", hint="a score in 0..1 with a point: 0.42"
        ) from None
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise UsageError(
            f"the threshold {text} is outside 0..1",
            hint="scores are in 0..1: at 0 every part FAILs, at 1 nearly none",
        )
    return value


def current_threshold(paths: StationPaths, *, allow_damaged: bool = False) -> ThresholdState:
    """The threshold of the bundle that the station runs, or will run when it starts.

    Raises SettingsError, ModelError, and ThresholdError on a damaged record unless that is allowed:
    a new record is the way out of it.
    """
    settings = load_settings(paths.settings)
    running = holder_of(paths.lock(Role.INSPECT)) is not None
    status = _status(paths.status) if running else {}
    reference = status.get("model") or active_reference(
        activations.load(paths.activations), settings.model
    )
    bundle = load_bundle(reference, [paths.models, shipped("models")])
    initial = threshold_in_force(settings.model, bundle, None)
    records, damaged = thresholds.sound_and_damaged(paths.thresholds)
    if damaged and not allow_damaged:
        records = thresholds.load_all(paths.thresholds)
    last = last_snapshot(paths)
    return ThresholdState(
        bundle.reference,
        bundle.sha256,
        initial.value,
        initial.threshold_id,
        tuple(records),
        running,
        utc_now(),
        tuple(damaged),
        last.threshold if last else None,
    )


def write_change(
    paths: StationPaths, before: ThresholdState, change: ThresholdChange
) -> ThresholdRecord:
    """Write the record of a change; damaged ones that it takes the place of are set aside.

    Raises UsageError, ThresholdError or StoreError; then nothing changes.
    """
    now = utc_now()
    check_change(paths, before, change, now)
    record = ThresholdRecord(
        record_id(now),
        paths.name,
        before.bundle,
        before.model_sha256,
        change.value,
        change.at or now,
        now,
        change.by,
        change.reason,
    )
    thresholds.write(paths.thresholds, record)
    for name in before.damaged:
        thresholds.set_aside(paths.thresholds, name, paths.set_aside)
    return record


def check_change(
    paths: StationPaths, before: ThresholdState, change: ThresholdChange, now: datetime
) -> None:
    """Raise UsageError or StoreError for a change that could not be written, or changes nothing."""
    if change.at is not None and change.at <= now:
        raise UsageError(
            f"--at {change.at:%Y-%m-%d %H:%M:%S} (UTC) has passed, it is {now:%Y-%m-%d %H:%M:%S}",
            hint="verdicts that stand never change; without --at it applies at once",
        )
    is_lost = before.logged_id not in (None, before.threshold_id)
    if change.at is None and change.value == before.value and not (before.damaged or is_lost):
        raise UsageError(
            f"the threshold is {before.value:g} already ({before.threshold_id})",
            hint=f"qc-edge threshold {paths.name} show",
        )
    _must_be_writable(paths)


def wait_until_in_force(
    paths: StationPaths, record: ThresholdRecord, timeout_s: float = TAKEN_UP_S
) -> bool:
    """True as soon as the running station says that it judges by `record`, False after
    `timeout_s`.
    """
    pause, end = threading.Event(), time.monotonic() + timeout_s
    while _status(paths.status).get("threshold_id") != record.threshold_id:
        if time.monotonic() > end:
            return False
        pause.wait(0.05)
    return True


def _must_be_writable(paths: StationPaths) -> None:
    directory = paths.thresholds if paths.thresholds.exists() else paths.state
    if not (directory.is_dir() and os.access(directory, os.W_OK, effective_ids=True)):
        raise StoreError(
            f"{directory} is no directory that this user can write: nothing was changed",
            hint="as the station's user or as root: sudo qc-edge threshold ...",
        )


def _status(path: Path) -> dict[str, Any]:
    try:
        status: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return status
