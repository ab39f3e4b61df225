"""The routes of the API. Each asks what the page's own modules ask, and decides nothing."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.encoders import jsonable_encoder
from pydantic import BeforeValidator

from qc_edge.domain.label import LabelSource, Said
from qc_edge.errors import UsageError
from qc_edge.labels import LabelRequest, write
from qc_edge.query.inspection_search import Search
from qc_edge.query.past.told_parts import find_labels, find_told_parts
from qc_edge.report.json_values import to_json_values
from qc_edge.report.part_report import examine_part
from qc_edge.web.api.caller import Labeller, Reader
from qc_edge.web.api.frames import frame_meant
from qc_edge.web.api.problems import ProblemError
from qc_edge.web.api.shapes import (
    LabelsFound,
    NewLabel,
    PartsFound,
    StationStatus,
    WholePart,
    WrittenLabelShape,
)
from qc_edge.web.attention import is_running

router = APIRouter()

_EARLIEST, _LATEST = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (2000, 2200))


def _written_out(value: object) -> object:
    """pydantic takes a number for seconds since 1970, which nobody means who writes 0.5."""
    if isinstance(value, str) and "-" not in value[1:]:
        raise ValueError("expected a time such as 2026-11-27T08:00:00Z")
    return value


_Moment = Annotated[datetime, BeforeValidator(_written_out)]


@router.get("/parts", tags=["parts"])
def find_parts(
    caller: Reader,
    part: Annotated[str, Query(max_length=200, description="Its id; * for any letters.")] = "",
    lot: Annotated[str, Query(max_length=200, description="Its lot; * for any letters.")] = "",
    since: Annotated[_Moment | None, Query(description="Recorded from then on.")] = None,
    until: Annotated[_Moment | None, Query(description="Recorded before.")] = None,
    disposition: Annotated[
        Literal["ACCEPT", "REJECT", "HOLD"] | None, Query(description="What the line was told.")
    ] = None,
    before: Annotated[str, Query(max_length=100, description="`next` of the last answer.")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> PartsFound:
    """What the line was told of parts, the newest first."""
    times = _moment(since), _moment(until)
    search = Search(part, lot, *times, "", disposition or "", limit + 1)
    with caller.page.queries:
        found = find_told_parts(caller.page.lookup(), search, before)
    shown, more = found[:limit], len(found) > limit
    return PartsFound.model_validate(
        {"parts": shown, "next": shown[-1].frame_id if more else None}, from_attributes=True
    )


@router.get("/part", tags=["parts"])
def show_part(
    caller: Reader,
    id: Annotated[str, Query(min_length=1, max_length=200, description="Its id, as it is.")],  # noqa: A002
) -> WholePart:
    """One part: every inspection, why, what its evidence says today, and its labels."""
    with caller.page.queries:
        try:
            report = examine_part(caller.page.paths, id, published_only=True)
        except UsageError as fault:
            raise ProblemError(404, fault.message, todo=fault.hint) from None
        values: dict[str, Any] = jsonable_encoder(to_json_values(report))
    return WholePart.model_validate(values)


@router.get("/labels", tags=["labels"])
def list_labels(
    caller: Reader,
    part: Annotated[str, Query(max_length=200, description="Of this part.")] = "",
    since: Annotated[_Moment | None, Query(description="Taken up from then on.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> LabelsFound:
    """Every word that people and programs have said, the newest first."""
    with caller.page.queries:
        found = find_labels(caller.page.lookup(), part, _moment(since), limit)
    return LabelsFound.model_validate({"labels": found}, from_attributes=True)


@router.post("/labels", status_code=201, tags=["labels"])
def add_label(caller: Labeller, new: NewLabel) -> WrittenLabelShape:
    """Say what a part is, or dispute its verdict; which stays as it is."""
    found = frame_meant(caller.page, new.frame_id, new.part_id)
    said = Said(new.label)
    if said is Said.DISPUTED and not new.why:
        raise ProblemError(422, "why it is disputed is missing", expected="why: a text")
    request = LabelRequest(
        found.frame_id,
        said,
        f"{caller.name} ({new.who})" if new.who else caller.name,
        caller.token.role,
        LabelSource.DISPUTE if said is Said.DISPUTED else LabelSource.IMPORT,
        new.defect_class,
        new.why,
    )
    label = write(caller.page.paths, request, found).label
    return WrittenLabelShape.model_validate(label, from_attributes=True)


@router.get("/status", tags=["station"])
def show_status(caller: Reader) -> StationStatus:
    """Whether the station runs, is ready, and what it counts."""
    status = caller.page.status()
    running = is_running(status)
    said: dict[str, Any] = dict(status or {})
    return StationStatus(
        station=caller.page.paths.name,
        running=running,
        ready=running and not said["troubles"],
        troubles=said.get("troubles", []) if running else ["the station does not run"],
        warnings=said.get("warnings", []) if running else [],
        version=said.get("version"),
        started_at=said.get("started_at") if running else None,
        model=said.get("model") or None,
        threshold=said.get("threshold"),
        shift=said.get("shift"),
        today=said.get("today"),
    )


def _moment(moment: datetime | None) -> datetime | None:
    """An aware time that DuckDB can hold: a station has no rows before or behind these."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return min(max(aware, _EARLIEST), _LATEST)
