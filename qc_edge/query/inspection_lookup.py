"""Inspections looked up by frame or part, wherever the log can be read now. Writes nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice

from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import Inspection
from qc_edge.query.database_at_rest import DatabaseAtRest, DatabaseBusyError
from qc_edge.query.journal_reader import newest_rows
from qc_edge.query.lookup.indexed_log import IndexedLog
from qc_edge.query.lookup.sealed_index import SealedIndex
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.source import EVERYTHING, LogSource, Span
from qc_edge.query.typed_rows import aware
from qc_edge.settings import StationPaths

_FRAME = re.compile(r"\d{8}T\d{12}Z-[a-z0-9-]+")
_UNPUBLISHED = 5_000
"""Rows at the end of the journal that may not be published yet."""

COLUMNS = (
    "frame_id",
    "part_id",
    "recorded_at",
    "camera",
    "verdict",
    "score",
    "raw_path",
    "raw_sha256",
    "width",
    "height",
    "model_name",
    "model_version",
    "original_name",
)


@dataclass(frozen=True, slots=True)
class InspectionFound:
    """What is needed to say something of an inspection; `recorded_at` in aware UTC, paths relative
    to the station's state.
    """

    frame_id: FrameId
    part_id: str
    recorded_at: datetime
    camera: str
    verdict: str
    score: float | None
    raw_path: str | None
    raw_sha256: str | None
    width: int | None
    height: int | None
    model_name: str
    model_version: str
    original_name: str | None


def is_frame_id(text: str) -> bool:
    """True if `text` has the form of a frame id."""
    return _FRAME.fullmatch(text) is not None


@contextmanager
def open_log(paths: StationPaths) -> Iterator[LogSource]:
    """The database of a station at rest, which has every row; of a running one, what it has
    published.
    """
    if paths.database.exists():
        database = DatabaseAtRest(paths.database, index=SealedIndex(paths.published))
        try:
            with database.held():
                yield database
                return
        except DatabaseBusyError:
            pass
    with PublishedLog(paths.published) as published:
        yield IndexedLog(paths.published, published.cursor())


def find_inspections(paths: StationPaths, target: str) -> list[InspectionFound]:
    """The inspection with the frame id `target`, or all of the part with that id, oldest first.

    A running station publishes within seconds: until then the journal answers. Raises StoreError.
    """
    with open_log(paths) as log:
        found = []
        if is_frame_id(target):
            found = look_up(log, "frame_id", [target], _around(FrameId(target)))
            found = found or look_up(log, "frame_id", [target])
        found = found or look_up(log, "part_id", [target], Span(keys=(target,)))
        found = found or look_up(log, "part_id", [target])
    known = {each.frame_id for each in found}
    for values in islice(newest_rows(paths.journal), _UNPUBLISHED):
        if values["table"] == Inspection.TABLE and target in (
            values.get("part_id"),
            values.get("frame_id"),
        ):
            if values["frame_id"] in known:
                break
            found.append(_found([values.get(name) for name in COLUMNS]))
    return sorted(found, key=lambda each: each.frame_id)


def look_up(
    log: LogSource, column: str, names: Collection[str], span: Span = EVERYTHING
) -> list[InspectionFound]:
    """The inspections whose `column` (frame_id, part_id, original_name, raw_path) is one of
    `names`, oldest first. Raises StoreError.
    """
    relation = log.relation(Inspection.TABLE, span, COLUMNS)
    if relation is None:
        return []
    rows = log.fetch(
        f"SELECT {', '.join(COLUMNS)} FROM {relation} "  # noqa: S608 - a column's name
        f"WHERE {column} IN (SELECT unnest($names::VARCHAR[])) ORDER BY frame_id",
        {"names": list(names)},
    )
    return [_found(row) for row in rows]


def _around(frame: FrameId) -> Span:
    """The hours in which the row of a frame is most likely to be."""
    try:
        day = datetime.fromisoformat(f"{frame[:4]}-{frame[4:6]}-{frame[6:8]}")
        at = day.replace(hour=int(frame[9:11]), tzinfo=timezone.utc)
    except ValueError:
        return EVERYTHING
    return Span(since=at - timedelta(hours=1), until=at + timedelta(hours=3))


def _found(values: Sequence[object]) -> InspectionFound:
    named = dict(zip(COLUMNS, values, strict=True))
    at = named["recorded_at"]
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    assert isinstance(at, datetime)  # noqa: S101
    named["recorded_at"] = at if at.tzinfo else aware(at)
    return InspectionFound(**named)  # type: ignore[arg-type]
