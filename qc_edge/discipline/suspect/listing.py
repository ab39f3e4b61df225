"""The list of what is suspect: a CSV file of every inspection, and figures over its parts."""

# ruff: noqa: S608 - relations, and names that are written here
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from qc_edge.discipline.suspect.window import SuspectWindow
from qc_edge.domain.inspection import Part
from qc_edge.query.past.rows_of_time import RowsOfTime
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import Span
from qc_edge.query.typed_rows import aware
from qc_edge.store.durable import Disk
from qc_edge.store.log.duck import quoted

_FORMULA = "'=', '+', '-', '@', chr(9), chr(13)"
"""As domain.printable.csv_cell: a spreadsheet must not take an id for a formula."""

_TOLD = ("ACCEPT", "REJECT", "HOLD")

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
SELECT f.part_id, f.lot, f.recipe, coalesce(f.view, f.camera) AS view, f.captured_at AS exposed_at,
       f.recorded_at AS judged_at, coalesce(p.disposition, f.disposition) AS told,
       coalesce(p.reason, f.hold_reason, f.reason) AS reason, f.verdict, f.score, f.threshold,
       f.frame_id, f.raw_path AS picture
FROM {frames} AS f LEFT JOIN {parts} AS p ON p.attempt_id = f.attempt_id
WHERE {recipe}
"""
_HOUR = timedelta(hours=1)


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


class SuspectList:
    """What was judged in the window, without challenge parts, as it is published at the beginning.
    Nothing of it is kept in memory: ten million inspections are asked where they stand.
    """

    def __init__(self, log: PublishedCursor, window: SuspectWindow) -> None:
        """Raises StoreError."""
        self._log, self._window = log, window
        inside = RowsOfTime(log, Span(window.since, window.until + _HOUR))
        self._last = inside.newest_row()
        self._rows = self._rows_of(window.since, window.until)

    def _rows_of(self, since: datetime, until: datetime) -> str:
        frames = RowsOfTime(self._log, Span(since, until), self._last)
        # The row of a part comes after those of its views, and those of the last are of it, too.
        parts = RowsOfTime(self._log, Span(since, until + _HOUR), self._last)
        name = self._window.recipe
        recipe = f"split_part(coalesce(f.recipe, ''), '@', 1) = {quoted(name)}" if name else "true"
        listed = _LIST.format(
            frames=frames.frames_of_production(), parts=parts.rows(Part.TABLE), recipe=recipe
        )
        return f"({listed})"

    def figures(self) -> SuspectFigures:
        """Counts over the list. Raises StoreError."""
        ((frames, first, last),) = self._log.fetch(
            f"SELECT count(*), min(exposed_at), max(exposed_at) FROM {self._rows}"
        )
        # What a part was told last, by one number a part: of millions, text would not fit.
        codes = " ".join(f"WHEN '{each}' THEN {number}" for number, each in enumerate(_TOLD))
        told = self._log.fetch(
            f"SELECT newest % 4 AS code, count(*) FROM (SELECT max(epoch_us(judged_at) * 4 + "
            f"CASE told {codes} END) AS newest FROM {self._rows} GROUP BY hash(part_id)) "
            "GROUP BY code ORDER BY code"
        )
        lots = self._log.fetch(
            f"SELECT coalesce(lot, ''), count(DISTINCT hash(part_id)) FROM {self._rows} "
            "GROUP BY 1 ORDER BY 2 DESC"
        )
        bounds = [aware(at) if at else None for at in (first, last)]
        return SuspectFigures(
            sum(count for _, count in told),
            frames,
            {_TOLD[code]: count for code, count in told},
            dict(lots),
            bounds[0],
            bounds[1],
        )

    def nearest(self, most: int) -> list[dict[str, Any]]:
        """Accepted inspections first, those with the highest score before the others. Raises
        StoreError.
        """
        # Only the rows that are shown are read whole.
        best = self._log.fetch(
            f"SELECT frame_id FROM {self._rows} "
            "ORDER BY told = 'ACCEPT' DESC, score DESC NULLS LAST, frame_id LIMIT $most",
            {"most": most},
        )
        frames = [frame for (frame,) in best]
        rows = self._log.fetch(
            f"SELECT {', '.join(COLUMNS)} FROM {self._rows} "
            "WHERE frame_id IN (SELECT unnest($frames::VARCHAR[]))",
            {"frames": frames},
        )
        found = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        return sorted(found, key=lambda row: frames.index(row["frame_id"]))

    def frames(self, most: int) -> list[str] | None:
        """The frames of the list; None if there are more than `most`. Raises StoreError."""
        rows = self._log.fetch(f"SELECT frame_id FROM {self._rows} LIMIT $most", {"most": most + 1})
        return None if len(rows) > most else [frame for (frame,) in rows]

    def write_csv(self, path: Path, one_hour: Path) -> None:
        """Write the whole list, hour by hour of their judging, in order of the exposures in each.

        `one_hour` is a file that is written meanwhile. Raises StoreError; then there is no list: of
        a part of one nobody would see that parts are missing.
        """
        unfinished = path.with_name(f"{path.name}.unfinished")
        try:
            Disk().write(path, self._lines(one_hour), unfinished)
        finally:
            for each in (one_hour, unfinished):
                each.unlink(missing_ok=True)

    def _lines(self, one_hour: Path) -> Iterator[bytes]:
        cells = [
            f"CASE WHEN left({name}, 1) IN ({_FORMULA}) THEN chr(39) || {name} ELSE {name} END "
            f"AS {name}"
            if name in {"part_id", "lot", "recipe", "view"}
            else name
            for name in COLUMNS
        ]
        yield (",".join(COLUMNS) + "\n").encode()
        hours = self._log.fetch(
            f"SELECT DISTINCT date_trunc('hour', judged_at) FROM {self._rows} ORDER BY 1"
        )
        for hour in (aware(hour) for (hour,) in hours):
            begins = max(hour, self._window.since)
            rows = self._rows_of(begins, min(hour + _HOUR, self._window.until))
            self._log.fetch(
                f"COPY (SELECT {', '.join(cells)} FROM {rows} ORDER BY exposed_at, frame_id) "
                f"TO {quoted(one_hour)} (FORMAT csv, HEADER false, USE_TMP_FILE false)"
            )
            with one_hour.open("rb") as written:
                while piece := written.read(1 << 20):
                    yield piece
