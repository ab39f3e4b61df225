"""The events of what differs between two states of the rules: what, by whom, by which record.

The same events are written for what changed between two runs and for what changes while the station
runs. Writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from qc_edge.domain.activation import STATION_RECIPE
from qc_edge.domain.calibration import calibration_record
from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.domain.in_force import InForce, record_kind, threshold_record
from qc_edge.domain.threshold import ThresholdRecord
from qc_edge.recipe.rules import Rules
from qc_edge.settings.change import differences, settings_text

_DIGITS = 12


def settings_record(digest: str) -> str:
    """The file that keeps the settings with this digest, below the station's state directory."""
    return f"settings/{digest}.json"


@dataclass(frozen=True, slots=True)
class RuleChanges:
    """From the snapshot `old` (None on the first start) to `rules`, whose snapshot is `now`.

    `threshold` is the id of the threshold before. `found` ends the words of what nobody has
    announced; `remark` says what there is to say of a record that is replaced: "" if its file is as
    it was.
    """

    old: InForce | None
    threshold: str | None
    rules: Rules
    now: InForce
    found: str
    remark: Callable[[str], str]

    def events(self, kept_settings: dict[str, Any] | None) -> Iterator[Occurrence]:
        """An event for each thing that differs; `kept_settings` are those of `old`, None if nobody
        has them any more.
        """
        yield from self._recipe()
        yield from self._model()
        yield from self._engine_and_software()
        yield from self._calibrations()
        own = self.rules.threshold.threshold_id
        bundle = self.rules.bundle.reference
        yield from self._threshold(self.threshold, own, self.rules.record, bundle)
        yield from self._views()
        if self.old and self.old.settings != self.now.settings:
            yield from self._settings(self.old.settings, kept_settings)

    def _recipe(self) -> Iterator[Occurrence]:
        """Of the changeover in force, unless it was so before; with who and why."""
        old, now, in_force = self.old, self.now, self.rules.recipe_in_force
        if in_force is None or (old and old.changeover == now.changeover):
            return
        before = (old.recipe if old else None) or STATION_RECIPE
        changeover, record = in_force.changeover, f"changeovers/{now.changeover}.toml"
        yield Occurrence(
            EventKind.RECIPE,
            f"{before} -> {in_force.reference}, {changeover.words}",
            before,
            in_force.reference,
            changeover.made_by,
            changeover.reason,
            record,
            now.records.get(record),
        )

    def _model(self) -> Iterator[Occurrence]:
        """With who and why, if a person has activated the model."""
        old, now, activation = self.old, self.now, self.rules.active_model.activation
        before = old.model if old else None
        record = _activation_of(now) or self.rules.bundle.record
        replaced = _activation_of(old)
        # An activation of the bundle that judges already changes no score, but is a decision.
        is_decision = bool(activation and old and old.records and replaced != record)
        if before == now.model and not is_decision:
            return
        words = f"{before} -> {now.model}" if before else now.model
        if activation:
            words = f"{words}, {activation.words}{self.remark(replaced) if replaced else ''}"
            who, why = activation.made_by, activation.reason
            sha256 = now.records.get(record)
            yield Occurrence(EventKind.MODEL, words, before, now.model, who, why, record, sha256)
        elif before:
            yield Occurrence(
                EventKind.MODEL,
                f"{words}{self.found}",
                before,
                now.model,
                record=record,
                record_sha256=now.records.get(record),
            )

    def _engine_and_software(self) -> Iterator[Occurrence]:
        old, now = self.old, self.now
        if old and old.engine != now.engine:
            detail = f"{old.engine} -> {now.engine}{self.found}"
            yield Occurrence(EventKind.ENGINE, detail, old.engine, now.engine)
        if old and old.software != now.software:
            detail = f"{old.software} -> {now.software}{self.found}"
            yield Occurrence(EventKind.SOFTWARE, detail, old.software, now.software)

    def _calibrations(self) -> Iterator[Occurrence]:
        """On the first start those that a person has made; what a new station begins with is no
        change.
        """
        for camera, record in self.rules.calibrations.items():
            before = self.old.calibrations.get(camera) if self.old else None
            if before == record.calibration_id or (self.old is None and record.starting):
                continue
            path = calibration_record(record.calibration_id)
            note = self.remark(calibration_record(before)) if before else ""
            words = f"{camera}: {record.calibration_id} by {record.made_by}"
            yield Occurrence(
                EventKind.CALIBRATION,
                f"{words}, due {record.due_at:%Y-%m-%d}{self.found}{note}",
                before,
                record.calibration_id,
                record.made_by,
                record.why,
                record=path,
                record_sha256=self.now.records.get(path),
            )

    def _views(self) -> Iterator[Occurrence]:
        """Of each view what it does not share with the station; a view that is new stands in the
        settings' change.
        """
        old, now = self.old, self.now
        for name, view in self.rules.views.items():
            was, judges = old.views.get(name) if old else None, now.views[name]
            of = f"view {name}: "
            if old and was and name in self.rules.view_engines:
                if was.model != judges.model:
                    yield Occurrence(
                        EventKind.MODEL,
                        f"{of}{was.model} -> {judges.model}{self.found}",
                        was.model,
                        judges.model,
                        record=view.bundle.record,
                        record_sha256=now.records.get(view.bundle.record),
                    )
                if was.engine != judges.engine:
                    detail = f"{of}{was.engine} -> {judges.engine}{self.found}"
                    yield Occurrence(EventKind.ENGINE, detail, was.engine, judges.engine)
            before = was.threshold if was else None
            shared = (old.threshold if old else None, now.threshold)
            if (before, judges.threshold) != shared:
                record = self.rules.thresholds.get(name)
                reference = f"view {name}, {view.bundle.reference}"
                yield from self._threshold(before, judges.threshold, record, reference)

    def _threshold(
        self, before: str | None, after: str, record: ThresholdRecord | None, of: str
    ) -> Iterator[Occurrence]:
        """On the first start (without one before) only a record that a person has made is a
        change.
        """
        if before == after or (before is None and record is None):
            return
        change = f"{before} -> {after}" if before else after
        words = f"{change} for {of}"
        replaced = threshold_record(before) if before else None
        note = self.remark(f"thresholds/{replaced}.toml") if replaced else ""
        if record is None:
            who = "settings" if after.startswith("settings:") else "bundle"
            yield Occurrence(EventKind.THRESHOLD, f"{words}{note}", before, after, who)
            return
        path = f"thresholds/{record.record_id}.toml"
        yield Occurrence(
            EventKind.THRESHOLD,
            f"{words}, {record.words}{note}",
            before,
            after,
            record.made_by,
            record.reason,
            path,
            self.now.records.get(path),
        )

    def _settings(self, before: str, kept: dict[str, Any] | None) -> Iterator[Occurrence]:
        after, record = self.now.settings, settings_record(self.now.settings)
        if kept is None:
            words = (
                f"settings {before[:_DIGITS]} -> {after[:_DIGITS]}{self.found}; what differs is "
                f"not known: {settings_record(before)} is missing or has been changed"
            )
            yield Occurrence(
                EventKind.SETTINGS, words, before, after, record=record, record_sha256=after
            )
            return
        for change in differences(kept, json.loads(settings_text(self.rules.settings))):
            yield Occurrence(
                EventKind.SETTINGS,
                f"{change}{self.found}",
                str(change.before),
                str(change.after),
                record=record,
                record_sha256=after,
            )


def _activation_of(snapshot: InForce | None) -> str | None:
    """The path of the activation in the snapshot, if there is one."""
    records = snapshot.records if snapshot else ()
    return next((path for path in records if record_kind(path) == "activations"), None)
