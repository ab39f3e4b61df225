"""Tells the line of a part whose row stands, and counts it. Never changes a row, never decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.frame import ExposureSource
from qc_edge.domain.inspection import Gap, Inspection
from qc_edge.domain.verdict import Disposition, HoldReason
from qc_edge.errors import OutputError
from qc_edge.inspection.frames import ScoredFrame
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
        """Tell every output of a part whose row is durable; it came by way of `lane`.

        An output that fails is an event; the others are told all the same.
        """
        announced = self._hold_if_late(scored, inspection)
        for output in self._outputs:
            try:
                output.announce(announced)
            except OutputError as fault:
                detail = f"{inspection.frame_id}, part {announced.part_id}: {fault.message}"
                self._report(EventKind.ANNOUNCEMENT_FAILED, detail)
        if lane is Lane.LIVE:
            self.statistics.timeliness.add(in_time=not scored.is_late(scored.age_ms()))
        # A frame that was recovered, or whose age nobody knows, says nothing of this station's
        # speed; nor does a lot that waits for nobody.
        exposed = scored.prepared.exposed
        is_known = exposed.source is not ExposureSource.UNKNOWN and exposed.has_deadline
        counts_as_latency = is_known and not scored.prepared.file.recovered
        self.statistics.add_part(announced, scored.age_ms(), counts_as_latency)
        # After the announcement, and without waiting: nobody waits for the shadow (decision 0016).
        model_input = scored.prepared.model_input
        if self._shadow and inspection.score is not None and model_input is not None:
            self._shadow.offer(inspection, model_input)

    def count_gap(self, gap: Gap, now: datetime) -> None:
        """The frames of `gap` are lost: outputs are told of parts alone, the statistics of both."""
        self.statistics.add_lost(gap.lost, now)

    def _hold_if_late(self, scored: ScoredFrame, inspection: Inspection) -> Inspection:
        """The inspection as the line is told it: HOLD if the commit has taken it past its deadline.

        The row stands as it is: it says what was decided, the event what was told.
        """
        age_ms = scored.age_ms()
        deadline_ms = scored.prepared.rules.settings.station.deadline_ms
        if not scored.is_late(age_ms) or inspection.disposition is Disposition.HOLD:
            return inspection
        detail = f"{inspection.frame_id}: {age_ms:.0f} ms, the deadline is {deadline_ms:g} ms"
        self._report(EventKind.LATE_ANNOUNCEMENT, detail)
        return replace(inspection, disposition=Disposition.HOLD, hold_reason=HoldReason.LATE)

    def _report(self, kind: EventKind, detail: str) -> None:
        self._events.report(Occurrence(kind, detail, who="inspector"))
