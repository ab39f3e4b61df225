"""What control charts say, as tables of values: for the terminal, for JSON and for the sheet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from qc_edge.discipline.sheet import Sheet, SheetSection
from qc_edge.discipline.spc.drawing import figure_drawing, order, rate_drawing
from qc_edge.discipline.spc.examine import SpcReport
from qc_edge.discipline.spc.risk import POINT
from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.report.shift.report_table import (
    COUNT,
    NUMBER,
    SHARE,
    TIME,
    Cell,
    Column,
    ReportTable,
)

Rows = list[list[Cell]]

_RULES = {POINT: "one point beyond its limit", "slow": "a sum of small differences"}
_LEGEND = "Dashed: the mean of the reference. Band: what chance explains. Red: an alarm."


def spc_tables(report: SpcReport, calendar: StationCalendar) -> list[ReportTable]:
    """Alarms, rates, figures and lots."""
    return [
        _alarms(report, calendar),
        _rates(report),
        _figures(report),
        _lots(report, calendar),
    ]


def spc_json(report: SpcReport, calendar: StationCalendar) -> dict[str, Any]:
    """The object that `qc-edge spc --json` prints."""
    return {
        "station": report.station,
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "false_alarms_per_week": report.charts.risk.false_alarms_per_week,
        "diagnoses": [
            {
                "of": each.of,
                "cause": each.cause.value,
                "since": each.since.isoformat(),
                "words": each.words,
            }
            for each in report.diagnoses
        ],
        "learning": [
            {"of": regime.of, "points": points, "needed": report.charts.reference_points}
            for regime, points in report.charts.learning.items()
        ],
        "tables": {
            table.key: [
                {column.heading: cell for column, cell in zip(table.columns, row, strict=True)}
                for row in table.rows
            ]
            for table in spc_tables(report, calendar)
        },
    }


def spc_state(report: SpcReport) -> list[str]:
    """What is to be known before the tables: nothing charted, or not enough yet."""
    charts, said = report.charts, []
    if not charts.rates and not charts.learning:
        said.append("No frame was inspected in this time: there is nothing to chart.")
    said += [
        f"{regime.of}: {points} of {charts.reference_points} points of the reference so far "
        f"(model {regime.model[:8]}, threshold {regime.threshold:g}); no alarm before it is full"
        for regime, points in charts.learning.items()
    ]
    return said


def spc_sheet(report: SpcReport, calendar: StationCalendar) -> Sheet:
    """The sheet with all drawings."""
    alarms, rates, figures, lots = spc_tables(report, calendar)
    drawings = [
        rate_drawing(key, chart, report, calendar)
        for key, chart in sorted(report.charts.rates.items(), key=lambda each: order(each[0]))
        if any(each.counted.begins >= report.since for each in chart.points)
    ] + [
        figure_drawing(key, chart, report, calendar)
        for key, chart in sorted(report.charts.figures.items(), key=lambda each: order(each[0]))
        if any(each.measured.begins >= report.since for each in chart.points)
    ]
    risk = report.charts.risk
    return Sheet(
        "Control charts",
        f"Control charts of {report.station}",
        [
            ("From", f"{calendar.local(report.since):%Y-%m-%d %H:%M}"),
            ("To", f"{calendar.local(report.until):%Y-%m-%d %H:%M}"),
            ("A point", f"{risk.point_minutes:g} min"),
            ("False alarms borne", f"{risk.false_alarms_per_week:g} a week"),
        ],
        [
            SheetSection(
                "What they say",
                words=spc_state(report),
                alarms=[
                    f"{each.words} (since {_at(calendar, each.since)})" for each in report.diagnoses
                ],
                tables=[alarms],
            ),
            SheetSection("Charts", words=[_LEGEND] if drawings else [], drawings=drawings),
            SheetSection("Against the reference", tables=[rates, figures]),
            SheetSection("Lots", tables=[lots]),
        ],
        ("ALARM", "bad") if report.diagnoses else None,
    )


def _alarms(report: SpcReport, calendar: StationCalendar) -> ReportTable:
    columns = (Column("when", TIME), Column("of"), Column("what"), Column("rule"))
    rows: Rows = [
        [_local(calendar, each.at), each.key.regime.of, each.words, _RULES[each.rule]]
        for each in report.alarms
    ]
    return ReportTable("alarms", "Alarms", columns, rows, "no alarm")


def _rates(report: SpcReport) -> ReportTable:
    columns = (
        Column("of"),
        Column("rate"),
        Column("reference", SHARE),
        Column("since then", SHARE),
        Column("frames", COUNT),
        Column("alarms", COUNT),
    )
    rows: Rows = []
    for key, chart in sorted(report.charts.rates.items(), key=lambda each: order(each[0])):
        points = [each for each in chart.points if not each.is_reference]
        of = sum(each.counted.of for each in points)
        count = sum(each.counted.count for each in points)
        alarms = sum(bool(each.alarm) for each in points)
        share = count / of if of else None
        rows.append([key.regime.of, key.what, chart.reference.rate, share, of, alarms])
    return ReportTable("rates", "Rates", columns, rows, "no regime has a full reference yet")


def _figures(report: SpcReport) -> ReportTable:
    columns = (
        Column("of"),
        Column("figure"),
        Column("reference", NUMBER),
        Column("from", NUMBER),
        Column("to", NUMBER),
        Column("newest", NUMBER),
        Column("alarms", COUNT),
    )
    rows: Rows = []
    for key, chart in sorted(report.charts.figures.items(), key=lambda each: order(each[0])):
        low, high = chart.reference.limits(chart.risk)
        alarms = sum(bool(each.alarm) for each in chart.points)
        newest = chart.points[-1].measured.value
        rows.append([key.regime.of, key.what, chart.reference.mean, low, high, newest, alarms])
    return ReportTable("figures", "Gates and scores", columns, rows, "no figure is charted yet")


def _lots(report: SpcReport, calendar: StationCalendar) -> ReportTable:
    columns = (
        Column("lot"),
        Column("of"),
        Column("from", TIME),
        Column("judged", COUNT),
        Column("FAIL", COUNT),
        Column("expected from", COUNT),
        Column("expected to", COUNT),
        Column("INVALID", COUNT),
        Column("held", COUNT),
        Column("as expected"),
    )
    rows: Rows = [
        [
            each.lot.lot,
            f"{each.lot.view}, {each.lot.recipe}" if each.lot.recipe else each.lot.view,
            _local(calendar, each.lot.begins),
            each.lot.judged,
            each.lot.failed,
            each.low,
            each.high,
            each.lot.invalid,
            each.lot.held,
            not each.is_outside,
        ]
        for each in report.lots
    ]
    return ReportTable("lots", "FAIL by lot", columns, rows, "no lot was named")


def _local(calendar: StationCalendar, moment: datetime) -> datetime:
    return calendar.local(moment).replace(tzinfo=None)


def _at(calendar: StationCalendar, moment: datetime) -> str:
    return f"{calendar.local(moment):%Y-%m-%d %H:%M}"
