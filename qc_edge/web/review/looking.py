"""Which part a person is shown: the next of the queue, one again, and what is around it.

The first comes as a whole page, each later one as a piece of it that the page has asked for ahead.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from qc_edge.domain.inspection import Inspection
from qc_edge.labels.targets import known_classes
from qc_edge.query.inspection_search import Search, neighbours, search_inspections
from qc_edge.query.label_rows import labels_of
from qc_edge.review import ReviewItem
from qc_edge.web.pages.picture import row_of
from qc_edge.web.review.reviewers import require_reviewer
from qc_edge.web.visit import Fields, PageVisit, PersonVisit, Values, Visit

router = APIRouter()

_BESIDES_MAX = 200
_COUNTED_MAX = 1000
_BEFORE_AND_AFTER = 3
_EARLIER_MAX = 12


@router.get("/review")
def show_review(visit: PersonVisit, frame: str = "", before: str = "") -> Response:
    """The page with the next part, or with `frame` again; `before` is the one judged last."""
    require_reviewer(visit)
    item = None if frame else _next(visit, ())
    row = row_of(visit.page, item.frame_id if item else frame)
    look = _values(visit, row, item) if row else {"row": None}
    return visit.render("review.html", before=before, **look)


@router.get("/review/next")
def show_next(visit: PageVisit, besides: str = "") -> Response:
    """One part more, as a piece of the page; 204 if none is left beside those that it has
    (`besides`: frames, with commas).
    """
    require_reviewer(visit)
    item = _next(visit, besides.split(",")[:_BESIDES_MAX])
    row = row_of(visit.page, item.frame_id) if item else None
    if row is None:
        return Response(status_code=204)
    return visit.render("review_look.html", before="", **_values(visit, row, item))


@router.get("/review/around")
def show_around(visit: PersonVisit, frame: str, blind: int = 0) -> Response:
    """What the camera saw before and after, and all that is known of the part."""
    require_reviewer(visit)
    row = row_of(visit.page, frame)
    if row is None:
        return Response(status_code=404)
    with visit.page.queries:
        log = visit.page.log.cursor()
        before, after = neighbours(log, row, _BEFORE_AND_AFTER)
        found = search_inspections(log, Search(part=row.part_id, limit=_EARLIER_MAX))
        labels = [] if blind else labels_of(log, row.frame_id)
    history = [each for each in found if each.part_id == row.part_id]
    return visit.render(
        "review_around.html", row=row, seen=[*before, row, *after], history=history, labels=labels
    )


@router.post("/review/release")
def release(visit: PersonVisit, fields: Fields) -> Response:
    """Whoever leaves the page gives back what they have not looked at (`frames`, with commas)."""
    visit.require_token(fields.get("token"))
    require_reviewer(visit)
    for frame in fields.get("frames", "").split(",")[:_BESIDES_MAX]:
        visit.page.review.claims.release(frame, visit.user.name)
    return Response(status_code=204)


def _next(visit: Visit, besides: list[str] | tuple[str, ...]) -> ReviewItem | None:
    with visit.page.queries:
        return visit.page.review.next(visit.user.name, besides=besides)


def _values(visit: Visit, row: Inspection, item: ReviewItem | None) -> Values:
    review = visit.page.review
    waiting = review.open_at_least(_COUNTED_MAX)
    return {
        "row": row,
        "why": item.why if item else [],
        "blind": item is not None and item.blind,
        "classes": known_classes(visit.page.paths, row.model_name, row.model_version),
        "waiting": f"{waiting:,}+" if waiting == _COUNTED_MAX else waiting,
    }
