"""The rows of an export, from the published log into one Parquet file for each table."""

# ruff: noqa: S608 - what comes from outside is bound, or a path that is quoted
from __future__ import annotations

from collections.abc import Callable
from datetime import timezone
from pathlib import Path

from qc_edge.domain.inspection import COLUMNS, Label
from qc_edge.errors import StoreError
from qc_edge.export.request import ExportRequest
from qc_edge.query.label_rows import completed
from qc_edge.query.past.station_history import nothing_matches
from qc_edge.query.published_files import sql_path
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import Span
from qc_edge.settings import StationPaths
from qc_edge.store.log.duck import quoted

Parameters = dict[str, object]

_SEEN = {
    "labels": "frame_id",
    "shadow_scores": "frame_id",
    "parts": "attempt_id",
    "told": "frame_id",
    "deletions": "frame_id",
    "challenge_results": "frame_id",
}
"""Tables whose rows belong to an inspection and may come long after it, and the column that names
it.
"""

_OF_BEFORE = {"events", "challenge_parts"}
"""Tables of which all up to the end of the time is written: what was in force had been decided
before.
"""


def row_file(directory: Path, table: str) -> Path:
    """Where the rows of `table` are written."""
    return directory / f"{table}.parquet"


def write_rows(
    cursor: PublishedCursor,
    paths: StationPaths,
    request: ExportRequest,
    directory: Path,
    on_table: Callable[[int, int], None],
) -> dict[str, int]:
    """Write the rows of every table into `directory`; how many by table.

    Labels, shadow scores and parts are those of the inspections, whenever they came. Gaps are those
    of the time, events all up to its end: what was in force had been decided before. Raises
    UsageError if no inspection is asked for, StoreError.
    """
    counts: dict[str, int] = {}
    for number, table in enumerate(COLUMNS):
        on_table(number, len(COLUMNS))
        counts[table] = _write_table(cursor, table, request, directory)
        if table == "inspections" and not counts[table]:
            raise nothing_matches(paths, database=False)
    on_table(len(COLUMNS), len(COLUMNS))
    return counts


def unknown_parts(
    cursor: PublishedCursor, request: ExportRequest, directory: Path
) -> tuple[str, ...]:
    """Which of the parts that were asked for have no inspection in the export."""
    if request.parts is None:
        return ()
    found = {
        part
        for (part,) in cursor.fetch(
            f"SELECT DISTINCT part_id FROM read_parquet({_rows_of('inspections', directory)})"
        )
    }
    return tuple(part for part in request.parts if part not in found)


def _write_table(
    cursor: PublishedCursor, table: str, request: ExportRequest, directory: Path
) -> int:
    span = Span(since=request.since, until=request.until)
    relation = cursor.relation(table, span if table in {"inspections", "gaps"} else Span())
    if relation is None:
        raise StoreError(
            f"there are no published rows of {table}",
            hint="the station publishes them when it runs: qc-edge run",
        )
    if table == Label.TABLE:
        relation = completed(relation, cursor.columns(table))  # the views name later columns
    condition, values = _condition(table, request, directory)
    # The order of the chain, and `date` as the published files have it in their folders.
    (rows,) = cursor.fetch(
        f"COPY (SELECT *, recorded_at::DATE AS date FROM {relation}{condition} ORDER BY chain_seq) "
        f"TO {quoted(row_file(directory, table))} "
        "(FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)",
        values,
    )[0]
    return int(rows)


def _condition(table: str, request: ExportRequest, directory: Path) -> tuple[str, Parameters]:
    if table in _SEEN:
        inspections = f"SELECT frame_id FROM read_parquet({_rows_of('inspections', directory)})"
        return f" WHERE {_SEEN[table]} IN ({inspections})", {}
    conditions, values = list[str](), Parameters()
    for name, sign, moment in (("since", ">=", request.since), ("until", "<", request.until)):
        if moment is not None and (name == "until" or table not in _OF_BEFORE):
            conditions.append(f"recorded_at {sign} ${name}")
            values[name] = moment.astimezone(timezone.utc).replace(tzinfo=None)
    if table == "inspections" and request.lots:
        conditions.append("list_contains($lots, lot)")
        values["lots"] = list(request.lots)
    if table == "inspections" and request.parts is not None:
        conditions.append("part_id IN (SELECT unnest($parts))")
        values["parts"] = list(request.parts)
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), values


def _rows_of(table: str, directory: Path) -> str:
    return sql_path(row_file(directory, table))
