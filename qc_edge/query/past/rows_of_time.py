"""The rows of a stretch of time as SQL names them, with the columns that later versions have."""

# ruff: noqa: S608 - relations, and times that are written here
from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timezone

from qc_edge.domain.inspection import ROW_TYPES, Inspection, Part
from qc_edge.query.source import LogSource, Span

TOLD = """
SELECT attempt_id AS frame_id, part_id, NULL AS camera, disposition, reason, lot, recipe,
       recorded_at, captured_at, detail, views_seen, views_missing, attempt
FROM {parts}
UNION ALL
SELECT frame_id, part_id, camera, disposition, coalesce(hold_reason, reason), lot, recipe,
       recorded_at, captured_at, detail, NULL, NULL, NULL
FROM {frames} WHERE attempt_id IS NULL AND hold_reason IS DISTINCT FROM 'late_view'
"""
"""Everything that the line was told, as the view all_parts has it."""


@dataclass(slots=True)
class RowsOfTime:
    """The rows that were recorded in a stretch of time, up to the number `last` of the chain."""

    source: LogSource
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
        present = {row[0] for row in self.source.fetch(f"DESCRIBE FROM {relation}")}
        extra = "".join(
            f", NULL::{kind} AS {name}" for name, kind in types.items() if name not in present
        )
        conditions = ["true"] + [
            f"recorded_at {sign} TIMESTAMP '{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S.%f}'"
            for sign, moment in ((">=", self.span.since), ("<", self.span.until))
            if moment is not None
        ]
        if chained and self.last is not None:
            conditions.append(f"chain_seq <= {self.last:d}")
        return f"(SELECT *{extra} FROM {relation} WHERE {' AND '.join(conditions)})"

    def frames_of_production(self) -> str:
        """The inspections, without those of challenge parts."""
        frames = self.rows(Inspection.TABLE)
        return f"(SELECT * FROM {frames} WHERE hold_reason IS DISTINCT FROM 'challenge')"


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
