"""Tells the line of a part whose row stands, and counts it. Never changes a row, never decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.frame import ExposureSource
from qc_edge.domain.inspection import Gap, Inspection
from qc_edge.domain.parts.told import ToldPart, told_alone
from qc_edge.domain.verdict import Disposition, HoldReason
from qc_edge.errors import OutputError
from qc_edge.inspection.frames import ScoredFrame
from qc_edge.inspection.parts.part_row import DecidedPart
from qc_edge.inspection.statistics import Statistics
from qc_edge.intake.lanes import Lane
from qc_edge.output import Output
from qc_edge.shadow.shadow import Shadow


class Announcer:
    """Tells the outputs, then the statistics, then the shadow; used by the inspector's thread."""

    def __init__(
        self,
        outputs: Sequence[Output],
        statistics: Statistics,
        shadow: Shadow | None,
        events: EventLog,
    ) -> None:
        self.statistics = statistics
        self._outputs = outputs
        self._shadow = shadow
        self._events = events

    def announce(self, scored: ScoredFrame, inspection: Inspection, lane: Lane) -> None:
        """Tell every output of a frame that is a part, and count it; its row is durable, and it
        came by way of `lane`. A view of a part is only counted: `announce_part` tells of that.
        """
        told = inspection
        if scored.attempt_id is None:
            told = self._tell_or_hold(scored, inspection)
            if lane is Lane.LIVE:
                self.statistics.timeliness.add(in_time=not scored.is_late(scored.age_ms()))
        elif HoldReason.LATE_VIEW in scored.prepared.holds:
            detail = f"{inspection.frame_id}, part {inspection.part_id}, view {inspection.view}"
            self._report(EventKind.LATE_VIEW, f"{detail}: its part {scored.attempt_id} was told")
        # A frame that was recovered, or whose age nobody knows, says nothing of this station's
        # speed; nor does a lot that waits for nobody, or a view, whose part is told later.
        exposed = scored.prepared.exposed
        is_known = exposed.source is not ExposureSource.UNKNOWN and exposed.has_deadline
        counts_as_latency = is_known and not scored.prepared.file.recovered
        if scored.attempt_id is not None:
            counts_as_latency = False
        self.statistics.add_inspection(told, scored.age_ms(), counts_as_latency)
        # After the announcement, and without waiting: nobody waits for the shadow (decision 0016).
        model_input = scored.prepared.model_input
        if inspection.hold_reason is HoldReason.CHALLENGE:
            return
        if self._shadow and inspection.score is not None and model_input is not None:
            self._shadow.offer(inspection, model_input)

    def announce_part(self, decided: DecidedPart) -> None:
        """Tell every output of a part that several views see; its rows are durable."""
        decision, age_ms = decided.told, decided.age_ms()
        told, is_late = decision, age_ms > decided.deadline_ms
        is_held = is_late and told.disposition is not Disposition.HOLD
        if is_held:
            told = replace(told, disposition=Disposition.HOLD, reason=str(HoldReason.LATE))
        self._tell(told)
        # The events after the line: each of them waits for the disk.
        if decided.part.doubts:
            detail = f"{told.frame_id}, part {told.part_id}: {'; '.join(decided.part.doubts)}"
            self._report(EventKind.VIEWS_DISAGREE, detail)
        if is_held:
            self._report_late(decision, age_ms, decided.deadline_ms)
        if not decided.part.is_backlog:
            self.statistics.timeliness.add(in_time=not is_late)
        self.statistics.add_part(told, age_ms, decided.counts_as_latency)

    def count_gap(self, gap: Gap, now: datetime) -> None:
        """The frames of `gap` are lost: outputs are told of parts alone, the statistics of both."""
        self.statistics.add_lost(gap.lost, now)

    def _tell(self, told: ToldPart) -> None:
        """An output that fails is an event; the others are told all the same."""
        for output in self._outputs:
            try:
                output.announce(told)
            except OutputError as fault:
                detail = f"{told.frame_id}, part {told.part_id}: {fault.message}"
                self._report(EventKind.ANNOUNCEMENT_FAILED, detail)

    def _tell_or_hold(self, scored: ScoredFrame, inspection: Inspection) -> Inspection:
        """The inspection as the line is told it: HOLD if the commit has taken it past its deadline.

        The row stands as it is: it says what was decided, the event what was told.
        """
        age_ms = scored.age_ms()
        if not scored.is_late(age_ms) or inspection.disposition is Disposition.HOLD:
            self._tell(told_alone(inspection))
            return inspection
        held = replace(inspection, disposition=Disposition.HOLD, hold_reason=HoldReason.LATE)
        self._tell(told_alone(held))
        self._report_late(inspection, age_ms, scored.prepared.rules.settings.station.deadline_ms)
        return held

    def _report_late(self, told: Inspection | ToldPart, age_ms: float, deadline_ms: float) -> None:
        detail = f"{told.frame_id}: {age_ms:.0f} ms, the deadline is {deadline_ms:g} ms"
        self._report(EventKind.LATE_ANNOUNCEMENT, detail)

    def _report(self, kind: EventKind, detail: str) -> None:
        self._events.report(Occurrence(kind, detail, who="inspector"))
