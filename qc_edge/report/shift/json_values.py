"""A shift report as plain values, for scripts."""

from __future__ import annotations

from typing import Any

from qc_edge.report.shift.shift_report import ShiftReport
from qc_edge.report.shift.tables import report_tables


def shift_json_values(report: ShiftReport) -> dict[str, Any]:
    """The object that `qc-edge report --json` prints: the tables as lists of objects, by key."""
    return {
        "station": report.station,
        "day": f"{report.period.day}",
        "shift": report.period.shift,
        "begins": report.period.begins.isoformat(),
        "ends": report.period.ends.isoformat(),
        "time_zone": f"{report.calendar.zone}",
        "is_over": report.is_over,
        "made_at": report.made_at.isoformat(),
        "closes": report.closes,
        "tables": {
            table.key: [
                {column.heading: cell for column, cell in zip(table.columns, row, strict=True)}
                for row in table.rows
            ]
            for table in report_tables(report)
        },
    }
