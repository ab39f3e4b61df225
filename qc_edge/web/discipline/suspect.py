"""Suspect parts at the page: found and put on hold, their list and sheet, and their release."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from starlette.responses import FileResponse, RedirectResponse, Response

from qc_edge.discipline.suspect.quarantine import CAUSE, SuspectAsk, quarantine
from qc_edge.discipline.suspect.releasing import release_parts, release_reinspected
from qc_edge.discipline.suspect.window import SuspectCause
from qc_edge.domain.label import PersonRole
from qc_edge.errors import BusyError, UsageError
from qc_edge.labels.holds import WrittenHold, writing
from qc_edge.query.kept.hold_rows import HeldNow, held_now, held_parts
from qc_edge.recipe.attribution import Attribution
from qc_edge.web.discipline.asked import attribution
from qc_edge.web.discipline.suspect_lists import NAMES, SuspectLists
from qc_edge.web.pages.shift import REPORT_POLICY
from qc_edge.web.visit import (
    Fields,
    NotAllowedError,
    PageVisit,
    PersonVisit,
    Visit,
    form_pairs,
    moment_typed,
)

router = APIRouter(prefix="/suspect")

_PARTS = 50
"""Of one hold on a page: as many as a form may have fields."""

_PATIENCE_S = 20.0
_one = threading.Lock()
"""A window over millions of rows takes a core for seconds: one at a time."""

_TYPES = {"parts.csv": "text/csv", "suspect.pdf": "application/pdf", "suspect.html": "text/html"}

Pairs = Annotated[list[tuple[str, str]], Depends(form_pairs)]


@router.get("")
def show_suspect(visit: PersonVisit) -> Response:
    """What is on hold, the lists that were made here, and the form for another one."""
    return visit.render(
        "suspect.html",
        holds=_holds(visit),
        lists=_lists(visit).all(),
        causes=[cause.value for cause in SuspectCause],
        said="",
    )


@router.post("/find")
def find(visit: PersonVisit, fields: Fields) -> Response:
    """Find them, hold them if that is wanted, and write the list: anybody who is logged in may,
    since a hold only keeps.
    """
    visit.require_token(fields.get("token"))
    ask = _ask(visit, fields)
    if not _one.acquire(timeout=_PATIENCE_S):
        raise BusyError("another list is being made just now", hint="try again in a moment")
    lists = _lists(visit)
    try:
        directory = lists.new()
        found = quarantine(visit.page.paths, ask, directory)
        name = lists.keep(found, ask.by)
    finally:
        lists.tidy()
        _one.release()
    return RedirectResponse(f"/suspect/list?name={name}", 303)


@router.get("/list")
def show_list(visit: PersonVisit, name: str) -> Response:
    """What was found, and its files."""
    return visit.render("suspect_list.html", found=_lists(visit).load(name))


@router.get("/file/{name}/{file}")
def give_file(
    visit: PersonVisit, name: str, file: Literal["parts.csv", "suspect.html", "suspect.pdf"]
) -> Response:
    """A list's file: the sheet to be looked at, the others to be kept."""
    path = _lists(visit).file(name, file)
    kept = None if file == "suspect.html" else f"{visit.page.paths.name}-{name}-{file}"
    headers = {"content-security-policy": REPORT_POLICY} if kept is None else None
    return FileResponse(path, media_type=_TYPES[file], filename=kept, headers=headers)


@router.get("/hold")
def show_hold(visit: PersonVisit, hold: str, part: str = "") -> Response:
    """The parts that are still held, to be released by quality."""
    with visit.page.queries:
        log = visit.page.log.cursor()
        # No other hold's: whoever judges in a study must not find its parts by its hold.
        parts = held_parts(log, hold, CAUSE, part, _PARTS)
    return visit.render(
        "suspect_hold.html",
        hold=hold,
        parts=parts,
        most=_PARTS,
        part=part,
        may_release=visit.user.role is PersonRole.QUALITY,
    )


@router.post("/release")
def release(visit: PersonVisit, pairs: Pairs) -> Response:
    """Release the marked parts, or all that came again and were accepted."""
    fields = dict(pairs)
    visit.require_token(fields.get("token"))
    if visit.user.role is not PersonRole.QUALITY:
        raise NotAllowedError
    paths, hold, by = visit.page.paths, fields.get("hold", ""), attribution(visit, fields)
    parts = [value for name, value in pairs if name == "part" and value]
    if fields.get("what") == "again":
        written, _ = release_reinspected(paths, hold, by)
    elif parts:
        written = release_parts(paths, hold, parts, by)
    else:
        raise UsageError(visit.words("suspect.none_marked"))
    return RedirectResponse(f"/suspect/told?hold={hold}&record={_record(written)}", 303)


@router.get("/told")
def tell(visit: PageVisit, hold: str, record: str) -> Response:
    """What has become of a release; the page asks each second while it waits."""
    state = writing.state_of(visit.page.paths, record)
    return visit.render(
        "asked.html",
        title=visit.words("suspect.of_hold", hold=hold[:32]),
        back=f"/suspect/hold?hold={hold[:32]}",
        waits=state == "waits",
        refused="hold_refused" if state == "refused" else None,
    )


def _record(written: WrittenHold) -> str:
    return written.records[-1].name


def _lists(visit: Visit) -> SuspectLists:
    return SuspectLists(visit.page.paths.page / NAMES)


def _holds(visit: Visit) -> list[HeldNow]:
    with visit.page.queries:
        return [each for each in held_now(visit.page.log.cursor()) if each.cause == CAUSE]


def _ask(visit: Visit, fields: Fields) -> SuspectAsk:
    """What is asked. Raises UsageError."""
    holds = fields.get("what") == "hold"
    # A list alone decides nothing, and needs no reason.
    by = attribution(visit, fields) if holds else Attribution(visit.user.name, "-")
    cause, times = fields.get("cause", ""), dict[str, datetime | None]()
    recipe = fields.get("recipe", "").strip() or None
    if cause != "time":
        known = {each.value for each in SuspectCause}
        if cause not in known:
            raise UsageError("what turned out to be wrong?", hint=", ".join(sorted(known)))
        return SuspectAsk(by, SuspectCause(cause), recipe=recipe, holds=holds, role=visit.user.role)
    try:
        times = {name: moment_typed(visit, fields.get(name, "")) for name in ("since", "until")}
    except ValueError:
        raise UsageError(visit.words("part.bad_time")) from None
    if times["since"] is None:
        raise UsageError(visit.words("part.bad_time"))
    return SuspectAsk(by, None, times["since"], times["until"], recipe, holds, visit.user.role)
