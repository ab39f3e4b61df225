"""Station: its health, what is in force, what is due, and what has happened."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter
from starlette.responses import Response

from qc_edge.query.inspection_search import newest_events
from qc_edge.service.clock import utc_now
from qc_edge.web.attention import attention, is_running
from qc_edge.web.visit import PersonVisit

router = APIRouter()

_EVENTS = 60
_DAYS = 7


@router.get("/station")
def show_station(visit: PersonVisit) -> Response:
    """One look at the station."""
    page, status = visit.page, visit.page.status()
    with page.queries:
        events = newest_events(page.log.cursor(), utc_now() - timedelta(days=_DAYS), _EVENTS)
    return visit.render(
        "station.html",
        status=status,
        is_running=is_running(status),
        attention=attention(status, page.paths.name, visit.words("live.not_running")),
        started=status and page.local(datetime.fromisoformat(status["started_at"])),
        events=events,
        days=_DAYS,
        zone=page.settings.station.time_zone,
    )
