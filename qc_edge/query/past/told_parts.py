"""What the line was told of parts, found by id, lot and time, and the labels of frames."""

# ruff: noqa: S608 - relations; what comes from outside is bound
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qc_edge.domain.inspection import COLUMNS, Inspection, Label, Part
from qc_edge.query.inspection_search import Search, search_condition, spans_of
from qc_edge.query.label_rows import label_relation
from qc_edge.query.past.rows_of_time import TOLD, RowsOfTime
from qc_edge.query.source import EVERYTHING, LogSource, Span
from qc_edge.query.typed_rows import aware, to_row

_NAMES = (
    "recorded_at, captured_at, frame_id, part_id, disposition, reason, detail, lot, recipe, "
    "camera, views_seen, views_missing, attempt"
)


@dataclass(frozen=True, slots=True)
class PartTold:
    """What the line was told of a part once: the row of a part that several views see, or of the
    frame that is the part. `frame_id` is that of its first frame; times are aware UTC.
    """

    recorded_at: datetime
    captured_at: datetime
    frame_id: str
    part_id: str
    disposition: str
    reason: str
    detail: str
    lot: str | None
    recipe: str | None
    camera: str | None
    views_seen: str | None
    views_missing: str | None
    attempt: int | None


def find_told_parts(source: LogSource, search: Search, before: str = "") -> list[PartTold]:
    """The newest that fit, newest first; with `before`, those before that frame id. Raises
    StoreError.
    """
    for span in spans_of(search):
        if found := _told(source, search, before, span):
            return found
    return []


def _told(source: LogSource, search: Search, before: str, span: Span) -> list[PartTold]:
    rows = RowsOfTime(source, span)
    told = TOLD.format(parts=rows.rows(Part.TABLE), frames=rows.rows(Inspection.TABLE))
    where, values = search_condition(search)
    if before:
        where += " AND frame_id < $before"
        values["before"] = before
    found = source.fetch(
        f"SELECT {_NAMES} FROM ({told}) WHERE {where} ORDER BY frame_id DESC "
        f"LIMIT {search.limit:d}",
        values or None,
    )
    return [PartTold(aware(recorded), aware(captured), *row) for recorded, captured, *row in found]


def find_labels(source: LogSource, part: str, since: datetime | None, limit: int) -> list[Label]:
    """The newest labels, of one part (empty: of all), newest first. Raises StoreError."""
    conditions, values = ["true"], dict[str, object]()
    span = Span(keys=(part,)) if part else EVERYTHING
    if part:
        conditions.append("part_id = $part")
        values["part"] = part
    if since is not None:
        conditions.append("epoch_us(recorded_at) >= $since")
        values["since"] = int(since.timestamp() * 1_000_000)
    names, labels = COLUMNS[Label.TABLE], label_relation(source, span)
    found = source.fetch(
        f"SELECT {', '.join(names)} FROM {labels} WHERE {' AND '.join(conditions)} "
        f"ORDER BY chain_seq DESC LIMIT {limit:d}",
        values or None,
    )
    return [to_row(Label, dict(zip(names, row, strict=True))) for row in found]
