"""The views and macros that QA asks: read from views.sql, for one directory of published files."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from qc_edge.query.published_files import glob_escaped
from qc_edge.store.log.duck import quoted

_STATEMENT = re.compile(
    r'^((?:-- [^\n]*\n)+)CREATE (VIEW|MACRO) "?(\w+)"?\s*(?:\((.*?)\))? AS( TABLE)?\b(.*?);$',
    re.MULTILINE | re.DOTALL,
)
_ROWS = re.compile(r"FROM read_parquet\('@published@/(\w+)/")
_COLUMN = re.compile(r"(\w+),?\s+-- (.+)$", re.MULTILINE)


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


def script(published: Path) -> str:
    """The statements that make the views over the files in `published`, an absolute path."""
    return source().replace("@published@", glob_escaped(str(published)).replace("'", "''"))


def portable_script(*, tables: bool, leave_out: Collection[str] = ()) -> str:
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

    return _STATEMENT.sub(portable, source())


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
