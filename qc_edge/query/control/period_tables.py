"""The rows of a period, table by table, as they stand in the log: for the pack of an audit."""

# ruff: noqa: S608 - relations, and names and times that are written here
from __future__ import annotations

from datetime import datetime, timedelta, timezone

from qc_edge.domain.inspection import COLUMNS, ROW_TYPES, Inspection
from qc_edge.query.past.rows_of_time import RowsOfTime
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.shift.shift_answers import GATE_FIGURES
from qc_edge.query.source import Portion, Span

NamedRows = tuple[tuple[str, ...], Portion]
"""The names of the columns, and the rows."""

_FOUND_AND_LEFT = timedelta(hours=24)


def table_rows(source: PublishedCursor, table: str, span: Span) -> NamedRows:
    """All rows of a table, with their place in the chain. Raises StoreError."""
    if table not in ROW_TYPES:
        return (), []
    names = (*COLUMNS[table], "chain_seq", "chain_hash")
    rows = RowsOfTime(source, span).rows(table)
    present = {name for name, *_ in source.fetch(f"DESCRIBE FROM {rows}")}
    names = tuple(name for name in names if name in present)
    return names, source.fetch(f"SELECT {', '.join(names)} FROM {rows} ORDER BY chain_seq")


def what_judged(source: PublishedCursor, span: Span) -> NamedRows:
    """Which software, model, engine, threshold and calibration judged how many frames, and when.

    Raises StoreError.
    """
    by = (
        "coalesce(view, camera)",
        "recipe",
        "software_version",
        "model_name",
        "model_version",
        "model_sha256",
        "engine_backend",
        "engine_version",
        "engine_plan_sha256",
        "threshold_id",
        "calibration_id",
        "settings_digest",
    )
    frames = RowsOfTime(source, span).rows(Inspection.TABLE)
    rows = source.fetch(
        f"SELECT {', '.join(by)}, count(*), min(recorded_at) AS first, max(recorded_at) "
        f"FROM {frames} GROUP BY {', '.join(by)} ORDER BY first"
    )
    return ("view", *by[1:], "frames", "first", "last"), rows


def chain_ends(source: PublishedCursor, span: Span) -> NamedRows:
    """The first and the last row of the period in the chain. Raises StoreError."""
    columns = ("frame_id", "recorded_at", "chain_seq", "chain_hash")
    frames = RowsOfTime(source, span).rows(Inspection.TABLE)
    row = ", ".join(columns)
    rows = source.fetch(
        f"(SELECT {row} FROM {frames} ORDER BY chain_seq LIMIT 1) UNION ALL "
        f"(SELECT {row} FROM {frames} ORDER BY chain_seq DESC LIMIT 1)"
    )
    return columns, rows


def found_and_left(
    source: PublishedCursor, camera: str, at: datetime
) -> tuple[dict[str, float | None], dict[str, float | None]]:
    """The mean of each gate's figure in the day before a calibration, and in the day after it.

    Raises StoreError.
    """
    found = []
    for span in (Span(at - _FOUND_AND_LEFT, at), Span(at, at + _FOUND_AND_LEFT)):
        frames = RowsOfTime(source, span).rows(Inspection.TABLE)
        means = ", ".join(f"avg({name})" for name in GATE_FIGURES)
        ((count, *values),) = source.fetch(
            f"SELECT count(*), {means} FROM {frames} WHERE camera = $camera", {"camera": camera}
        )
        figures = dict(zip(GATE_FIGURES, values, strict=True))
        found.append({"frames": count, **figures})
    return found[0], found[1]


def as_utc(value: object) -> object:
    """Times of the log with the zone that they are in."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=timezone.utc).isoformat()
    return value
