"""Rows of the log as the domain's values, a class for each table. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from qc_edge.domain.events import Event
from qc_edge.domain.evidence.deletion import Deletion
from qc_edge.domain.evidence.hold_entry import HoldEntry
from qc_edge.domain.frame import ExposureSource
from qc_edge.domain.inspection import COLUMNS, Gap, Inspection, Label, Part
from qc_edge.domain.parts.told_message import ToldMessage
from qc_edge.domain.verdict import Disposition, HoldReason, Reason, Verdict
from qc_edge.query.database_at_rest import DatabaseAtRest

_TIMES = (
    "recorded_at",
    "captured_at",
    "retrieved_at",
    "noticed_at",
    "said_at",
    "told_at",
    "ended_at",
    "since",
    "until",
    "valid_until",
    "began_at",
)

_R = TypeVar("_R", Label, Event, Gap, Part, ToldMessage, HoldEntry, Deletion)


def read_inspections(database: Path) -> list[Inspection]:
    """Every inspection of the log, oldest first. Raises StoreError if it does not open (a station
    runs).
    """
    return [to_inspection(values) for values in _rows(database, Inspection.TABLE, "frame_id")]


def read_gaps(database: Path) -> list[Gap]:
    """Every gap of the log, oldest first. Raises StoreError if it does not open."""
    return [to_row(Gap, values) for values in _rows(database, Gap.TABLE, "gap_id")]


def read_parts(database: Path) -> list[Part]:
    """Every part that several views saw, oldest first. Raises StoreError if it does not open."""
    return [to_row(Part, values) for values in _rows(database, Part.TABLE, "attempt_id")]


def read_told(database: Path) -> list[ToldMessage]:
    """Everything that lines were told, oldest first. Raises StoreError if it does not open."""
    return [to_row(ToldMessage, values) for values in _rows(database, ToldMessage.TABLE, "told_id")]


def to_inspection(values: Mapping[str, Any]) -> Inspection:
    """The row with these values by column, from JSON or a table. Raises KeyError or ValueError."""
    hold, source = values["hold_reason"], values.get("exposure_source")
    coded = {
        "verdict": Verdict(values["verdict"]),
        "disposition": Disposition(values["disposition"]),
        "reason": Reason(values["reason"]),
        "hold_reason": HoldReason(hold) if hold else None,
        "exposure_source": ExposureSource(source) if source else None,
    }
    return Inspection(**{**_with_aware_times(values), **coded})


def to_row(kind: type[_R], values: Mapping[str, Any]) -> _R:
    """The row of that `kind` with these values by column; other columns are left out."""
    return kind(
        **{
            name: value
            for name, value in _with_aware_times(values).items()
            if name in COLUMNS[kind.TABLE]
        }
    )


def aware(moment: datetime) -> datetime:
    """A time of the log, which has no zone and is UTC, as an aware one."""
    return moment.replace(tzinfo=timezone.utc)


def with_aware_time(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row with its third value, the time of recording, as an aware one."""
    return (*row[:2], aware(row[2]), *row[3:])


def _rows(database: Path, table: str, order: str) -> list[dict[str, Any]]:
    names = COLUMNS[table]
    source = DatabaseAtRest(database)
    with source.held():
        query = f"SELECT {', '.join(names)} FROM {source.relation(table)} ORDER BY {order}"  # noqa: S608
        return [dict(zip(names, row, strict=True)) for row in source.fetch(query)]


def _with_aware_times(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with aware UTC times, whether they came as text (JSON) or as the database's own."""
    result = dict(values)
    for name in _TIMES:
        if isinstance(at := result.get(name), str):
            at = datetime.fromisoformat(at)
        if isinstance(at, datetime):
            result[name] = aware(at) if at.tzinfo is None else at
    return result
