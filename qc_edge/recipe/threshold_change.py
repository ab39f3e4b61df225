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
from qc_edge.domain.threshold import (
    ThresholdRecord,
    ThresholdState,
    record_id,
    record_in_force,
)
from qc_edge.errors import StoreError, UsageError
from qc_edge.query.last_snapshot import last_snapshot
from qc_edge.recipe.active_model import active_reference
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.rules import threshold_in_force
from qc_edge.records import activations, thresholds
from qc_edge.service.clock import utc_now
from qc_edge.service.lock import holder_of
from qc_edge.settings import Role, Settings, StationPaths, ViewSettings, load_settings
from qc_edge.settings.paths import shipped

TAKEN_UP_S = 3.0
"""A running station looks twice a second."""


@dataclass(frozen=True, slots=True)
class ThresholdChange:
    """A change that a person asks for: a score in 0..1, from `at` on (aware; None: at once); with
    the proposal that it approves.
    """

    value: float
    by: str
    reason: str
    at: datetime | None
    proposed_by: str | None = None
    proposal: str | None = None

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


def current_threshold(
    paths: StationPaths, view: str | None = None, *, allow_damaged: bool = False
) -> ThresholdState:
    """The threshold of the bundle that the station, or that `view` of a part, runs, or will run
    when it starts.

    Raises UsageError if there is no such view, SettingsError, ModelError, and ThresholdError on a
    damaged record unless that is allowed: a new record is the way out of it.
    """
    settings = load_settings(paths.settings)
    running = holder_of(paths.lock(Role.INSPECT)) is not None
    status = _status(paths.status) if running else {}
    own = _view(settings, view)
    reference = (
        (own.bundle if own else None)
        or status.get("model")
        or active_reference(activations.load(paths.activations), settings.model)
    )
    bundle = load_bundle(reference, [paths.models, shipped("models")])
    records, damaged = thresholds.sound_and_damaged(paths.thresholds)
    if damaged and not allow_damaged:
        records = thresholds.load_all(paths.thresholds)
    last, now = last_snapshot(paths), utc_now()
    inherits = own is not None and own.bundle is None and own.threshold is None
    inherited = record_in_force(records, bundle.sha256, now) if inherits else None
    initial = threshold_in_force(settings.model, bundle, inherited, own)
    return ThresholdState(
        bundle.reference,
        bundle.sha256,
        initial.value,
        initial.threshold_id,
        tuple(records),
        running,
        now,
        tuple(damaged),
        last.of_view(view).threshold if last else None,
        view,
        own.frames_of if own else None,
        tuple(each.name for each in settings.view),
        last.recipe if last else None,
    )


def _view(settings: Settings, name: str | None) -> ViewSettings | None:
    if name is None:
        return None
    for view in settings.view:
        if view.name == name:
            return view
    known = ", ".join(view.name for view in settings.view)
    raise UsageError(
        f"{settings.station.name} has no view {name!r}",
        hint=f"its views: {known}" if known else "it has no [[view]]: leave --view out",
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
        before.view,
        change.proposed_by,
        change.proposal,
    )
    thresholds.write(paths.thresholds, record)
    for name in before.damaged:
        thresholds.set_aside(paths.thresholds, name, paths.set_aside)
    return record


def check_change(
    paths: StationPaths, before: ThresholdState, change: ThresholdChange, now: datetime
) -> None:
    """Raise UsageError or StoreError for a change that could not be written, or changes nothing."""
    if before.views and before.view is None:
        raise UsageError(
            f"each view of {paths.name} has a threshold of its own, and none is named",
            hint=f"--view NAME; its views: {', '.join(before.views)}",
        )
    if change.proposal is None and load_settings(paths.settings).approval.threshold:
        raise UsageError(
            "two people look at a threshold here: [approval] threshold in the settings",
            hint=f"qc-edge threshold {paths.name} propose {change.value:g} --by WHO --reason TEXT",
        )
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
    while _threshold_id(_status(paths.status), record.view) != record.threshold_id:
        if time.monotonic() > end:
            return False
        pause.wait(0.05)
    return True


def _threshold_id(status: dict[str, Any], view: str | None) -> str | None:
    if view is None:
        return status.get("threshold_id")
    of_views = {each["name"]: each["threshold_id"] for each in status.get("views", [])}
    return of_views.get(view)


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
