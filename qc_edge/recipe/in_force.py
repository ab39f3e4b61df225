"""What is in force, written into the log: each change as an event, and then all of it as one.

Decides nothing.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.acceptance import ScoreSource, score_words
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.in_force import InForce, ViewInForce
from qc_edge.engine import EngineInfo
from qc_edge.errors import StoreError
from qc_edge.recipe.kept_records import remark_on
from qc_edge.recipe.rule_changes import RuleChanges, settings_record
from qc_edge.recipe.rules import Rules, ViewRules
from qc_edge.records.record_file import file_digest
from qc_edge.settings import Role, StationPaths
from qc_edge.settings.change import settings_text
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import Disk, write_file
from qc_edge.store.log import lookups
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.set_aside import move_aside

_DIGITS = 12


def snapshot(rules: Rules) -> InForce:
    """What is in force under these rules."""
    scores = score_source(rules.bundle, rules.engine)
    return InForce(
        software=rules.software_version,
        model=scores.model,
        engine=scores.engine,
        threshold=rules.threshold.threshold_id,
        calibrations={
            camera: record.calibration_id for camera, record in rules.calibrations.items()
        },
        settings=rules.digest,
        records={**rules.records, settings_record(rules.digest): rules.digest},
        views={name: _view_in_force(view) for name, view in rules.views.items()},
        recipe=rules.recipe,
        changeover=rules.recipe_in_force.changeover.record_id if rules.recipe_in_force else None,
    )


def _view_in_force(view: ViewRules) -> ViewInForce:
    scores = score_source(view.bundle, view.engine)
    return ViewInForce(scores.model, scores.engine, view.threshold.threshold_id)


def score_source(bundle: Bundle, engine: EngineInfo) -> ScoreSource:
    """The model and engine that scores come from, in the words of the log."""
    words = f"{engine.backend} {engine.version} on {engine.device}"
    return score_words(bundle.reference, bundle.sha256, words, engine.plan_sha256)


def last_score_sources(ledger: Ledger) -> list[ScoreSource]:
    """The models and engines of the newest snapshot in the log, the station's own first; none if
    there is no snapshot that this version reads.
    """
    last = last_in_force(ledger)
    judging = [last.own, *last.views.values()] if last else []
    return [ScoreSource(each.model, each.engine) for each in judging]


def last_in_force(ledger: Ledger) -> InForce | None:
    """The newest snapshot in the log; None if there is none that this version reads."""
    text = ledger.last_event_after(EventKind.IN_FORCE)
    try:
        return InForce.from_json(text) if text else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # of a version that wrote it otherwise


class InForceRecorder:
    """Writes what changes, whole: its events and what is in force from then on, in one commit.

    Used by one thread at a time. Keeps every settings that were ever in force, by digest.
    """

    def __init__(self, ledger: Ledger, paths: StationPaths, events: EventLog) -> None:
        self._ledger = ledger
        self._paths = paths
        self._events = events

    def begin(self, rules: Rules) -> None:
        """At the start, before anything is judged: the events of what has changed since the last
        run.

        On the first start that is what people have made before it. Raises StoreError.
        """
        before = last_in_force(self._ledger)
        threshold = self._ledger.last_threshold_id()
        if rules.views:
            # The newest row is of any view: only the snapshot knows the station's own.
            threshold = before.threshold if before else None
        # A power cut in the middle of the last commit may have left the first of its events.
        standing = self._ledger.ask(partial(lookups.events_since, kind=EventKind.IN_FORCE))
        self._write(before, threshold, rules, " (found at the start)", standing)

    def record(self, before: Rules, after: Rules) -> None:
        """While the station runs: the events of this change, durable on return.

        Raises DiskFullError or StoreError; then the change must not come into force.
        """
        old = snapshot(before)
        self._write(old, old.threshold, after, "", set())

    def _write(
        self,
        before: InForce | None,
        threshold: str | None,
        rules: Rules,
        found: str,
        standing: set[tuple[str, str | None]],
    ) -> None:
        now = snapshot(rules)

        def remark(path: str) -> str:
            return remark_on(self._paths, path, before.record_files() if before else {})

        kept = self._kept(before.settings) if before else None
        events = [
            event
            for event in RuleChanges(before, threshold, rules, now, found, remark).events(kept)
            if (event.kind, event.after) not in standing
        ]
        # First the settings by their digest: the events say that they are kept.
        events += self._keep_settings(
            rules, is_new=before is None or before.settings != now.settings
        )
        if now != before:
            words = f"{rules.bundle.reference} on {now.engine}, threshold {now.threshold}"
            if now.recipe:
                words = f"recipe {now.recipe}; {words}"
            for name, view in rules.views.items():
                judged = f"{view.bundle.reference}, threshold {view.threshold.threshold_id}"
                words = f"{words}; view {name}: {judged}"
            separator = ";" if rules.views else ","
            detail = f"{words}{separator} settings {now.settings[:_DIGITS]}"
            record = settings_record(now.settings)
            events.append(
                Occurrence(
                    EventKind.IN_FORCE,
                    detail,
                    after=now.to_json(),
                    record=record,
                    record_sha256=now.settings,
                )
            )
        self._events.record(events)

    def _keep_settings(self, rules: Rules, *, is_new: bool) -> list[Occurrence]:
        """Keep the settings in force by their digest; the event that they had to be written anew.

        They are what /etc says, and their digest is the event's: what the file has lost is there.
        """
        record = settings_record(rules.digest)
        path = self._paths.settings_history / f"{rules.digest}.json"
        found = file_digest(path)
        if found == rules.digest:
            return []
        if found is not None:
            make_directories([self._paths.set_aside])
            move_aside(path, self._paths.set_aside / f"settings-{path.name}")
            Disk().sync_directory(self._paths.set_aside)  # before another takes its name
        write_file(path, settings_text(rules.settings).encode())
        if is_new and found is None:
            return []
        what = "was missing" if found is None else f"had been changed (sha256 {found[:_DIGITS]}…)"
        detail = f"{record} {what}: written anew from the settings in force, which have its digest"
        return [Occurrence(EventKind.LOG_MENDED, detail, record=record, record_sha256=rules.digest)]

    def _kept(self, digest: str) -> dict[str, Any] | None:
        """The settings with that digest; None if they are missing or not those."""
        path = self._paths.settings_history / f"{digest}.json"
        if file_digest(path) != digest:
            return None
        kept: dict[str, Any] = json.loads(path.read_bytes())
        return kept


def waiting_for_log(fault: StoreError) -> str:
    """The trouble of a station while a change waits for the log to take its event."""
    return f"a change is not in force, the log did not take its event: {fault.message}"


def describe_start(roles: tuple[Role, ...], rules: Rules | None) -> str:
    """What the event `started` says: roles, model, engine and why this one, threshold."""
    words = " and ".join(map(str, roles))
    if rules is None:
        return words
    engine = rules.engine
    of_views = "".join(
        f"; view {name}: {view.bundle.reference}, threshold {view.threshold.threshold_id}"
        for name, view in rules.views.items()
    )
    return (
        f"{words}; {rules.bundle.reference} on {engine.backend} {engine.version} "
        f"({engine.reason}); "
        f"threshold {rules.threshold.threshold_id}{of_views}"
    )
