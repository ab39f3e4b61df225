"""Shift: the report of a shift or a day, to look at and to keep."""

from __future__ import annotations

import re
import threading
from importlib.util import find_spec
from typing import Literal

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from qc_edge.domain.reporting.shift_period import LAST, ShiftPeriod, find_period
from qc_edge.errors import BusyError, UsageError
from qc_edge.report.shift.files import render
from qc_edge.report.shift.shift_report import make_shift_report
from qc_edge.service.clock import utc_now
from qc_edge.web.guard import POLICY
from qc_edge.web.visit import PersonVisit, Visit

router = APIRouter()

REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox"
)
"""As the report of a part; this one is shown inside of a page."""

_NEEDS = {"html": None, "pdf": "weasyprint", "xlsx": "xlsxwriter", "zip": None}
"""The kinds of files, and the package that each needs."""

_TYPES = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
_PATIENCE_S = 20.0
_one = threading.Lock()
"""A report takes a core for seconds: one at a time."""


@router.get("/shift")
def show_shift(visit: PersonVisit, day: str = "", shift: str = "") -> Response:
    """Choose a shift; below it, its report."""
    calendar = visit.page.calendar
    try:
        period, said = _period(visit, day, shift), ""
    except UsageError as fault:
        period, said = _period(visit, "", ""), f"{fault.message}. {fault.hint}"
    shown = visit.render(
        "shift.html",
        period=period,
        said=said,
        shifts=list(dict.fromkeys(each.name for each in calendar.shifts)),
        kinds=[kind for kind, needed in _NEEDS.items() if needed is None or find_spec(needed)],
        runs=not period.is_over(utc_now()),
    )
    shown.headers["content-security-policy"] = f"{POLICY}; frame-src 'self'"
    return shown


@router.get("/shift/report")
def show_report(
    visit: PersonVisit,
    day: str = "",
    shift: str = "",
    kind: Literal["html", "pdf", "xlsx", "zip"] = "html",
    keep: bool = False,
) -> Response:
    """The report as a document; all but HTML, and what is to be kept, as a file."""
    period = _period(visit, day, shift)
    if not _one.acquire(timeout=_PATIENCE_S):
        raise BusyError("another report is being made just now", hint="try again in a moment")
    try:
        content = render(
            make_shift_report(visit.page.paths, visit.page.calendar, period), f".{kind}"
        )
    finally:
        _one.release()
    name = f"{visit.page.paths.name}-{period.day}-{period.shift or 'day'}.{kind}"
    headers = {"content-disposition": f'attachment; filename="{_plain(name)}"'}
    if kind != "html":
        return Response(content, media_type=_TYPES[kind], headers=headers)
    policy = {"content-security-policy": REPORT_POLICY}
    return HTMLResponse(content, headers=policy | (headers if keep else {}))


def _period(visit: Visit, day: str, shift: str) -> ShiftPeriod:
    wanted = f"{day or 'today'}/{shift}" if shift else day or LAST
    return find_period(visit.page.calendar, wanted, utc_now())


def _plain(name: str) -> str:
    """A name that a header can have: a shift may be called anything."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", name)
