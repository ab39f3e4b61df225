"""A calibration step by step: the region, the good parts, what they ask for, who and why.

The page measures to show what would become; the station measures again before anything is in force.
"""

from __future__ import annotations

import threading
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from qc_edge.domain.label import PersonRole
from qc_edge.errors import BusyError, UsageError
from qc_edge.recipe.calibrating.good_frames import GoodFrameFiles, chosen_frames, from_evidence
from qc_edge.recipe.calibrating.overruled import check_of_station
from qc_edge.recipe.calibrating.proposal import (
    CalibrationTerms,
    Region,
    current_calibration,
    propose_calibration,
)
from qc_edge.records import calibration_requests as requests
from qc_edge.records import calibrations
from qc_edge.records.calibration_requests import (
    FRAMES_MAX,
    REGION_MIN,
    CalibrationRequest,
    figures_digest,
)
from qc_edge.service.clock import utc_now
from qc_edge.web.visit import Fields, NotAllowedError, PageVisit, PersonVisit, Visit

router = APIRouter(prefix="/aim/calibrate")

_FRAMES = 20
_TURN = threading.BoundedSemaphore(1)
_TURN_S = 20.0

Count = Annotated[int, Query(ge=3, le=FRAMES_MAX)]


@router.get("")
def choose(visit: PersonVisit, camera: str) -> Response:
    """The first step: what is to be inspected of the picture, and which parts are good."""
    _require_engineer(visit)
    row = visit.page.aim.newest(camera)
    gray = visit.page.aim.gray(row) if row else None
    if row is None or gray is None:
        return visit.render("calibrate.html", camera=camera, row=None)
    current, warning = current_calibration(visit.page.paths, camera, utc_now())
    return visit.render(
        "calibrate.html",
        camera=camera,
        row=row,
        size=(gray.shape[1], gray.shape[0]),
        least=REGION_MIN,
        current=current,
        warning=warning,
        frames=current.learning or _FRAMES,
        most=FRAMES_MAX,
    )


@router.get("/proposal")
def propose(
    visit: PersonVisit,
    camera: str,
    take: Literal["passed", "any"] = "passed",
    count: Count = _FRAMES,
    region: str = "",
    without: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """The second step: the parts to look at, and each bound as it is and as it would become.

    `without` are the frames that the person has taken out.
    """
    _require_engineer(visit)
    paths, out = visit.page.paths, set(without or ())
    wanted = _region(region)
    check_of_station(paths, visit.page.settings, camera, wanted)
    frames = from_evidence(paths, camera, count, any_verdict=take == "any")
    kept = [row.frame_id for row in frames.rows if row.frame_id not in out]
    terms = CalibrationTerms(visit.user.name, has_region=True, region=wanted, made_at=utc_now())
    if not _TURN.acquire(timeout=_TURN_S):
        raise BusyError("somebody else is looking at a calibration", hint="try again in a moment")
    try:
        # As the station will: what a person has seen and left in is no stray that goes by itself.
        chosen = chosen_frames(paths, camera, kept) if kept else GoodFrameFiles((), "")
        found = propose_calibration(paths, camera, chosen, terms)
    finally:
        _TURN.release()
    record = found.proposal.calibration
    return visit.render(
        "calibrate_proposal.html",
        camera=camera,
        take=take,
        count=count,
        region=region,
        rows=frames.rows,
        out=out,
        kept=kept,
        record=record,
        expects=figures_digest(record) if record else "",
        proposal=found.proposal,
        warnings=found.warnings,
        current=found.current,
        may=visit.page.settings.page.calibrates,
    )


@router.post("")
def ask(visit: PersonVisit, fields: Fields) -> Response:
    """The last step: ask the station for it, with who and why."""
    visit.require_token(fields.get("token"))
    _require_engineer(visit)
    if not visit.page.settings.page.calibrates:
        raise NotAllowedError
    why = fields.get("why", "").strip()
    if not why:
        raise UsageError(visit.words("review.why_missing"))
    camera, learning = fields.get("camera", ""), fields.get("learning", "")
    if camera not in visit.page.aim.cameras(visit.page.settings):
        raise UsageError(f"there is no camera {camera!r}")
    region = _region(fields.get("region", ""))
    check_of_station(visit.page.paths, visit.page.settings, camera, region)
    request = CalibrationRequest(
        camera,
        visit.user.name,
        why[:500],
        utc_now(),
        region,
        tuple(filter(None, fields.get("frames", "").split(","))) if not learning else (),
        _whole(learning, 3, 1000) if learning else None,
        fields.get("expects", ""),
        _whole(fields.get("days", "365"), 1, 3650),
    )
    name = requests.leave(visit.page.paths.requests, request)
    if name is None:
        raise BusyError("too many requests wait for the station", hint="does the station run?")
    query = urlencode({"camera": camera, "request": name})
    return RedirectResponse(f"/aim/calibrate/told?{query}", 303)


@router.get("/told")
def tell(visit: PageVisit, camera: str, request: str) -> Response:
    """What has become of it: it waits, it is in force, or why it was refused. The page asks each
    second.
    """
    paths = visit.page.paths
    waits = requests.is_waiting(paths.requests, request)
    refused = requests.why_refused(paths.set_aside, request)
    return visit.render(
        "calibrate_told.html",
        camera=camera,
        waits=waits,
        refused=refused,
        newest=calibrations.newest(paths.calibration, camera)
        if camera in calibrations.cameras(paths.calibration)
        else "",
    )


def _require_engineer(visit: Visit) -> None:
    if visit.user.role not in {PersonRole.ENGINEER, PersonRole.QUALITY}:
        raise NotAllowedError


def _region(text: str) -> Region | None:
    """`x,y,width,height` as a region, nothing as the whole frame. Raises UsageError."""
    if not text.strip():
        return None
    try:
        x, y, width, height = (int(number) for number in text.split(","))
    except ValueError:
        raise UsageError(f"{text[:50]!r} is no region", hint="x,y,width,height") from None
    if min(x, y) < 0 or min(width, height) < REGION_MIN:
        raise UsageError(f"a region has at least {REGION_MIN} x {REGION_MIN} pixels")
    return x, y, width, height


def _whole(text: str, least: int, most: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise UsageError(f"expected a number from {least} to {most}")
    return number
