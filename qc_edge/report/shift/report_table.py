"""A table of the shift report: its columns, its values, and how people read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

Cell = str | int | float | bool | datetime | None


class ColumnKind(Enum):
    """What stands in a column; a share is 0..1, a time is the station's, without a zone."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"
    NUMBER = "number"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Column:
    """The heading of a column, and what stands in it."""

    heading: str
    kind: ColumnKind = ColumnKind.TEXT


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table: `key` names its file or sheet; `empty` says what it means that it has no rows."""

    key: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    empty: str = "none"


TEXT, COUNT, SHARE = ColumnKind.TEXT, ColumnKind.COUNT, ColumnKind.SHARE
NUMBER, TIME = ColumnKind.NUMBER, ColumnKind.TIME


def cell_text(value: Cell, kind: ColumnKind) -> str:
    """A cell as people read it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if kind is SHARE and isinstance(value, (int, float)):
        return f"{100 * value:.2f} %"
    if kind is COUNT and isinstance(value, int):
        return f"{value:,}"
    if kind is NUMBER and isinstance(value, (int, float)):
        return f"{value:.4g}"
    return str(value)
