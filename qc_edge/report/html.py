"""The report as one HTML file that needs nothing else: no network, no script, pictures inside."""

from __future__ import annotations

from typing import Any

from qc_edge.report.announcement import describe_announcement
from qc_edge.report.check_lines import check_lines
from qc_edge.report.explanation import (
    describe_evidence,
    describe_map,
    explain_attempt,
    explain_verdict,
    headline,
)
from qc_edge.report.exposure import is_exposure_known
from qc_edge.report.gate_lines import gate_lines
from qc_edge.report.identification import identification
from qc_edge.report.part_report import ExaminedInspection, PartReport
from qc_edge.report.pictures import report_pictures
from qc_edge.report.templates import report_templates
from qc_edge.report.timeline import timeline
from qc_edge.report.verification_commands import verification_commands

_BADGES = {"ACCEPTED": "good", "REJECTED": "bad", "HELD": "held"}
"""The style of each headline in report.css."""

_STEPS = ("wait", "read", "gates", "prepare", "infer", "evidence")
"""The steps whose times stand in a row, in order."""


def render_html(report: PartReport) -> str:
    """The whole report as text, to be written as UTF-8."""
    environment = report_templates()
    style = environment.get_template("report.css").render()
    return environment.get_template("report.html").render(
        report=report,
        style=style,
        badges=_BADGES,
        inspections=[_inspection(inspection) for inspection in report.inspections],
        last=report.told,
        told=headline(report.told),
        attempts=[
            (row, headline(row), explain_attempt(row), row.frames.split())
            for row in report.attempts
        ],
    )


def _inspection(inspection: ExaminedInspection) -> dict[str, Any]:
    row = inspection.row
    evidence = (
        ("frame", inspection.raw, describe_evidence(inspection.raw), row.raw_path),
        (
            "prepared input",
            inspection.prepared,
            describe_evidence(inspection.prepared),
            row.prepared_path,
        ),
        (
            "defect map",
            inspection.defect_map,
            describe_map(inspection.defect_map, inspection.recomputed),
            row.map_path,
        ),
    )
    times = [(step, getattr(row, f"{step}_ms")) for step in _STEPS]
    return {
        "logged": inspection.logged,
        "row": row,
        "headline": headline(row),
        "explanation": explain_verdict(row),
        "announcement": describe_announcement(inspection.logged),
        "exposure_known": is_exposure_known(row),
        "pictures": report_pictures(inspection),
        "gates": gate_lines(row, inspection.calibration),
        "checks": check_lines(inspection),
        "timeline": timeline(inspection),
        "commands": verification_commands(inspection),
        "identification": identification(inspection),
        "evidence": evidence,
        "steps": [(step, time_ms) for step, time_ms in times if time_ms is not None],
    }
