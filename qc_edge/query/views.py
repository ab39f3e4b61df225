"""The views and macros that QA asks: read from views.sql, for one directory of published files."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from importlib import resources
from pathlib import Path

from qc_edge.domain.shifts import WeekSegment, week_segments
from qc_edge.domain.station_calendar import UTC_CALENDAR, StationCalendar
from qc_edge.query.published_files import glob_escaped
from qc_edge.service.clock import utc_now
from qc_edge.store.log.duck import quoted

_STATEMENT = re.compile(
    r'^((?:-- [^\n]*\n)+)CREATE (VIEW|MACRO) "?(\w+)"?\s*(?:\((.*?)\))? AS( TABLE)?\b(.*?);$',
    re.MULTILINE | re.DOTALL,
)
_ROWS = re.compile(r"FROM read_parquet\('@published@/(\w+)/")
_COLUMN = re.compile(r"(\w+),?\s+-- (.+)$", re.MULTILINE)
_LABEL_FILES = re.compile(r"SELECT \* FROM read_parquet\('@published@/labels/[^)]*\)")


_FIRST_YEAR = 2025
"""No row is older: the offset that held at its beginning stands for all times before."""

_YEARS_AHEAD = 10
"""qa.duckdb is made again at each start: so far its file is right if it is kept."""


@dataclass(frozen=True, slots=True)
class DescribedView:
    """A view or macro with the comments of its source: `description` of the whole, and `columns`
    with theirs, where a column has one.
    """

    name: str
    kind: str
    """VIEW, MACRO (a value) or MACRO TABLE."""
    parameters: str
    description: str
    body: str
    columns: Mapping[str, str]

    @property
    def quoted(self) -> str:
        """Its name as SQL needs it: BETWEEN is a word of SQL."""
        return f'"{self.name}"' if self.name == "between" else self.name


@cache
def source() -> str:
    """views.sql as it is."""
    return resources.files("qc_edge.query").joinpath("views.sql").read_text(encoding="utf-8")


@cache
def described() -> tuple[DescribedView, ...]:
    """All views and macros, in the order of the source."""
    return tuple(
        DescribedView(
            name,
            kind + (table or ""),
            parameters or "",
            " ".join(line.removeprefix("-- ") for line in comment.splitlines()),
            body,
            dict(_COLUMN.findall(body)),
        )
        for comment, kind, name, parameters, table, body in _STATEMENT.findall(source())
    )


def script(
    published: Path, calendar: StationCalendar = UTC_CALENDAR, *, labels: str | None = None
) -> str:
    """The statements that make the views over the files in `published`, an absolute path.

    Local times and shifts are those of `calendar`. `labels` stands in place of the files of labels,
    where those of an earlier version are among them (`label_rows.rows_of_all_versions`).
    """
    text = with_calendar(calendar)
    if labels is not None:
        text = _LABEL_FILES.sub(lambda _: labels, text)
    return text.replace("@published@", glob_escaped(str(published)).replace("'", "''"))


def with_calendar(calendar: StationCalendar) -> str:
    """views.sql with the local times and shifts of `calendar` filled in."""
    text = source()
    for placeholder, expression in _calendar_expressions(calendar, utc_now().year).items():
        text = text.replace(placeholder, expression)
    return text


def portable_script(
    calendar: StationCalendar, *, tables: bool, leave_out: Collection[str] = ()
) -> str:
    """The statements for an export, which name no directory: with `tables` the rows are tables of
    the same database (`row_tables`), else `inspections.parquet` and so on in the client's own
    directory. `leave_out` names views and macros that would mislead there.
    """

    def portable(statement: re.Match[str]) -> str:
        name, rows = statement[3], _ROWS.search(statement[6])
        if name in leave_out or (rows and tables):
            return ""
        if rows is None:
            return statement[0]
        return f"CREATE VIEW {name} AS FROM read_parquet('{rows[1]}.parquet');"

    return _STATEMENT.sub(portable, with_calendar(calendar))


def row_tables() -> dict[str, str]:
    """The views that are the rows of one table of the log: name of the view -> of the table."""
    return {view.name: rows[1] for view in described() if (rows := _ROWS.search(view.body))}


def comments(*, tables: Collection[str] = (), leave_out: Collection[str] = ()) -> str:
    """The statements that put the comments of the source into the database: DBeaver and others show
    them beside each view and column. `tables` are those of the views that are tables there,
    `leave_out` those that are not there.
    """
    statements = []
    for view in described():
        if view.name in leave_out:
            continue
        kind = "TABLE" if view.name in tables else view.kind
        statements.append(f"COMMENT ON {kind} {view.quoted} IS {quoted(view.description)};")
        if view.kind == "VIEW":
            statements += [
                f"COMMENT ON COLUMN {view.name}.{column} IS {quoted(description)};"
                for column, description in view.columns.items()
            ]
    return "\n".join(statements)


def _calendar_expressions(calendar: StationCalendar, this_year: int) -> Mapping[str, str]:
    """What stands for each placeholder of the calendar in views.sql.

    Written out instead of DuckDB's own time zones: so the status and the log agree, whatever zones
    a client's DuckDB knows, and it is faster (26 ms for a million rows, against 177 ms).

    `@utc_offset@` (of the UTC time t), `@shift_clock@` (the latest time that the clock on the wall
    has shown up to t) and `@week_segment@` (of the minute of the week m): name, days back, start.
    """
    begin = datetime(_FIRST_YEAR, 1, 1, tzinfo=timezone.utc)
    first = _seconds(calendar.offset(begin))
    changes = list(calendar.transitions(_FIRST_YEAR, this_year + _YEARS_AHEAD))[::-1]
    offsets = [(f"t >= {_timestamp(each.at)}", _seconds(each.after)) for each in changes]
    clocks = [
        # Put back, the clock first has to reach again what it showed before.
        (
            f"t >= {_timestamp(each.at)}",
            f"greatest(t + {_seconds(each.after)}, {_timestamp(each.at + each.before)})",
        )
        for each in changes
    ]
    segments = [
        (f"m >= {segment.begins}", _struct(segment))
        for segment in reversed(week_segments(calendar.shifts))
    ]
    return {
        "@utc_offset@": _case(offsets, first),
        "@shift_clock@": _case(clocks, f"t + {first}"),
        "@week_segment@": _case(segments[:-1], segments[-1][1]),
    }


def _struct(segment: WeekSegment) -> str:
    name = quoted(segment.name) if segment.name else "NULL::VARCHAR"
    return f"{{name: {name}, days_back: {segment.days_back}, start: {segment.start}}}"


def _case(branches: list[tuple[str, str]], otherwise: str) -> str:
    if not branches:
        return otherwise
    lines = "".join(f"\n    WHEN {condition} THEN {value}" for condition, value in branches)
    return f"CASE{lines}\n    ELSE {otherwise} END"


def _seconds(offset: timedelta) -> str:
    return f"to_seconds({int(offset.total_seconds())})"


def _timestamp(moment: datetime) -> str:
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'"
