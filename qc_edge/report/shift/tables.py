"""The shift report as tables of values, which every kind of file is made of."""

from __future__ import annotations

from datetime import datetime

from qc_edge.report.shift.report_table import COUNT, NUMBER, SHARE, TIME, Cell, Column, ReportTable
from qc_edge.report.shift.shift_report import ShiftReport
from qc_edge.report.shift.yield_tables import line_table, yield_tables

Rows = list[list[Cell]]


def report_tables(report: ShiftReport) -> list[ReportTable]:
    """All tables of the report, in its order."""
    return [
        *yield_tables(report),
        _reasons(report),
        _classes(report),
        _fail_chart(report),
        _gates(report),
        _closure(report),
        line_table(report),
        _gaps(report),
        _events(report),
        _worst(report),
    ]


def _reasons(report: ShiftReport) -> ReportTable:
    columns = (
        Column("reason"),
        Column("frames", COUNT),
        Column("share", SHARE),
        Column("cumulated", SHARE),
        Column("parts", COUNT),
    )
    total, sum_so_far = sum(each.frames for each in report.reasons), 0
    rows: Rows = []
    for each in report.reasons:
        sum_so_far += each.frames
        share, cumulated = (n / total if total else None for n in (each.frames, sum_so_far))
        rows.append([each.reason, each.frames, share, cumulated, each.parts])
    return ReportTable("reasons", "Not accepted, and why", columns, rows, "all were accepted")


def _classes(report: ShiftReport) -> ReportTable:
    columns = (
        Column("class"),
        Column("FAIL by the model", COUNT),
        Column("labelled by people", COUNT),
    )
    rows: Rows = [
        [each.name or "no class", each.by_model, each.by_people] for each in report.classes
    ]
    return ReportTable("classes", "Classes of defects", columns, rows, "no defect")


def _fail_chart(report: ShiftReport) -> ReportTable:
    columns = (
        Column("from", TIME),
        Column("judged", COUNT),
        Column("FAIL", COUNT),
        Column("FAIL rate", SHARE),
        Column("expected from", COUNT),
        Column("expected to", COUNT),
        Column("as expected"),
    )
    rows: Rows = [
        [
            _local(report, point.counted.begins),
            point.counted.judged,
            point.counted.failed,
            point.counted.failed / point.counted.judged,
            point.low,
            point.high,
            not point.is_outside,
        ]
        for point in report.fail_points
    ]
    return ReportTable("fail-rate", "FAIL rate over time", columns, rows, "nothing was judged")


def _gates(report: ShiftReport) -> ReportTable:
    columns = (
        Column("view"),
        Column("figure"),
        Column("from", TIME),
        Column("frames", COUNT),
        Column("5 % below", NUMBER),
        Column("median", NUMBER),
        Column("5 % above", NUMBER),
        Column("at least", NUMBER),
        Column("at most", NUMBER),
        Column("calibration"),
    )
    rows: Rows = [
        [
            trend.view,
            trend.figure.heading,
            _local(report, point.measured.begins),
            point.measured.frames,
            *(
                None if value is None else value * trend.figure.scale
                for value in (
                    point.measured.low,
                    point.measured.median,
                    point.measured.high,
                    point.low,
                    point.high,
                )
            ),
            point.measured.calibration_id,
        ]
        for trend in report.gates
        for point in trend.points
    ]
    return ReportTable("gates", "Gates over time", columns, rows, "no frame was measured")


def _closure(report: ShiftReport) -> ReportTable:
    columns = (
        Column("camera"),
        Column("triggers", COUNT),
        Column("PASS", COUNT),
        Column("FAIL", COUNT),
        Column("INVALID", COUNT),
        Column("known-lost", COUNT),
        Column("numbers missing", COUNT),
        Column("closes"),
    )
    rows: Rows = [
        [
            each.camera,
            each.triggers,
            each.passed,
            each.failed,
            each.invalid,
            each.lost,
            each.skipped,
            "no counter" if each.closes is None else each.closes,
        ]
        for each in report.counts
    ]
    return ReportTable("count", "Does the count close?", columns, rows, "nothing was counted")


def _gaps(report: ShiftReport) -> ReportTable:
    columns = (
        Column("noticed", TIME),
        Column("camera"),
        Column("lost", COUNT),
        Column("reason"),
        Column("what was said"),
    )
    rows: Rows = [
        [_local(report, each.noticed_at), each.camera, each.lost, each.reason, each.detail]
        for each in report.gaps
    ]
    return ReportTable("gaps", "Frames that never came", columns, rows)


def _events(report: ShiftReport) -> ReportTable:
    headings = ("kind", "what", "before", "after", "who", "why")
    columns = (Column("when", TIME), *map(Column, headings))
    rows: Rows = [
        [
            _local(report, each.recorded_at),
            each.kind,
            each.detail,
            each.before,
            each.after,
            each.who,
            each.why,
        ]
        for each in report.events
    ]
    return ReportTable("events", "Changes and troubles", columns, rows)


def _worst(report: ShiftReport) -> ReportTable:
    columns = (
        Column("part"),
        Column("when", TIME),
        Column("view"),
        Column("lot"),
        Column("verdict"),
        Column("decided"),
        Column("score", NUMBER),
        Column("threshold", NUMBER),
        Column("class"),
        Column("frame"),
        Column("note"),
    )
    rows: Rows = [
        [
            row.part_id,
            _local(report, row.recorded_at),
            row.view or row.camera,
            row.lot,
            str(row.verdict),
            str(row.disposition),
            row.score,
            row.threshold,
            row.predicted_class,
            row.frame_id,
            each.note or None,
        ]
        for each in report.worst
        for row in (each.row,)
    ]
    return ReportTable("worst", "The highest scores", columns, rows, "nothing was judged")


def _local(report: ShiftReport, moment: datetime) -> datetime:
    return report.calendar.local(moment).replace(tzinfo=None)
