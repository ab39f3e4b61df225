"""What led to an inspection and what came after it, in order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from qc_edge.domain.events import Event
from qc_edge.domain.evidence.deletion import Deletion
from qc_edge.domain.evidence.hold_entry import HoldAction, HoldEntry
from qc_edge.domain.inspection import Inspection, Label
from qc_edge.report.exposure import exposure_entry
from qc_edge.report.part_report import ExaminedInspection


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """Something that happened: when (aware UTC), what, and by whom or what.

    `weight` is the style in the HTML report: `main` for the inspection itself, `label` for a
    person's judgement, else empty.
    """

    at: datetime
    what: str
    who: str
    weight: str = ""


def timeline(inspection: ExaminedInspection) -> list[TimelineEntry]:
    """Changes and troubles before and around the inspection, itself, its labels, holds and
    deletions, oldest first.
    """
    logged, calibration = inspection.logged, inspection.calibration
    # An event may be among both: the last change of its kind, and within ten minutes.
    events = {event.event_id: event for event in (*logged.changes, *logged.around)}
    entries = [_event_entry(event) for event in events.values()]
    if calibration is not None:
        what = f"calibration of camera {calibration.camera}: {calibration.source}"
        entries.append(TimelineEntry(calibration.made_at, what, calibration.made_by))
    for gap in logged.gaps:
        what = f"{gap.lost} frames lost, {gap.reason}: {gap.detail}"
        entries.append(TimelineEntry(gap.noticed_at, what, gap.camera))
    entries += _inspection_entries(inspection.row)
    entries += _label_entries(logged.labels)
    entries += _hold_entries(logged.hold_entries)
    entries += [_deletion_entry(deletion) for deletion in logged.deletions]
    return sorted(entries, key=lambda entry: entry.at)


def _event_entry(event: Event) -> TimelineEntry:
    reason = f" ({event.why})" if event.why else ""
    what = f"{event.kind.replace('_', ' ')}: {event.detail}{reason}"
    return TimelineEntry(event.recorded_at, what, event.who)


def _inspection_entries(row: Inspection) -> list[TimelineEntry]:
    exposed = f"{exposure_entry(row)}, frame {row.frame_id}"
    verdict = f"{row.verdict}, decided {row.disposition}: {row.detail}"
    model = f"{row.model_name}@{row.model_version}"
    return [
        TimelineEntry(row.captured_at, exposed, f"camera {row.camera}", "main"),
        TimelineEntry(row.recorded_at, verdict, model, "main"),
    ]


def _hold_entries(entries: tuple[HoldEntry, ...]) -> Iterator[TimelineEntry]:
    for entry in entries:
        word = "held" if entry.action == HoldAction.HOLD else "released"
        which = f" ({entry.cause}, {entry.hold_id})" if entry.hold_id else ""
        yield TimelineEntry(entry.recorded_at, f"{word}{which}: {entry.why}", entry.who, "label")


def _deletion_entry(deletion: Deletion) -> TimelineEntry:
    what = f"pictures deleted ({deletion.pictures}) by the rule: {deletion.rule}"
    return TimelineEntry(deletion.recorded_at, what, "station")


def _label_entries(labels: tuple[Label, ...]) -> Iterator[TimelineEntry]:
    for label in labels:
        defect_class = f", {label.defect_class}" if label.defect_class else ""
        why = f": {label.why}" if label.why else ""
        what = f"labelled {label.label}{defect_class}{why}"
        yield TimelineEntry(label.recorded_at, what, label.who, "label")
    if len({label.label for label in labels}) > 1:
        last = labels[-1]
        what = "disputed: people do not agree"
        yield TimelineEntry(last.recorded_at, what, last.who, "label")
