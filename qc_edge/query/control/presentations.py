"""The same parts in front of the cameras again and again: what the log has of each time."""

# ruff: noqa: S608 - relations, and names that are written here
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qc_edge.domain.inspection import Inspection
from qc_edge.query.past.rows_of_time import RowsOfTime
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import Span

FIGURES = ("score", "focus", "brightness", "contrast", "framing_score", "framing_shift_px")
"""What a trial of the station has beside its verdict."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """One time that a part was seen: the worst verdict of its views counts, and the figures are
    those of the view with the highest score.
    """

    part_id: str
    number: int
    passed: bool
    figures: dict[str, float | None]


def presentations(source: PublishedCursor, span: Span, parts: Sequence[str]) -> list[Presentation]:
    """In order of part and time, numbered from 1. Raises StoreError."""
    frames = RowsOfTime(source, span).rows(Inspection.TABLE)
    names = ", ".join(f"arg_max({each}, coalesce(score, -1))" for each in FIGURES)
    rows = source.fetch(
        f"SELECT part_id, coalesce(attempt_id, frame_id) AS look, bool_and(verdict = 'PASS'), "
        f"{names} FROM {frames} WHERE list_contains($parts, part_id) "
        "GROUP BY part_id, look ORDER BY part_id, min(frame_id)",
        {"parts": list(parts)},
    )
    found: list[Presentation] = []
    for part_id, _, passed, *figures in rows:
        same = found and found[-1].part_id == part_id
        number = found[-1].number + 1 if same else 1
        found.append(
            Presentation(part_id, number, passed, dict(zip(FIGURES, figures, strict=True)))
        )
    return found
