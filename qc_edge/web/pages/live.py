"""Live: the last parts as tiles, the shift's yield, what needs attention; it updates by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from qc_edge.domain.verdict import Reason
from qc_edge.query.inspection_search import newest
from qc_edge.web.attention import attention, is_running
from qc_edge.web.visit import Values, Visit, WatcherVisit, visit_of

router = APIRouter()

TILES = 15
_EVERY_S = 1.0
_KEEP_ALIVE_S = 15.0
STREAMS_MAX = 40
_open_streams = 0


@router.get("/live")
def show_live(visit: WatcherVisit) -> Response:
    """The whole page; a browser without scripts gets the same, once."""
    return visit.render("live.html", **_values(visit))


@router.get("/live/stream")
async def stream_live(visit: WatcherVisit) -> Response:
    """What changes, as server-sent events, for as long as the browser listens."""
    if _open_streams >= STREAMS_MAX:
        return Response(status_code=503, headers={"retry-after": "10"})
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_stream(visit), media_type="text/event-stream", headers=headers)


async def _stream(visit: Visit) -> AsyncIterator[str]:
    global _open_streams  # noqa: PLW0603 (one process, one loop)
    _open_streams += 1
    try:
        before, quiet_s = "", 0.0
        while not visit.page.stopping.is_set():
            if await run_in_threadpool(_has_ended, visit):
                yield "event: login\ndata: \n\n"
                return
            text = await run_in_threadpool(
                lambda: visit.text("live_content.html", **_values(visit))
            )
            if text != before:
                before, quiet_s = text, 0.0
                lines = "".join(f"data: {line}\n" for line in text.splitlines() if line.strip())
                yield f"event: live\n{lines}\n"
            elif quiet_s >= _KEEP_ALIVE_S:
                quiet_s = 0.0
                yield ": still here\n\n"
            for _ in range(4):  # in short steps, so that a stop is not waited for
                if not visit.page.stopping.is_set():
                    await asyncio.sleep(_EVERY_S / 4)
            quiet_s += _EVERY_S
    finally:
        _open_streams -= 1


def _has_ended(visit: Visit) -> bool:
    if visit.page.settings.page.live_without_login:
        return False
    return visit_of(visit.request, is_person=False).session is None


def _values(visit: Visit) -> Values:
    page, status = visit.page, visit.page.status()
    counts = _counts(status)
    return {
        "parts": newest(page.paths.journal, TILES),
        "attention": attention(status, page.paths.name, visit.words("live.not_running")),
        "status": status if is_running(status) else None,
        "shift": status["shift"] if status else None,
        "counts": counts,
        "reasons": sorted(counts["reasons"].items(), key=lambda each: -each[1])[:6],
    }


def _counts(status: dict[str, Any] | None) -> dict[str, Any]:
    """The tally of the shift, or of the day where there are no shifts, with its yield."""
    counts = status and ((status["shift"] or {}).get("counts") or status["today"])
    counts = counts or {"verdicts": {}, "reasons": {}, "held": 0, "lost": 0}
    verdicts = counts["verdicts"]
    good, bad = verdicts.get("PASS", 0), verdicts.get("FAIL", 0)
    reasons = dict(counts["reasons"])
    if bad:
        reasons[Reason.SCORE_REACHES_THRESHOLD.value] = bad
    return {
        **counts,
        "reasons": reasons,
        "inspected": sum(verdicts.values()),
        "good": good,
        "bad": bad,
        "invalid": verdicts.get("INVALID", 0),
        "yield": good / (good + bad) if good + bad else None,
    }
