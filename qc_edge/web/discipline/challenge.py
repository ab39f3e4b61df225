"""Challenge parts at the page: begin a challenge, the register, and an override.

The page asks; the station takes it up, or refuses it and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import cast

import cv2
from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from qc_edge.challenge import asking, drop
from qc_edge.challenge.request import MAY_OVERRIDE, MAY_REGISTER, Expected
from qc_edge.domain.activation import recipe_name
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Verdict
from qc_edge.errors import UsageError
from qc_edge.labels.targets import known_classes
from qc_edge.recipe.changeover.approved import ApprovedRecipes
from qc_edge.service.clock import utc_now
from qc_edge.web.discipline.asked import attribution, required
from qc_edge.web.pages.picture import row_of
from qc_edge.web.visit import Fields, NotAllowedError, PageVisit, PersonVisit, Visit

router = APIRouter(prefix="/challenge")

_ENDED, _SHOWN = 20, 30
"""Challenges, and parts that were shown, on the page; `qc-edge challenge history` has all."""

_USES_MAX = 10**6


@router.get("")
def show_challenge(visit: PersonVisit) -> Response:
    """How it stands, the register, what was shown, and what this person may do about it."""
    page, status = visit.page, visit.page.status()
    with page.queries:
        register = asking.registered(page.paths)
        ended = asking.published_rows(page.paths, "challenges")[: -_ENDED - 1 : -1]
        shown = asking.published_rows(page.paths, "challenge_results")[: -_SHOWN - 1 : -1]
    newest = _newest_pictures(visit)
    models = {(row.model_name, row.model_version) for row in newest}
    classes = {each for model in models for each in known_classes(page.paths, *model)}
    return visit.render(
        "challenge.html",
        challenge=(status or {}).get("challenge"),
        entries=register.entries,
        now=utc_now(),
        ended=ended,
        shown=shown,
        pictures=newest,
        recipes=_recipes(visit),
        classes=sorted(classes),
        verdicts=[verdict.value for verdict in Verdict],
        may_register=visit.user.role in MAY_REGISTER,
        may_override=visit.user.role in MAY_OVERRIDE,
    )


@router.post("/run")
def begin(visit: PersonVisit, fields: Fields) -> Response:
    """Ask for a challenge: anybody at the line may, since it lets nothing through."""
    visit.require_token(fields.get("token"))
    order = tuple(each.strip() for each in fields.get("order", "").split(",") if each.strip())
    why = fields.get("why", "").strip() or None
    return _told(asking.ask_to_run(visit.page.paths, visit.user.name, why, order))


@router.post("/override")
def override(visit: PersonVisit, fields: Fields) -> Response:
    """Ask to go on without the challenge that is due."""
    visit.require_token(fields.get("token"))
    if visit.user.role not in MAY_OVERRIDE:
        raise NotAllowedError
    by = attribution(visit, fields)
    return _told(asking.ask_to_override(visit.page.paths, by, visit.user.role))


@router.post("/register")
def register(visit: PersonVisit, fields: Fields) -> Response:
    """Ask for an entry of the register."""
    visit.require_token(fields.get("token"))
    _require_registrar(visit)
    by = attribution(visit, fields)
    entry = _wish(visit, fields).entry(_photograph(visit, fields), _uses(fields))
    return _told(asking.ask_to_register(visit.page.paths, entry, by, visit.user.role))


@router.post("/retire")
def retire(visit: PersonVisit, fields: Fields) -> Response:
    """Ask to take a part out of the set."""
    visit.require_token(fields.get("token"))
    _require_registrar(visit)
    by = attribution(visit, fields)
    serial, _, recipe = fields.get("part", "").partition("\n")
    return _told(asking.ask_to_retire(visit.page.paths, serial, recipe.strip(), by))


@router.get("/told")
def tell(visit: PageVisit, request: str) -> Response:
    """What has become of it; the page asks each second while it waits."""
    paths = visit.page.paths
    return visit.render(
        "asked.html",
        title=visit.words("challenge.title"),
        back="/challenge",
        waits=drop.is_waiting(paths, request),
        refused=drop.why_set_aside(paths, request),
    )


def _told(request: Path) -> Response:
    return RedirectResponse(f"/challenge/told?request={request.stem}", 303)


def _require_registrar(visit: Visit) -> None:
    if visit.user.role not in MAY_REGISTER:
        raise NotAllowedError


def _wish(visit: Visit, fields: Mapping[str, str]) -> asking.RegisterWish:
    """What was typed. Raises UsageError for what the page's own form cannot send."""
    expected = fields.get("expected", "")
    if expected not in {verdict.value for verdict in Verdict}:
        raise UsageError("what must the station say of it?", hint="PASS, FAIL or INVALID")
    until = required(visit, fields, "until")
    try:
        date.fromisoformat(until)
    except ValueError:
        raise UsageError(visit.words("part.bad_time")) from None
    most = fields.get("max_uses", "").strip()
    return asking.RegisterWish(
        serial=required(visit, fields, "serial"),
        recipe=fields.get("recipe", ""),
        expected=cast("Expected", expected),
        expected_class=fields.get("class", "").strip() or None,
        part_id=fields.get("part_id", "").strip() or None,
        certified_by=required(visit, fields, "certified_by"),
        valid_until=until,
        max_uses=_count(most, 1) if most else None,
    )


def _uses(fields: Mapping[str, str]) -> int:
    return _count(fields.get("uses", "").strip() or "0", 0)


def _count(text: str, least: int) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1
    if not least <= number <= _USES_MAX:
        raise UsageError(f"expected a number from {least} to {_USES_MAX}")
    return number


def _photograph(visit: Visit, fields: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The picture of a frame, kept as that of the part; its path and digest, or nothing."""
    if not (frame := fields.get("picture", "")):
        return None, None
    row = row_of(visit.page, frame)
    gray = visit.page.aim.gray(row) if row else None
    if gray is None:
        raise UsageError("that picture is gone", hint="choose another one, or none")
    return drop.keep_photograph(visit.page.paths, cv2.imencode(".png", gray)[1].tobytes())


def _newest_pictures(visit: Visit) -> list[Inspection]:
    """The newest frame of each camera."""
    aim = visit.page.aim
    found = (aim.newest(camera) for camera in aim.cameras(visit.page.settings))
    return [row for row in found if row is not None]


def _recipes(visit: Visit) -> list[str]:
    """What a part may be for: approved recipes; without any, the station itself ("")."""
    names = {recipe_name(each) for each in ApprovedRecipes.of(visit.page.paths).by_reference}
    return ["", *sorted(names)]
