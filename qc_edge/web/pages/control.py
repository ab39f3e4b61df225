"""Control charts: whether camera or process have drifted, to look at and to keep; and what has a
date.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from importlib.util import find_spec
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, Response

from qc_edge.discipline.due.calendar import due_dates
from qc_edge.discipline.spc.examine import examine
from qc_edge.discipline.spc.tables import spc_sheet
from qc_edge.errors import BusyError
from qc_edge.report.pdf import render_pdf
from qc_edge.service.clock import utc_now
from qc_edge.web.guard import POLICY
from qc_edge.web.pages.shift import REPORT_POLICY
from qc_edge.web.visit import PersonVisit

router = APIRouter()

Days = Annotated[int, Query(ge=1, le=400)]
_PATIENCE_S = 20.0
_one = threading.Lock()
"""Charts take a core for seconds: one at a time."""


@router.get("/control")
def show_control(visit: PersonVisit, days: Days = 7) -> Response:
    """Choose how many days; below them, the charts."""
    kinds = ["html", *(["pdf"] if find_spec("weasyprint") else [])]
    dates = due_dates(visit.page.paths, visit.page.settings)
    shown = visit.render("control.html", days=days, kinds=kinds, dates=dates, now=utc_now())
    shown.headers["content-security-policy"] = f"{POLICY}; frame-src 'self'"
    return shown


@router.get("/control/charts")
def show_charts(
    visit: PersonVisit, days: Days = 7, kind: Literal["html", "pdf"] = "html", keep: bool = False
) -> Response:
    """The charts as a document; PDF, and what is to be kept, as a file."""
    page, now = visit.page, utc_now()
    if not _one.acquire(timeout=_PATIENCE_S):
        raise BusyError("the charts are being made just now", hint="try again in a moment")
    try:
        report = examine(page.paths, page.settings.spc, now - timedelta(days=days), now)
        html = spc_sheet(report, page.calendar).html()
        content = render_pdf(html) if kind == "pdf" else html.encode()
    finally:
        _one.release()
    name = f"{page.paths.name}-charts-{page.calendar.local(now):%Y-%m-%d}.{kind}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    if kind == "pdf":
        return Response(content, media_type="application/pdf", headers=headers)
    policy = {"content-security-policy": REPORT_POLICY}
    return HTMLResponse(content, headers=policy | (headers if keep else {}))
