"""Write docs/schema.md, the reference of the log, from schema.sql and views.sql: `python
docs/schema_reference.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from qc_edge.domain.station_calendar import UTC_CALENDAR
from qc_edge.query.views import DescribedView, described, source, with_calendar
from qc_edge.store.log.duck import open_duckdb
from qc_edge.store.log.schema import migrate, migrations

PAGE = Path(__file__).parent / "schema.md"

_TABLE = re.compile(
    r"^((?:-- [^\n]*\n)+)CREATE TABLE (\w+) \(\n(.*?)^\);$", re.MULTILINE | re.DOTALL
)
_COLUMN = re.compile(r"^    (\w+) +(\w+)( NOT NULL)?[ ,]*(?:-- (.*))?$", re.MULTILINE)
_ADDED = re.compile(r"^-- ([^\n]*)\nALTER TABLE (\w+) ADD COLUMN (\w+) (\w+);$", re.MULTILINE)
_FILES = re.compile(r"(\w+) AS\nSELECT \* FROM read_parquet\('@published@/(\w+)/.*?\)", re.DOTALL)
_ROW = "| `{}` | {} | {} |\n"
_HEAD = "| column | type | meaning |\n|---|---|---|\n"

INTRODUCTION = """\
# The traceability log

Generated from `qc_edge/store/log/schema.sql` and `qc_edge/query/views.sql` by
`python docs/schema_reference.py`.

All times are UTC, without a time zone. Rows are only ever added; a correction is a new row. What
can be asked is in `qa.duckdb`, for any DuckDB client, and in `qc-edge sql`.

- [Tables](#tables): what the station records, published as Parquet a few seconds later, one file
  for each hour: `published/TABLE/date=YYYY-MM-DD/hour=HH.parquet`. Each has one more column when
  asked: `date`, the day on which the row was recorded, which is the folder that it is in. A filter
  on `date` reads only those files.
- [Views and macros](#views-and-macros): the questions that come up, already put.
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A row of a table of columns on the page."""

    name: str
    kind: str
    words: str


def page() -> str:
    """The whole page."""
    tables = dict(_tables())
    published_as = {table: name for name, table in _FILES.findall(source())}
    parts = [INTRODUCTION, "\n## Tables\n"]
    for name, (words, columns) in tables.items():
        alias = "" if published_as[name] == name else f" Published as `{name}`."
        parts += [
            f"\n### {published_as[name]}\n\n{words}{alias}\n\n",
            _HEAD,
            *(_row(column) for column in columns),
        ]
    parts.append("\n## Views and macros\n")
    with _empty_log() as log:
        for view in described():
            if view.name not in published_as.values():
                parts += [f"\n### {_title(view)}\n\n{view.description}\n", *_columns(log, view)]
    return "".join(parts)


def _title(view: DescribedView) -> str:
    return view.name if view.kind == "VIEW" else f"{view.quoted}({view.parameters})"


def _row(column: Column) -> str:
    kind = column.kind.lower().replace("|", "\\|")
    return _ROW.format(column.name, kind, column.words.replace("|", "\\|"))


def _tables() -> Iterator[tuple[str, tuple[str, list[Column]]]]:
    text = "\n".join(migration.sql for migration in migrations())
    added = [
        (table, Column(name, kind, words)) for words, table, name, kind in _ADDED.findall(text)
    ]
    for words, name, body in _TABLE.findall(text):
        columns = [
            Column(column, kind + (", not null" if required else ""), comment)
            for column, kind, required, comment in _COLUMN.findall(body)
        ]
        columns[-2:-2] = [column for table, column in added if table == name]
        yield name, (" ".join(line.removeprefix("-- ") for line in words.splitlines()), columns)


def _empty_log() -> duckdb.DuckDBPyConnection:
    """The views over tables without rows, to ask DuckDB for their columns."""
    log = open_duckdb()
    log.execute("ATTACH ':memory:' AS log")
    log.execute("USE log")
    migrate(log)
    log.execute("USE memory")
    text = with_calendar(UTC_CALENDAR)
    log.execute(_FILES.sub(r"\1 AS SELECT *, NULL::DATE AS date FROM log.\2", text))
    return log


def _columns(log: duckdb.DuckDBPyConnection, view: DescribedView) -> Iterator[str]:
    """The columns of a view; those that it takes over as they are, by the name of their source."""
    if view.kind == "MACRO":
        return
    if whole := re.search(r"(\w+)\.\*|SELECT \* FROM (\w+)", view.body):
        yield f"\nAll columns of `{whole[1] or whole[2]}`{', and:' if view.columns else '.'}\n"
    if view.columns:
        needed = [part for part in view.parameters.split(", ") if part and ":=" not in part]
        given = "" if view.kind == "VIEW" else f"({', '.join(['NULL'] * len(needed))})"
        yield f"\n{_HEAD}"
        for name, kind, *_ in log.execute(f"DESCRIBE FROM {view.quoted}{given}").fetchall():
            if not whole or name in view.columns:
                yield _row(Column(name, kind, view.columns.get(name, "")))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
