"""The reference page of the log, made from schema.sql and views.sql.

Run `python -m qc_edge.query.schema_reference` after either has changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from qc_edge.query.views import DescribedView, described, source
from qc_edge.store.duck import open_duckdb
from qc_edge.store.schema import migrate, migrations

PAGE = Path(__file__).parents[2] / "docs/schema.md"

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

Generated from `qc_edge/store/schema.sql` and `qc_edge/query/views.sql` by
`python -m qc_edge.query.schema_reference`.

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
    """A column as the page has it."""

    name: str
    kind: str
    words: str


def page() -> str:
    """The whole page."""
    tables = dict(_tables())
    asked = {table: name for name, table in _FILES.findall(source())}
    parts = [INTRODUCTION, "\n## Tables\n"]
    for name, (words, columns) in tables.items():
        called = "" if asked[name] == name else f" Published as `{name}`."
        parts += [
            f"\n### {asked[name]}\n\n{words}{called}\n\n",
            _HEAD,
            *(_row(column) for column in columns),
        ]
    parts.append("\n## Views and macros\n")
    with _empty_log() as log:
        for each in described():
            if each.name not in asked.values():
                parts += [f"\n### {_title(each)}\n\n{each.words}\n", *_shape(log, each)]
    return "".join(parts)


def _title(each: DescribedView) -> str:
    return each.name if each.kind == "VIEW" else f"{each.quoted}({each.parameters})"


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
            Column(column, kind + (", not null" if required else ""), said)
            for column, kind, required, said in _COLUMN.findall(body)
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
    log.execute(_FILES.sub(r"\1 AS SELECT *, NULL::DATE AS date FROM log.\2", source()))
    return log


def _shape(log: duckdb.DuckDBPyConnection, each: DescribedView) -> Iterator[str]:
    """The columns of a view; those that it takes over as they are, by the name of their source."""
    if each.kind == "MACRO":
        return
    if whole := re.search(r"(\w+)\.\*|SELECT \* FROM (\w+)", each.body):
        yield f"\nAll columns of `{whole[1] or whole[2]}`{', and:' if each.columns else '.'}\n"
    if each.columns:
        needed = [part for part in each.parameters.split(", ") if part and ":=" not in part]
        given = "" if each.kind == "VIEW" else f"({', '.join(['NULL'] * len(needed))})"
        yield f"\n{_HEAD}"
        for name, kind, *_ in log.execute(f"DESCRIBE FROM {each.quoted}{given}").fetchall():
            if not whole or name in each.columns:
                yield _row(Column(name, kind, each.columns.get(name, "")))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
