"""What a person says of a part: written down once, however often their browser sends it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from hashlib import sha256
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from qc_edge.domain.inspection import Inspection
from qc_edge.domain.label import LabelSource, Said
from qc_edge.errors import RecordError, UsageError
from qc_edge.labels import LabelRequest, write
from qc_edge.query import evidence
from qc_edge.query.inspection_lookup import InspectionFound
from qc_edge.web.pages.picture import row_of
from qc_edge.web.review.regions import drawn_regions
from qc_edge.web.review.reviewers import require_reviewer
from qc_edge.web.visit import Fields, PersonVisit, Visit, by_itself, person, visit_of

router = APIRouter()

_JUDGEMENTS = (Said.GOOD, Said.DEFECT, Said.UNSURE, Said.NOT_INSPECTABLE)
_KEY = re.compile(r"[0-9a-f]{32}")


@router.post("/review")
def judge(visit: PersonVisit, fields: Fields) -> Response:
    """From a browser without scripts: write down what was said, and on to the next part."""
    return RedirectResponse(f"/review?before={_judge(visit, fields).frame_id}", 303)


def _sender(request: Request, again: Literal["0", "1"] = "0") -> Visit:
    """Who has judged; what the page sends `again` keeps nobody logged in."""
    return by_itself(request) if again == "1" else person(visit_of(request, is_person=True))


@router.post("/review/label")
def keep_label(visit: Annotated[Visit, Depends(_sender)], fields: Fields) -> Response:
    """From the page's script: 204 once it is durable, 422 with the reason if it never will be.

    Whatever else comes back is tried again: with the same `key` it is the same label.
    """
    try:
        _judge(visit, fields)
    except (UsageError, RecordError) as fault:
        return JSONResponse({"message": fault.message, "hint": fault.hint}, 422)
    return Response(status_code=204)


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


def _judge(visit: Visit, fields: Mapping[str, str]) -> Inspection:
    """Write the label; a later one of the same person takes its place. Raises as `write`."""
    visit.require_token(fields.get("token"))
    require_reviewer(visit)
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
        drawn_regions(fields.get("regions", ""), row) if is_defect else (),
        _seen(visit, row),
        _seconds(fields.get("took", "")),
        fields.get("blind") == "1",
        _label_key(fields.get("key", ""), visit.user.name, row.frame_id),
    )
    write(visit.page.paths, request, _found(row))
    return row


def _seen(visit: Visit, row: Inspection) -> str | None:
    """The digest of the picture that they were shown; None if it is gone, or was never kept."""
    path = row.raw_path
    return row.raw_sha256 if path and evidence.find(visit.page.paths.state, path) else None


def _label_key(key: str, who: str, frame_id: str) -> str | None:
    """The key that a browser has made, as one of that person and that frame alone: nobody can make
    one that keeps another label out. Raises UsageError.
    """
    if not key:
        return None
    if not _KEY.fullmatch(key):
        raise UsageError("the key of a label has 32 hex digits")
    return sha256(f"{who}\n{frame_id}\n{key}".encode()).hexdigest()[:32]


def _row(visit: Visit, fields: Mapping[str, str]) -> Inspection:
    row = row_of(visit.page, fields.get("frame", ""))
    if row is None:
        raise UsageError("there is no inspection of that frame")
    return row


def _found(row: Inspection) -> InspectionFound:
    """The row as those who write labels want it."""
    names = [each.name for each in fields(InspectionFound)]
    return InspectionFound(**{name: getattr(row, name) for name in names})


def _seconds(text: str) -> float | None:
    try:
        took = float(text)
    except ValueError:
        return None
    return took if 0 <= took <= 3600 else None
