"""Tells the line what has its row already, and counts it. Never changes a row, never judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Disposition, HoldReason
from qc_edge.errors import OutputError
from qc_edge.inspection import inspection_row
from qc_edge.inspection.inspection_row import ScoredFrame
from qc_edge.inspection.shadow import Offer
from qc_edge.inspection.tally import Tally
from qc_edge.output import Output


class Announcer:
    """Used by the inspector, after the commit.

    `offer` hears last of each part that has a score: the shadow, or nobody.
    """

    def __init__(
        self,
        outputs: Sequence[Output],
        tally: Tally,
        boot: str,
        events: EventLog,
        offer: Offer,
    ) -> None:
        self._outputs = outputs
        self._tally = tally
        self._boot = boot
        self._events = events
        self._offer = offer

    def announce(self, judged: ScoredFrame, inspection: Inspection) -> None:
        """To every output; one that fails is an event and keeps none of the others from hearing
        it.
        """
        age = inspection_row.age_ms(judged, self._boot)
        deadline = judged.found.rules.settings.station.deadline_ms
        told = inspection
        if age > deadline and inspection.disposition is not Disposition.HOLD:
            # The commit itself took too long: the row stands as it is, the line is told HOLD.
            told = replace(inspection, disposition=Disposition.HOLD, hold_reason=HoldReason.LATE)
            words = f"{inspection.frame_id}: {age:.0f} ms, the deadline is {deadline:g} ms"
            self._report(EventKind.LATE_ANNOUNCEMENT, words)
        for output in self._outputs:
            try:
                output.announce(told)
            except OutputError as fault:
                words = f"{inspection.frame_id}, part {told.part_id}: {fault.message}"
                self._report(EventKind.ANNOUNCEMENT_FAILED, words)
        live = judged.found.waiting.original_name is None and not judged.found.waiting.recovered
        self._tally.add(told, inspection_row.age_ms(judged, self._boot), counts_as_latency=live)
        if inspection.score is not None and judged.found.prepared is not None:
            self._offer(inspection, judged.found.prepared)

    def _report(self, kind: EventKind, detail: str) -> None:
        self._events.report(Occurrence(kind, detail, who="inspector"))
