"""The sheet for the quarantine: one HTML page, and the PDF of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qc_edge.discipline.suspect.listing import SuspectFigures
from qc_edge.discipline.suspect.window import SuspectWindow
from qc_edge.plot.embedded import EmbeddedPicture, embed
from qc_edge.query import evidence
from qc_edge.report.templates import report_templates
from qc_edge.settings import StationPaths

SHOWN, PICTURED = 120, 12
"""Rows of the sheet, and how many of them with their picture; the CSV has all."""

_SIDE = 260


@dataclass(frozen=True, slots=True)
class SuspectSheet:
    """What stands on it. `rows` are inspections by column, `hold` the id of the hold, if any."""

    station: str
    window: SuspectWindow
    figures: SuspectFigures
    rows: tuple[dict[str, Any], ...]
    who: str
    why: str
    hold: str | None
    csv: str


def render(paths: StationPaths, sheet: SuspectSheet) -> str:
    """The page as text, to be written as UTF-8."""
    templates = report_templates()
    pictures = [(row, _picture(paths, row)) for row in sheet.rows[:PICTURED]]
    return templates.get_template("suspect/suspect.html").render(
        sheet=sheet, pictures=pictures, style=templates.get_template("report.css").render()
    )


def _picture(paths: StationPaths, row: dict[str, Any]) -> EmbeddedPicture | None:
    if row["picture"] is None or (path := evidence.find(paths.state, row["picture"])) is None:
        return None
    try:
        return embed(evidence.read(path).gray, _SIDE)
    except (OSError, ValueError):
        return None
