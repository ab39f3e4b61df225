"""The shift report as one HTML file that needs nothing else: no network, no script, all inside."""

from __future__ import annotations

from qc_edge.report.shift.charts import fail_chart, gate_chart, reasons_chart
from qc_edge.report.shift.report_table import ReportTable, cell_text
from qc_edge.report.shift.shift_report import ShiftReport
from qc_edge.report.shift.tables import report_tables
from qc_edge.report.templates import report_templates

LONGEST = {"events": 200, "gaps": 100, "yield-by-lot": 100}
"""Rows of a table that a person can read; the other files have all of them."""

_NOT_SHOWN = {"gates", "fail-rate", "worst", "total"}
"""Tables that stand there as a drawing, pictures or figures."""


def render_shift_html(report: ShiftReport) -> str:
    """The whole report as text, to be written as UTF-8."""
    environment = report_templates()
    tables = report_tables(report)
    return environment.get_template("shift/shift.html").render(
        report=report,
        total=report.total,
        title=_title(report),
        style=environment.get_template("report.css").render()
        + environment.get_template("shift/shift.css").render(),
        state=describe_state(report),
        count=describe_count(report),
        tables={each.key: each for each in tables if each.key not in _NOT_SHOWN},
        longest=LONGEST,
        text=cell_text,
        is_figure=_is_figure,
        fail_chart=fail_chart(report).svg() if report.fail_points else "",
        reasons_chart=reasons_chart(report).svg() if any(r.frames for r in report.reasons) else "",
        gate_charts=[gate_chart(report, each).svg() for each in report.gates],
        local=report.calendar.local,
    )


def describe_state(report: ShiftReport) -> str:
    """In words whether the shift is over, and whether there is anything at all."""
    if report.seen is None:
        return (
            "No part was inspected in this time."
            if report.is_over
            else "No part has been inspected in this time so far; it is not over."
        )
    if report.is_over:
        return ""
    newest = report.calendar.local(report.seen[1])
    return f"In progress: what was recorded up to {newest:%H:%M:%S}. The figures will change."


def describe_count(report: ShiftReport) -> str:
    """In words whether the count of triggers closes."""
    if not report.counts:
        return "nothing counted"
    if report.closes is False:
        return "DOES NOT CLOSE"
    if len(report.uncounted) == len(report.counts):
        return "no counter"
    return f"closes; no counter: {', '.join(report.uncounted)}" if report.uncounted else "closes"


def _title(report: ShiftReport) -> str:
    shift = f"Shift {report.period.shift}" if report.period.shift else "Day"
    return f"{shift}, {report.period.day:%A} {report.period.day}"


def _is_figure(table: ReportTable, number: int) -> bool:
    return table.columns[number].kind.value in {"count", "share", "number"}
