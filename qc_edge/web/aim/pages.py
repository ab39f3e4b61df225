"""Aim: the newest frame of a camera with its figures, asked for up to five times a second."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import FileResponse, JSONResponse, Response

from qc_edge.service.clock import utc_now
from qc_edge.vision.gates import focus
from qc_edge.web.aim.figures import aim_figures, histogram
from qc_edge.web.aim.looking import ZOOMS, Look, jpeg
from qc_edge.web.pages.picture import row_of
from qc_edge.web.templates import STATIC
from qc_edge.web.visit import PageVisit, PersonVisit

router = APIRouter()


def _look(
    zoom: Literal["1", "2", "4", "8"] = "1",
    x: Annotated[float, Query(ge=0, le=1)] = 0.5,
    y: Annotated[float, Query(ge=0, le=1)] = 0.5,
) -> Look:
    return Look(int(zoom), x, y)


LookAt = Annotated[Look, Depends(_look)]


@router.get("/aim")
def show_aim(visit: PersonVisit, camera: str = "") -> Response:
    """One camera; the first one if none is named."""
    cameras = visit.page.aim.cameras(visit.page.settings)
    chosen = camera if camera in cameras else next(iter(cameras), "")
    return visit.render("aim.html", cameras=cameras, camera=chosen, zooms=ZOOMS)


@router.get("/aim/look")
def look(visit: PageVisit, camera: str, look: LookAt, after: str = "") -> Response:
    """The newest frame's figures, and what is seen of it; 204 while it is still the one `after`."""
    frames = visit.page.aim
    row = frames.newest(camera)
    seen = f"{row.frame_id} {look.zoom} {look.x:g} {look.y:g}" if row else ""
    if row is None or seen == after:
        return Response(status_code=204)
    calibration, gray = frames.calibration(row), frames.gray(row)
    values: dict[str, object] = {
        "frame": row.frame_id,
        "seen": seen,
        "age_s": (utc_now() - row.captured_at).total_seconds(),
        "reason": visit.words.code("reason", row.reason.value),
        "is_refused": row.verdict.value == "INVALID",
        "figures": {
            figure.name: {
                "value": figure.value,
                "low": figure.low,
                "high": figure.high,
                "within": figure.is_within,
            }
            for figure in aim_figures(row, calibration)
        },
        "region": calibration.roi,
    }
    if gray is not None:
        values |= {
            "width": gray.shape[1],
            "height": gray.shape[0],
            "area": look.area(gray.shape[1], gray.shape[0]),
            "focus": focus(look.of(gray)) if look.zoom > 1 else row.focus,
            "histogram": histogram(gray, calibration),
        }
    return JSONResponse(values)


@router.get("/aim/picture/{frame_id}")
def show_picture(
    visit: PageVisit, frame_id: str, look: LookAt, clipped: Literal["0", "1"] = "0"
) -> Response:
    """What is seen of a frame, as a JPEG; where the evidence is gone, a picture that says so."""
    row = row_of(visit.page, frame_id)
    gray = visit.page.aim.gray(row) if row else None
    if gray is None:
        return FileResponse(STATIC / "gone.svg", 404, media_type="image/svg+xml")
    return Response(jpeg(look.of(gray), marks_clipped=clipped == "1"), media_type="image/jpeg")
