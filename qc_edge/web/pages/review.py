"""Review: the next part that a person should judge, and what they say of it; disputes too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from qc_edge.domain.inspection import Inspection
from qc_edge.domain.label import Box, LabelSource, PersonRole, Said
from qc_edge.errors import UsageError
from qc_edge.labels import LabelRequest, write
from qc_edge.labels.targets import known_classes
from qc_edge.query.inspection_lookup import InspectionFound
from qc_edge.review import ReviewItem
from qc_edge.web.pages.picture import row_of
from qc_edge.web.visit import Fields, NotAllowedError, PersonVisit, Visit

router = APIRouter()

_BOXES_MAX = 50
_JUDGEMENTS = (Said.GOOD, Said.DEFECT, Said.UNSURE, Said.NOT_INSPECTABLE)


@router.get("/review")
def show_next(visit: PersonVisit, frame: str = "", before: str = "") -> Response:
    """The next part for this person, or `frame` again; `before` is the one judged last."""
    _require_reviewer(visit)
    who = visit.user.name
    item: ReviewItem | None = None
    with visit.page.queries:
        if not frame:
            item = visit.page.review.next(who)
        # The one behind it: its picture is fetched while this one is looked at.
        coming = visit.page.review.items(who, 2)
    row = row_of(visit.page, item.frame_id if item else frame)
    others = (each.frame_id for each in coming if not row or each.frame_id != row.frame_id)
    if row is None:
        return visit.render("review_done.html", before=before)
    return visit.render(
        "review.html",
        row=row,
        why=item.why if item else [],
        blind=item is not None and item.blind,
        classes=known_classes(visit.page.paths, row.model_name, row.model_version),
        coming=next(others, ""),
        before=before,
        waiting=visit.page.review.open_count(),
    )


@router.post("/review")
def judge(visit: PersonVisit, fields: Fields) -> Response:
    """Write down what was said; a later word of the same person takes its place."""
    visit.require_token(fields.get("token"))
    _require_reviewer(visit)
    said = next((each for each in _JUDGEMENTS if each.value == fields.get("said")), None)
    if said is None:
        raise UsageError("what is it: good, defect, unsure or not inspectable?")
    is_defect = said is Said.DEFECT
    row = _row(visit, fields)
    request = LabelRequest(
        row.frame_id,
        said,
        visit.user.name,
        visit.user.role,
        LabelSource.REVIEW,
        (fields.get("class") or None) if is_defect else None,
        fields.get("why", "").strip() or None,
        _boxes(fields.get("boxes", "")) if is_defect else (),
        row.raw_sha256,
        _seconds(fields.get("took", "")),
        fields.get("blind") == "1",
    )
    write(visit.page.paths, request, _found(row))
    return RedirectResponse(f"/review?before={row.frame_id}", 303)


@router.post("/part/dispute")
def dispute(visit: PersonVisit, fields: Fields) -> Response:
    """Somebody doubts a verdict or a label: the part goes to the front of the queue."""
    visit.require_token(fields.get("token"))
    row, why = _row(visit, fields), fields.get("why", "").strip()
    if not why:
        raise UsageError(visit.words("review.why_missing"))
    user = visit.user
    request = LabelRequest(
        row.frame_id, Said.DISPUTED, user.name, user.role, LabelSource.DISPUTE, why=why
    )
    write(visit.page.paths, request, _found(row))
    return visit.render("review_told.html", row=row)


def _require_reviewer(visit: Visit) -> None:
    if visit.user.role is PersonRole.OPERATOR:
        raise NotAllowedError


def _row(visit: Visit, fields: Mapping[str, str]) -> Inspection:
    row = row_of(visit.page, fields.get("frame", ""))
    if row is None:
        raise UsageError("there is no inspection of that frame")
    return row


def _found(row: Inspection) -> InspectionFound:
    """The row as those who write labels want it."""
    names = [each.name for each in fields(InspectionFound)]
    return InspectionFound(**{name: getattr(row, name) for name in names})


def _boxes(text: str) -> tuple[Box, ...]:
    """The boxes that were drawn: [[x, y, width, height], …] in pixels. Raises UsageError."""
    if not text:
        return ()
    try:
        values = json.loads(text)
        if len(values) > _BOXES_MAX:
            raise ValueError(f"more than {_BOXES_MAX}")
        return tuple(Box(*(float(number) for number in box)) for box in values)
    except (ValueError, TypeError, RecursionError) as fault:
        raise UsageError(f"these are no boxes: {fault}") from None


def _seconds(text: str) -> float | None:
    try:
        took = float(text)
    except ValueError:
        return None
    return took if 0 <= took <= 3600 else None
