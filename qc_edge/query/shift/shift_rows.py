"""The rows of one shift as SQL names them: the frames, parts, gaps and events of its hours."""

# ruff: noqa: S608 - relations, and times that are written here
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta, timezone
from typing import Any

from qc_edge.domain.events import Event
from qc_edge.domain.inspection import ROW_TYPES, Gap, Inspection, Part
from qc_edge.domain.reporting.shift_period import ShiftPeriod
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import Portion, Span

BACKLOG = timedelta(hours=12)
"""A frame that waited this long before it was judged still counts for the shift of its exposure."""

_PARTS = """
CREATE OR REPLACE TEMP TABLE shift_parts AS
WITH told AS (
    SELECT attempt_id AS frame_id, part_id, NULL AS camera, disposition, reason, lot, recipe
    FROM {parts}
    UNION ALL
    SELECT frame_id, part_id, camera, disposition, coalesce(hold_reason, reason), lot, recipe
    FROM {frames} WHERE attempt_id IS NULL AND hold_reason IS DISTINCT FROM 'late_view'),
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

    @classmethod
    def of(cls, source: PublishedCursor, period: ShiftPeriod) -> ShiftRows:
        """Raises StoreError."""
        inside = _Portion(source, Span(period.begins, period.ends))
        around = _Portion(source, Span(period.begins - BACKLOG, period.ends + BACKLOG))
        inside.last = around.last = inside.newest_row()
        frames = inside.rows(Inspection.TABLE)
        parts = inside.rows(Part.TABLE)
        source.fetch(_PARTS.format(parts=parts, frames=frames))
        return cls(
            source,
            frames,
            inside.rows(Event.TABLE, chained=False),
            inside.rows(Gap.TABLE, chained=False),
            around.rows(Inspection.TABLE),
            around.rows(Gap.TABLE, chained=False),
        )

    def fetch(self, query: str, **values: object) -> Portion:
        """All rows of the result. Raises StoreError."""
        return self.source.fetch(query, values or None)

    def fetch_named(self, query: str, names: tuple[str, ...]) -> list[Mapping[str, Any]]:
        """The rows of the result by the names of their columns. Raises StoreError."""
        return [dict(zip(names, row, strict=True)) for row in self.source.fetch(query)]


@dataclass(slots=True)
class _Portion:
    """The rows that were recorded in a stretch of time, up to the number `last` of the chain."""

    source: PublishedCursor
    span: Span
    last: int | None = None

    def newest_row(self) -> int | None:
        """The highest number; a part's row comes after those of its views."""
        newest = [
            self.source.fetch(f"SELECT max(chain_seq) FROM {self.rows(table)}")[0][0]
            for table in (Inspection.TABLE, Part.TABLE)
        ]
        return max((each for each in newest if each is not None), default=None)

    def rows(self, table: str, *, chained: bool = True) -> str:
        """A table of the log as SQL names it, with all its columns; not `chained`: also rows
        that came after the last inspection.
        """
        types = _types(table)
        relation = self.source.relation(table, self.span)
        if relation is None:
            names = ", ".join(f"NULL::{kind} AS {name}" for name, kind in types.items())
            return f"(SELECT {names} WHERE false)"
        present = self.source.describe(relation)
        extra = "".join(
            f", NULL::{kind} AS {name}" for name, kind in types.items() if name not in present
        )
        conditions = [
            f"recorded_at {sign} TIMESTAMP '{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}'"
            for sign, moment in ((">=", self.span.since), ("<", self.span.until))
            if moment is not None
        ]
        if chained and self.last is not None:
            conditions.append(f"chain_seq <= {self.last:d}")
        return f"(SELECT *{extra} FROM {relation} WHERE {' AND '.join(conditions)})"


def _types(table: str) -> dict[str, str]:
    """The columns of a table with their DuckDB types: those that its files, or the files of
    earlier versions, may lack.
    """
    kinds = {"float": "DOUBLE", "int": "BIGINT", "bool": "BOOLEAN", "datetime": "TIMESTAMP"}
    given = {
        each.name: kinds.get(str(each.type).partition(" ")[0], "VARCHAR")
        for each in fields(ROW_TYPES[table])
    }
    return {**given, "chain_seq": "BIGINT"}
