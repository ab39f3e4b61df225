"""The rows of one shift as SQL names them: the frames, parts, gaps and events of its hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from qc_edge.domain.events import Event
from qc_edge.domain.inspection import Gap, Inspection, Part
from qc_edge.domain.parts.told_message import ToldMessage
from qc_edge.domain.reporting.shift_period import ShiftPeriod
from qc_edge.query.past.rows_of_time import TOLD, RowsOfTime
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import Portion, Span

BACKLOG = timedelta(hours=12)
"""A frame that waited this long before it was judged still counts for the shift of its exposure."""

_PARTS = """
CREATE OR REPLACE TEMP TABLE shift_parts AS
WITH told AS ({told}),
seen AS (
    SELECT part_id, camera, count(*) AS attempts,
           arg_min(disposition, frame_id) AS first_said, arg_max(disposition, frame_id) AS said,
           arg_max(reason, frame_id) AS reason, arg_max(lot, frame_id) AS lot,
           arg_max(recipe, frame_id) AS recipe, max(frame_id) AS frame_id
    FROM told GROUP BY part_id, camera),
weighed AS (
    SELECT *, list_position(['ACCEPT', 'REJECT', 'HOLD'], said) AS weight,
           list_position(['ACCEPT', 'REJECT', 'HOLD'], first_said) AS first_weight FROM seen)
SELECT part_id, max(attempts) AS attempts, max_by(first_said, first_weight) AS first_disposition,
       max_by(said, weight) AS disposition, max_by(reason, weight) AS reason,
       max_by(lot, frame_id) AS lot, max_by(recipe, frame_id) AS recipe
FROM weighed GROUP BY part_id
"""
# As the macro parts() of views.sql counts them: each part once, by its last attempt; seen by
# several cameras without views, the worst of their last words.


@dataclass(frozen=True, slots=True)
class ShiftRows:
    """What stands behind FROM for a shift's frames, gaps and events; the table `shift_parts` has
    its parts. All of them end at one number of the chain, so that they fit one another though the
    station goes on. `exposures` and `losses` reach further, for the count of triggers.
    """

    source: PublishedCursor
    frames: str
    events: str
    gaps: str
    exposures: str
    losses: str
    told: str

    @classmethod
    def of(cls, source: PublishedCursor, period: ShiftPeriod) -> ShiftRows:
        """Raises StoreError."""
        inside = RowsOfTime(source, Span(period.begins, period.ends))
        around = RowsOfTime(source, Span(period.begins - BACKLOG, period.ends + BACKLOG))
        inside.last = around.last = inside.newest_row()
        # Challenge parts count for the count of triggers alone.
        frames = inside.frames_of_production()
        parts = f"(FROM {inside.rows(Part.TABLE)} WHERE reason <> 'challenge')"
        source.fetch(_PARTS.format(told=TOLD.format(parts=parts, frames=frames)))
        return cls(
            source,
            frames,
            inside.rows(Event.TABLE, chained=False),
            inside.rows(Gap.TABLE, chained=False),
            around.rows(Inspection.TABLE),
            around.rows(Gap.TABLE, chained=False),
            inside.rows(ToldMessage.TABLE, chained=False),
        )

    def fetch(self, query: str, **values: object) -> Portion:
        """All rows of the result. Raises StoreError."""
        return self.source.fetch(query, values or None)

    def fetch_named(self, query: str, names: tuple[str, ...]) -> list[Mapping[str, Any]]:
        """The rows of the result by the names of their columns. Raises StoreError."""
        return [dict(zip(names, row, strict=True)) for row in self.source.fetch(query)]
