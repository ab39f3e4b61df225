"""What is in force, written into the log: each change as an event, and then all of it as one.

The same events are written for what changed between two runs and for what changes while the station
runs. Decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.acceptance import ScoreSource
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.engine import EngineInfo
from qc_edge.errors import StoreError
from qc_edge.recipe.rules import Rules
from qc_edge.settings import Role
from qc_edge.settings.change import differences, settings_text
from qc_edge.store.durable import write_file
from qc_edge.store.log.ledger import Ledger

_AT_THE_START = " (found at the start)"
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class InForce:
    """A snapshot of everything that verdicts depend on, by ids and digests.

    `calibrations` has an id for each camera; `settings` is the digest of the settings, which names
    the file that keeps them.
    """

    software: str
    model: str
    engine: str
    threshold: str
    calibrations: dict[str, str]
    settings: str

    @classmethod
    def of(cls, rules: Rules) -> InForce:
        """The snapshot of these rules."""
        scores = score_source(rules.bundle, rules.engine)
        return cls(
            software=rules.software_version,
            model=scores.model,
            engine=scores.engine,
            threshold=rules.threshold.threshold_id,
            calibrations={
                camera: record.calibration_id for camera, record in rules.calibrations.items()
            },
            settings=rules.digest,
        )

    def to_json(self) -> str:
        """As the event `in_force` holds it in `after`."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> InForce:
        """The inverse. Raises ValueError, KeyError or TypeError on foreign content."""
        return cls(**json.loads(text))


def score_source(bundle: Bundle, engine: EngineInfo) -> ScoreSource:
    """The model and engine that scores come from, in the words of the log."""
    plan = f", plan {engine.plan_sha256[:_DIGITS]}" if engine.plan_sha256 else ""
    return ScoreSource(
        f"{bundle.reference} sha256 {bundle.sha256}",
        f"{engine.backend} {engine.version} on {engine.device}{plan}",
    )


def last_score_source(ledger: Ledger) -> ScoreSource | None:
    """The model and engine of the newest snapshot in the log; None if there is none that this
    version reads.
    """
    last = _last(ledger)
    return ScoreSource(last.model, last.engine) if last else None


def _last(ledger: Ledger) -> InForce | None:
    text = ledger.last_event_after(EventKind.IN_FORCE)
    try:
        return InForce.from_json(text) if text else None
    except (ValueError, KeyError, TypeError):
        return None  # of a version that wrote it otherwise


class InForceRecorder:
    """Writes what changes, whole: its events and what is in force from then on, in one commit.

    Used by one thread at a time. `directory` keeps every settings that were ever in force, by
    digest.
    """

    def __init__(self, ledger: Ledger, directory: Path, events: EventLog) -> None:
        self._ledger = ledger
        self._directory = directory
        self._events = events

    def begin(self, rules: Rules) -> None:
        """At the start, before anything is judged: the events of what has changed since the last
        run.

        On the first start that is what people have made before it. Raises StoreError.
        """
        before = _last(self._ledger)
        threshold = self._ledger.last_threshold_id()
        # A power cut in the middle of the last commit may have left the first of its events.
        standing = self._ledger.events_since(EventKind.IN_FORCE)
        self._write(
            [
                change
                for change in self._changes(before, threshold, rules, _AT_THE_START)
                if (change.kind, change.after) not in standing
            ],
            before,
            rules,
        )

    def record(self, before: Rules, after: Rules) -> None:
        """While the station runs: the events of this change, durable on return.

        Raises DiskFullError or StoreError; then the change must not come into force.
        """
        old = InForce.of(before)
        self._write(list(self._changes(old, old.threshold, after, "")), old, after)

    def _write(self, changes: list[Occurrence], before: InForce | None, rules: Rules) -> None:
        now = InForce.of(rules)
        if now != before:
            # First the settings by their digest: the event says that they are kept.
            kept = self._directory / f"{now.settings}.json"
            if not kept.exists():
                write_file(kept, settings_text(rules.settings).encode())
            words = f"{rules.bundle.reference} on {now.engine}, threshold {now.threshold}"
            detail = f"{words}, settings {now.settings[:_DIGITS]}"
            changes.append(Occurrence(EventKind.IN_FORCE, detail, after=now.to_json()))
        self._events.record(changes)

    def _changes(
        self, old: InForce | None, threshold: str | None, rules: Rules, remark: str
    ) -> Iterator[Occurrence]:
        """An event for each thing that differs from `old`.

        `threshold` is the id of the threshold before; `remark` ends the words of each event.
        """
        yield from _score_source_changes(old, rules, remark)
        yield from _calibration_changes(old, rules, remark)
        yield from _threshold_changes(threshold, rules)
        if old and old.settings != rules.digest:
            now = json.loads(settings_text(rules.settings))
            for change in differences(self._kept(old.settings), now):
                before, after = str(change.before), str(change.after)
                yield Occurrence(EventKind.SETTINGS, f"{change}{remark}", before, after)

    def _kept(self, digest: str) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads((self._directory / f"{digest}.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return kept


def _score_source_changes(old: InForce | None, rules: Rules, remark: str) -> Iterator[Occurrence]:
    """Model, engine and software; with who and why, if a person has activated the model."""
    now, activation = InForce.of(rules), rules.active_model.activation
    before = old.model if old else None
    if before != now.model:
        words = f"{before} -> {now.model}" if before else now.model
        if activation:
            who, why = activation.made_by, activation.reason
            detail = f"{words}, {activation.words}"
            yield Occurrence(EventKind.MODEL, detail, before, now.model, who, why)
        elif before:
            yield Occurrence(EventKind.MODEL, f"{words}{remark}", before, now.model)
    if old and old.engine != now.engine:
        detail = f"{old.engine} -> {now.engine}{remark}"
        yield Occurrence(EventKind.ENGINE, detail, old.engine, now.engine)
    if old and old.software != now.software:
        detail = f"{old.software} -> {now.software}{remark}"
        yield Occurrence(EventKind.SOFTWARE, detail, old.software, now.software)


def _calibration_changes(old: InForce | None, rules: Rules, remark: str) -> Iterator[Occurrence]:
    """On the first start those that a person has made; what a new station begins with is no
    change.
    """
    for camera, record in rules.calibrations.items():
        before = old.calibrations.get(camera) if old else None
        if before == record.calibration_id or (old is None and record.starting):
            continue
        words = f"{camera}: {record.calibration_id} by {record.made_by}"
        yield Occurrence(
            EventKind.CALIBRATION,
            f"{words}, due {record.due_at:%Y-%m-%d}{remark}",
            before,
            record.calibration_id,
            record.made_by,
        )


def _threshold_changes(before: str | None, rules: Rules) -> Iterator[Occurrence]:
    """On the first start (`before` is None) only a record that a person has made is a change."""
    after, record = rules.threshold.threshold_id, rules.record
    if before == after or (before is None and record is None):
        return
    change = f"{before} -> {after}" if before else after
    words = f"{change} for {rules.bundle.reference}"
    if record is None:
        who = "settings" if after.startswith("settings:") else "bundle"
        yield Occurrence(EventKind.THRESHOLD, words, before, after, who)
    else:
        words = f"{words}, by {record.made_by}: {record.reason}"
        yield Occurrence(EventKind.THRESHOLD, words, before, after, record.made_by, record.reason)


def waiting_for_log(fault: StoreError) -> str:
    """The trouble of a station while a change waits for the log to take its event."""
    return f"a change is not in force, the log did not take its event: {fault.message}"


def describe_start(roles: tuple[Role, ...], rules: Rules | None) -> str:
    """What the event `started` says: roles, model, engine and why this one, threshold."""
    words = " and ".join(map(str, roles))
    if rules is None:
        return words
    engine = rules.engine
    return (
        f"{words}; {rules.bundle.reference} on {engine.backend} {engine.version} "
        f"({engine.reason}); "
        f"threshold {rules.threshold.threshold_id}"
    )
