"""Pictures of inspections, by frame id: never by a path, which would be somebody else's choice."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timezone
from threading import Lock
from typing import Literal

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from qc_edge.domain.frame import FrameId, frame_id_micros
from qc_edge.domain.inspection import Inspection
from qc_edge.query.inspection_search import find_frame, newest
from qc_edge.web.pictures import PictureKind
from qc_edge.web.station_page import StationPage
from qc_edge.web.templates import STATIC
from qc_edge.web.visit import LogInNeededError, WatcherVisit

router = APIRouter()

_RECENT = 64
_KEPT = 512
_DAY_S = 24 * 3600


class _Rows:
    """Rows by frame, those asked for last. They never change, so that they may be kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rows: OrderedDict[tuple[StationPage, str], Inspection] = OrderedDict()

    def get(self, page: StationPage, frame_id: str) -> Inspection | None:
        """The row of a frame; None if there is none. Raises StoreError."""
        with self._lock:
            row = self._rows.get((page, frame_id))
        if row is None and (row := _found(page, frame_id)) is not None:
            with self._lock:
                self._rows[page, frame_id] = row
                while len(self._rows) > _KEPT:
                    self._rows.popitem(last=False)
        return row


_ROWS = _Rows()


def row_of(page: StationPage, frame_id: str) -> Inspection | None:
    """The inspection of a frame; None if there is none. Raises StoreError."""
    return _ROWS.get(page, frame_id)


@router.get("/picture/{frame_id}/{kind}")
def show_picture(
    visit: WatcherVisit,
    frame_id: str,
    kind: PictureKind,
    size: Literal["small", "large", "whole"] = "large",
) -> Response:
    """A copy as JPEG or PNG; where the evidence is gone, a picture that says so, with 404."""
    if visit.session is None and not _is_on_live(visit.page, frame_id, kind, size):
        raise LogInNeededError
    row = row_of(visit.page, frame_id)
    copy = visit.page.pictures.get(row, kind, size) if row else None
    if copy is None:
        return FileResponse(STATIC / "gone.svg", 404, media_type="image/svg+xml")
    kind_of_file = "image/png" if kind is PictureKind.MAP else "image/jpeg"
    headers = {"cache-control": f"private, max-age={_DAY_S}, immutable"}
    return Response(copy, media_type=kind_of_file, headers=headers)


def _is_on_live(page: StationPage, frame_id: str, kind: PictureKind, size: str) -> bool:
    # More rows than Live has tiles: a fast line goes on while a browser fetches what it was shown.
    recent = newest(page.paths.journal, _RECENT)
    is_tile = kind is PictureKind.FRAME and size == "small"
    return is_tile and any(row.frame_id == frame_id for row in recent)


def _found(page: StationPage, frame_id: str) -> Inspection | None:
    for row in newest(page.paths.journal, _RECENT):
        if row.frame_id == frame_id:
            return row
    try:
        micros = frame_id_micros(FrameId(frame_id))
        exposed_at = datetime.fromtimestamp(micros / 1e6, timezone.utc)
    except (ValueError, OverflowError):
        return None
    with page.queries:
        return find_frame(page.log.cursor(), frame_id, exposed_at)
