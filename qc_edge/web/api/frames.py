"""Which inspection a program means: by its frame, or by a part that was inspected once."""

from __future__ import annotations

from dataclasses import fields

from qc_edge.domain.inspection import Inspection
from qc_edge.query.inspection_lookup import InspectionFound
from qc_edge.query.inspection_search import inspections_of, newest
from qc_edge.web.api.problems import ProblemError
from qc_edge.web.pages.picture import row_of
from qc_edge.web.station_page import StationPage

_RECENT = 200
"""Rows of the journal that may not be published yet."""

_TOLD = 5


def frame_meant(page: StationPage, frame_id: str | None, part_id: str | None) -> InspectionFound:
    """The inspection. Raises ProblemError if there is none, or several; StoreError."""
    if (frame_id is None) == (part_id is None):
        raise ProblemError(422, "of which inspection?", expected="either frame_id or part_id")
    if frame_id is not None:
        row = row_of(page, frame_id)
        if row is None:
            raise ProblemError(404, f"there is no inspection of frame {frame_id!r}")
        return _found(row)
    assert part_id is not None  # noqa: S101
    rows = {each.frame_id: each for each in newest(page.paths.journal, _RECENT)}
    recent = [each for each in rows.values() if each.part_id == part_id]
    with page.queries:
        known = inspections_of(page.lookup(), part_id, _TOLD + 1)
    found = {each.frame_id: each for each in (*known, *recent)}
    if not found:
        raise ProblemError(404, f"there is no inspection of part {part_id!r}")
    if len(found) > 1:
        raise ProblemError(
            409,
            f"the part {part_id!r} was inspected several times",
            expected=f"frame_id, one of {', '.join(sorted(found)[-_TOLD:])}",
        )
    return _found(next(iter(found.values())))


def _found(row: Inspection) -> InspectionFound:
    names = [each.name for each in fields(InspectionFound)]
    return InspectionFound(**{name: getattr(row, name) for name in names})
