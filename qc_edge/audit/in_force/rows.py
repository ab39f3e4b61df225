"""Each inspection held against what was in force then: bundle, engine, settings, calibration and
threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from qc_edge.audit.finding import AuditReport
from qc_edge.audit.in_force.claims import RecordEvent
from qc_edge.domain.in_force import InForce
from qc_edge.query.audit_queries import RULE_RUNS, fetch
from qc_edge.query.rows import Rows

_IN_HAND = 256
"""Frames that were in hand when a change came into force are judged by the rules that they began
with: up to 64 of them, and the rows of gaps, events and shadow scores between.
"""
_BEFORE = timedelta(seconds=1)
"""What was exposed before a changeover is judged by the recipe of then, however long it waited. So
far the clock of its exposure may be from that of the event.
"""
_NODES = "incoming"
_PLAN_DIGITS = 12


@dataclass(frozen=True, slots=True)
class RuleRun:
    """Inspections of one camera, one after the other, that name the same rules: the numbers of the
    first and the last, how many, the first one's frame, and the newest exposure (UTC).
    """

    camera: str
    first: int
    last: int
    count: int
    frame_id: str
    calibration_id: str
    threshold_id: str
    threshold: float
    settings_digest: str
    model_name: str
    model_version: str
    model_sha256: str
    engine_backend: str
    engine_version: str
    engine_device: str
    engine_plan_sha256: str | None
    view: str | None
    recipe: str | None
    exposed_until: datetime

    def differences(self, snapshot: InForce) -> Iterator[str]:
        """What these rows name that is not in the snapshot, in words."""
        plan = self.engine_plan_sha256
        engine = f"{self.engine_backend} {self.engine_version} on {self.engine_device}"
        engine += f", plan {plan[:_PLAN_DIGITS]}" if plan else ""
        calibrations, judged = snapshot.calibrations, snapshot.of_view(self.view)
        for what, said, in_force in (
            (
                "model",
                f"{self.model_name}@{self.model_version} sha256 {self.model_sha256}",
                judged.model,
            ),
            ("engine", engine, judged.engine),
            ("threshold", self.threshold_id, judged.threshold),
            ("settings", self.settings_digest, snapshot.settings),
            ("recipe", self.recipe or "none", snapshot.recipe or "none"),
            (
                "calibration",
                self.calibration_id,
                calibrations.get(self.camera, calibrations.get(_NODES)),
            ),
        ):
            if said != in_force:
                yield f"{what} {said}, in force was {in_force}"


@dataclass(frozen=True, slots=True)
class _Span:
    """A snapshot and the numbers of the rows that may be judged by it; None: of a foreign
    version. `changed_over_at` (UTC): it ended by another recipe.
    """

    snapshot: InForce | None
    first: int
    last: int
    changed_over_at: datetime | None = None

    def last_of(self, run: RuleRun) -> int:
        """The number of the last row that may name it: of frames that waited, any."""
        over = self.changed_over_at
        return 2**62 if over and run.exposed_until <= over + _BEFORE else self.last


def check_rows_in_force(
    report: AuditReport, rows: Rows, events: Sequence[RecordEvent], first: int, last: int
) -> None:
    """Every inspection names what the newest snapshot before it says; `events` of the whole log.

    Rows before the first snapshot (of a version that wrote none) are passed over.
    """
    spans = list(_spans(events))
    with rows.held():
        columns = rows.columns("inspections")
    query = RULE_RUNS
    for name in ("view", "recipe"):
        query = query.replace(f"{{{name}}}", name if name in columns else "NULL::VARCHAR")
    for values in fetch(rows, query, "inspections", first, last):
        run = RuleRun(*values)
        if (at := _uncovered(run, spans)) is not None:
            _report(report, rows.place, run, at, spans)
        value = run.threshold_id.rpartition(":")[2]
        if value and value != f"{run.threshold:g}":
            report.fault(
                "wrong_threshold",
                f"judged by {run.threshold:g}, the threshold that they name is {run.threshold_id}",
                f"{rows.place} row {run.first} ({run.frame_id}) to row {run.last}",
                "hold the parts; compare with the journal of that hour",
            )


def _spans(events: Sequence[RecordEvent]) -> Iterator[_Span]:
    snapshots = [event for event in events if event.kind == "in_force"]
    if not snapshots:
        return
    yield _Span(None, 0, snapshots[0].seq)
    for event, after in zip(snapshots, [*snapshots[1:], None], strict=True):
        now, then = event.snapshot, after.snapshot if after else None
        is_changeover = bool(after and now and then and now.changeover != then.changeover)
        yield _Span(
            now,
            event.seq,
            after.seq + _IN_HAND if after else 2**62,
            after.recorded_at if after and is_changeover else None,
        )


def _uncovered(run: RuleRun, spans: Sequence[_Span]) -> int | None:
    """The number of the first row of the run that no snapshot in force then covers; None if all
    are.
    """
    at = run.first
    for span in spans:
        fits = span.snapshot is None or not any(run.differences(span.snapshot))
        if fits and span.first < at <= (last := span.last_of(run)):
            at = last + 1
    return at if spans and at <= run.last else None


def _report(report: AuditReport, place: str, run: RuleRun, at: int, spans: Sequence[_Span]) -> None:
    then = max((span for span in spans if span.first < at), key=lambda span: span.first)
    differing = list(run.differences(then.snapshot)) if then.snapshot else []
    where = f"row {at}" if at != run.first else f"row {at} ({run.frame_id})"
    report.fault(
        "not_in_force",
        f"{run.count} inspections of camera {run.camera} name what was not in force then: "
        + ("; ".join(differing) or "an earlier state of the rules"),
        f"{place} {where} to row {run.last}",
        "hold the parts; compare the rows with the journal, and the events before them",
    )
