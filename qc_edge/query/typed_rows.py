"""The log read back as rows: from a database at rest, or the journal of a running station. Writes
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb

from qc_edge.domain.inspection import COLUMNS, Gap, Inspection
from qc_edge.domain.verdict import Disposition, HoldReason, Reason, Verdict
from qc_edge.errors import StoreError
from qc_edge.store.duck import open_duckdb


def read_inspections(database: Path) -> list[Inspection]:
    """Every inspection of the log, oldest first. Raises StoreError if it does not open (a station
    runs).
    """
    return [inspection(values) for values in _rows(database, Inspection.TABLE)]


def read_gaps(database: Path) -> list[Gap]:
    """Every gap of the log, oldest first. Raises StoreError if it does not open."""
    return [Gap(**timed(values)) for values in _rows(database, Gap.TABLE)]


def newest_inspections(journal: Path) -> Iterator[Inspection]:
    """The inspections in the station's journal, newest first; the station may be running.

    Lines that do not read (the last one may be half written) are left out.
    """
    for file in sorted(journal.glob("*.jsonl"), reverse=True):
        for line in reversed(file.read_bytes().splitlines()):
            try:
                row = json.loads(line.split(b"\t", 2)[2])
                if row.pop("table") == Inspection.TABLE:
                    yield inspection({name: row.get(name) for name in COLUMNS[Inspection.TABLE]})
            except (ValueError, LookupError):
                continue


def _rows(database: Path, table: str) -> list[dict[str, Any]]:
    names = COLUMNS[table]
    order = "gap_id" if table == Gap.TABLE else "frame_id"
    try:
        with open_duckdb(database, read_only=True) as log:
            question = f"SELECT {', '.join(names)} FROM {table} ORDER BY {order}"  # noqa: S608
            rows = log.execute(question).fetchall()
    except duckdb.Error as fault:
        raise StoreError(
            f"cannot read {database}: {str(fault).strip().splitlines()[0]}",
            hint="a running station holds its log; stop it first",
        ) from fault
    return [dict(zip(names, row, strict=True)) for row in rows]


def inspection(values: Mapping[str, Any]) -> Inspection:
    """The row with these values by column, from JSON or a table. Raises KeyError or ValueError."""
    hold = values["hold_reason"]
    coded = {
        "verdict": Verdict(values["verdict"]),
        "disposition": Disposition(values["disposition"]),
        "reason": Reason(values["reason"]),
        "hold_reason": HoldReason(hold) if hold else None,
    }
    return Inspection(**{**timed(values), **coded})


def timed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with aware UTC times, whether they came as text or as the database's own."""
    result = dict(values)
    for name in ("recorded_at", "captured_at", "noticed_at"):
        if isinstance(at := result.get(name), str):
            at = datetime.fromisoformat(at)
        if isinstance(at, datetime):
            result[name] = at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at
    return result
