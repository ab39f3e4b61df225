"""The list of what is suspect: a CSV file of every inspection, and figures over its parts."""

# ruff: noqa: S608 - relations, and names that are written here
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from qc_edge.discipline.suspect.window import SuspectWindow
from qc_edge.domain.inspection import Part
from qc_edge.query.past.rows_of_time import RowsOfTime
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import Span
from qc_edge.query.typed_rows import aware
from qc_edge.store.log.duck import quoted

_FORMULA = r"'^[=+\-@\t\r]'"
"""As domain.printable.csv_cell: a spreadsheet must not take an id for a formula."""

COLUMNS = (
    "part_id",
    "lot",
    "recipe",
    "view",
    "exposed_at",
    "judged_at",
    "told",
    "reason",
    "verdict",
    "score",
    "threshold",
    "frame_id",
    "picture",
)

_LIST = """
CREATE OR REPLACE TEMP TABLE suspects AS
SELECT f.part_id, f.lot, f.recipe, coalesce(f.view, f.camera) AS view, f.captured_at AS exposed_at,
       f.recorded_at AS judged_at, coalesce(p.disposition, f.disposition) AS told,
       coalesce(p.reason, f.hold_reason, f.reason) AS reason, f.verdict, f.score, f.threshold,
       f.frame_id, f.raw_path AS picture, f.attempt_id
FROM {frames} AS f LEFT JOIN {parts} AS p ON p.attempt_id = f.attempt_id
WHERE $recipe IS NULL OR split_part(coalesce(f.recipe, ''), '@', 1) = $recipe
"""


@dataclass(frozen=True, slots=True)
class SuspectFigures:
    """What the list holds. `told` counts parts by what the line was told last, `lots` parts by lot;
    `first` and `last` bound the exposures (aware UTC).
    """

    parts: int
    frames: int
    told: dict[str, int]
    lots: dict[str, int]
    first: datetime | None
    last: datetime | None


def make_list(log: PublishedCursor, window: SuspectWindow) -> None:
    """Find what was judged in the window, for the functions below. Challenge parts are not of it.

    Raises StoreError.
    """
    inside = RowsOfTime(log, Span(window.since, window.until))
    query = _LIST.format(frames=inside.frames_of_production(), parts=inside.rows(Part.TABLE))
    log.fetch(query, {"recipe": window.recipe})


def figures(log: PublishedCursor) -> SuspectFigures:
    """Counts over the list. Raises StoreError."""
    ((frames, parts, first, last),) = log.fetch(
        "SELECT count(*), count(DISTINCT part_id), min(exposed_at), max(exposed_at) FROM suspects"
    )
    told = log.fetch(
        "SELECT said, count(*) FROM (SELECT arg_max(told, judged_at) AS said FROM suspects "
        "GROUP BY part_id) GROUP BY 1 ORDER BY 1"
    )
    lots = log.fetch(
        "SELECT coalesce(lot, ''), count(DISTINCT part_id) FROM suspects GROUP BY 1 ORDER BY 2 DESC"
    )
    bounds = [aware(at) if at else None for at in (first, last)]
    return SuspectFigures(parts, frames, dict(told), dict(lots), bounds[0], bounds[1])


def write_csv(log: PublishedCursor, path: Path) -> None:
    """Write the whole list, in order of the exposures. Raises StoreError."""
    cells = [
        f"CASE WHEN regexp_matches({name}, {_FORMULA}) THEN '''' || {name} ELSE {name} END "
        f"AS {name}"
        if name in {"part_id", "lot", "recipe", "view"}
        else name
        for name in COLUMNS
    ]
    log.fetch(
        f"COPY (SELECT {', '.join(cells)} FROM suspects ORDER BY exposed_at, frame_id) "
        f"TO {quoted(path)} (FORMAT csv, HEADER, USE_TMP_FILE false)"
    )


def nearest(log: PublishedCursor, most: int) -> list[dict[str, Any]]:
    """Accepted inspections first, those with the highest score before the others."""
    rows = log.fetch(
        f"SELECT {', '.join(COLUMNS)} FROM suspects "
        "ORDER BY told = 'ACCEPT' DESC, score DESC NULLS LAST, frame_id LIMIT $most",
        {"most": most},
    )
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def frames_of(log: PublishedCursor, most: int) -> Sequence[str] | None:
    """The frames of the list; None if there are more than `most`."""
    rows = log.fetch("SELECT frame_id FROM suspects LIMIT $most", {"most": most + 1})
    return None if len(rows) > most else [frame for (frame,) in rows]
