"""Part: find one by id, lot and time, and its whole story."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from qc_edge.query.inspection_search import Search, newest, search_inspections
from qc_edge.query.kept.hold_rows import in_effect
from qc_edge.report.announcement import describe_announcement
from qc_edge.report.check_lines import check_lines
from qc_edge.report.explanation import explain_verdict
from qc_edge.report.gate_lines import gate_lines
from qc_edge.report.html import render_html
from qc_edge.report.part_report import examine_part
from qc_edge.report.timeline import timeline
from qc_edge.web.visit import PersonVisit, Visit, moment_typed

router = APIRouter()

_FOUND_MAX = 60
_REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox"
)
"""A report is a document for its own: it has its style inside, and no script at all."""


@router.get("/part")
def show_search(
    visit: PersonVisit,
    part: str = "",
    lot: str = "",
    since: str = "",
    until: str = "",
    disposition: Literal["", "ACCEPT", "REJECT", "HOLD"] = "",
) -> Response:
    """The form, and what was found; without a question, the newest parts."""
    said, found = "", []
    try:
        search = Search(
            part,
            lot,
            moment_typed(visit, since),
            moment_typed(visit, until),
            "",
            disposition,
            _FOUND_MAX,
        )
    except ValueError:
        said = visit.words("part.bad_time")
    else:
        found = _found(visit, search)
    asked = {"part": part, "lot": lot, "since": since, "until": until, "disposition": disposition}
    return visit.render("parts.html", found=found, said=said, most=_FOUND_MAX, **asked)


@router.get("/part/story")
def show_story(visit: PersonVisit, id: str) -> Response:  # noqa: A002 (the name in the address)
    """One part: every inspection, why, and what its evidence says today."""
    with visit.page.queries:
        report = examine_part(visit.page.paths, id, published_only=True)
    inspections = [
        {
            "row": each.row,
            "why": explain_verdict(each.row),
            "announcement": describe_announcement(each.logged),
            "gates": gate_lines(each.row, each.calibration),
            "checks": check_lines(each),
            "timeline": timeline(each),
            "labels": each.logged.labels,
            "holds": in_effect(each.logged.hold_entries),
        }
        for each in reversed(report.inspections)
    ]
    return visit.render("story.html", report=report, inspections=inspections, last=report.last.row)


@router.get("/part/report")
def show_report(visit: PersonVisit, id: str) -> Response:  # noqa: A002 (the name in the address)
    """The report as one document, to keep or to print."""
    with visit.page.queries:
        report = examine_part(visit.page.paths, id, recompute=True, published_only=True)
    return HTMLResponse(render_html(report), headers={"content-security-policy": _REPORT_POLICY})


def _found(visit: Visit, search: Search) -> list[object]:
    page = visit.page
    if search == Search(limit=_FOUND_MAX):
        return [*newest(page.paths.journal, _FOUND_MAX)]
    with page.queries:
        return [*search_inspections(page.lookup(), search)]
