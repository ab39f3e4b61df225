"""The yield of a shift as tables: of all, and by recipe, lot and view."""

from __future__ import annotations

from qc_edge.domain.reporting.binomial import exact_interval
from qc_edge.query.shift.shift_counts import Tally
from qc_edge.report.shift.report_table import COUNT, SHARE, Cell, Column, ReportTable
from qc_edge.report.shift.shift_report import DIMENSIONS, ShiftReport

_YIELD = (
    Column("parts", COUNT),
    Column("accepted", COUNT),
    Column("rejected", COUNT),
    Column("held", COUNT),
    Column("came again", COUNT),
    Column("yield", SHARE),
    Column("first pass", SHARE),
    Column("frames", COUNT),
    Column("PASS", COUNT),
    Column("FAIL", COUNT),
    Column("INVALID", COUNT),
    Column("FAIL rate", SHARE),
    Column("from", SHARE),
    Column("to", SHARE),
)
_NOBODY = "no part was inspected in this time"


def line_table(report: ShiftReport) -> ReportTable:
    """What each output told its line, and whether that fits what the line has counted itself."""
    headings = (
        *("parts", "ACCEPT", "REJECT", "HOLD", "not acknowledged", "not told"),
        *("ejected", "not confirmed", "passed the ejector"),
    )
    columns = (
        Column("output"),
        *(Column(each, COUNT) for each in headings),
        Column("line's count"),
    )
    rows: list[list[Cell]] = [
        [
            *(each.output, each.parts, each.accepted, each.rejected, each.held),
            *(each.unacknowledged, each.untold, each.ejected, each.unconfirmed, each.passed),
            "no counter" if each.fits is None else "fits" if each.fits else "differs",
        ]
        for each in report.lines
    ]
    return ReportTable("line", "What the line was told", columns, rows, "no line was told")


def yield_tables(report: ShiftReport) -> list[ReportTable]:
    """The whole, and one table for each of DIMENSIONS."""
    whole = ReportTable("total", "The whole", _YIELD, [_yield_cells(report.total)])
    return [whole, *(_yield_table(report, each) for each in DIMENSIONS)]


def _yield_cells(tally: Tally) -> list[Cell]:
    judged = tally.passed + tally.failed
    low, high = exact_interval(tally.failed, judged) or (None, None)
    return [
        tally.parts,
        tally.accepted,
        tally.rejected,
        tally.held,
        tally.came_again,
        tally.accepted / tally.parts if tally.parts else None,
        tally.accepted_at_first / tally.parts if tally.parts else None,
        tally.frames,
        tally.passed,
        tally.failed,
        tally.invalid,
        tally.failed / judged if judged else None,
        low,
        high,
    ]


def _yield_table(report: ShiftReport, by: str) -> ReportTable:
    rows: list[list[Cell]] = [
        [each.key or f"no {by}", *_yield_cells(each)] for each in report.tallies[by]
    ]
    return ReportTable(f"yield-by-{by}", f"By {by}", (Column(by), *_YIELD), rows, _NOBODY)
