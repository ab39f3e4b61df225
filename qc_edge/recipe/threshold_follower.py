"""The threshold records of a running station: taken up as they come, each when its time has come.

Reads the directory of records and says what changes; never writes there, never decides about parts.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.threshold import ThresholdRecord, record_in_force
from qc_edge.errors import ThresholdError
from qc_edge.recipe.rules import Rules
from qc_edge.records import thresholds
from qc_edge.service.logs import LOG


class ThresholdFollower:
    """Says which threshold record is in force. Used by one thread at a time.

    Records never change, so that those which were read once are not read again.
    """

    def __init__(self, directory: Path, events: EventLog, now: Callable[[], datetime]) -> None:
        self._directory = directory
        self._now = now
        self._events = events
        self._records: dict[str, ThresholdRecord] = {}
        self._refused: set[str] = set()

    def read(
        self, models: Mapping[str | None, str], before: Rules | None, standing: Container[str]
    ) -> dict[str | None, ThresholdRecord]:
        """Take up all records; those that rule these models now, as `Rules.models` has them.

        `before` are the rules so far; at a start, which has none, `standing` has the ids of the
        thresholds that were in force last: a clock that is set back takes no record away. Raises
        ThresholdError on a damaged record: none may be passed over unseen.
        """
        self._records = {
            record.record_id: record for record in thresholds.load_all(self._directory)
        }
        self._refused.clear()
        ruling = {}
        for view, model_sha256 in models.items():
            until = self._due_until(before, view)
            for record in self._records.values():
                if before is None and record.view == view and record.threshold_id in standing:
                    until = max(until, record.at)
            found = record_in_force(self._records.values(), model_sha256, until, view)
            if found is not None:
                ruling[view] = found
        return ruling

    def follow(self, rules: Rules) -> Rules | None:
        """Take up what is new: `rules` with the record whose time has come, None if nothing
        changes.

        A record that is damaged is reported once and changes nothing.
        """
        for name in sorted(
            set(thresholds.names(self._directory)) - self._records.keys() - self._refused
        ):
            self._load(name)
        ruling = {}
        for view, model_sha256 in rules.models.items():
            before = rules.thresholds.get(view)
            record = self._due(rules, view, model_sha256)
            # It may have been read long before its time: what judges is what is there now.
            while record and record != before and self._load(record.record_id) != record:
                record = self._due(rules, view, model_sha256)
            if record is not None:
                ruling[view] = record
        return None if ruling == rules.thresholds else replace(rules, thresholds=ruling)

    def _due(self, rules: Rules, view: str | None, model_sha256: str) -> ThresholdRecord | None:
        until = self._due_until(rules, view)
        return record_in_force(self._records.values(), model_sha256, until, view)

    def _load(self, name: str) -> ThresholdRecord | None:
        """The record, taken up; None if it is refused, and then no more until the next reload."""
        try:
            self._records[name] = thresholds.load(self._directory, name)
        except ThresholdError as fault:
            self._records.pop(name, None)
            self._refused.add(name)
            detail = f"the threshold in force stays: {fault.message}"
            self._events.report(Occurrence(EventKind.THRESHOLD_REFUSED, detail))
            return None
        return self._records[name]

    def _due_until(self, rules: Rules | None, view: str | None) -> datetime:
        """Records whose time is up to this moment have come: now, or that of the one in force.

        Once a record is in force, no clock that is stepped back takes it away.
        """
        now, record = self._now(), rules.thresholds.get(view) if rules else None
        return max(now, record.at) if record else now


def warn_if_overruled(before: Rules, after: Rules) -> None:
    """Say that a threshold was changed in the settings while a record is in force: that has no
    effect.
    """
    if after.record and after.settings.model.threshold != before.settings.model.threshold:
        LOG.warning(
            "model.threshold has no effect: the record %s is in force", after.record.record_id
        )
