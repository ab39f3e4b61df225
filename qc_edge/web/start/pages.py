"""Start: the way from a camera to the first verdict on an own product, with the next step first."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from qc_edge.web.start.steps import steps
from qc_edge.web.visit import PersonVisit

router = APIRouter()


@router.get("/start")
def show_start(visit: PersonVisit) -> Response:
    """What is done and what is missing."""
    found = steps(visit.page)
    following = next((each for each in found if not each.is_done), None)
    return visit.render("start.html", steps=found, following=following)
