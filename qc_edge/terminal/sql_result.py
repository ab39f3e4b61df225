"""How a result of `qc-edge sql` is printed: a table for people, CSV and JSON for scripts."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from qc_edge.domain.printable import csv_cell, printable
from qc_edge.terminal.options import out

if TYPE_CHECKING:
    from rich.console import Console

    from qc_edge.query.sql_session import SqlResult, SqlSession

_CELL = 44
"""Characters of a cell that are shown where a table has to fit the terminal."""

_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "NUMBER")
_PIPED_ROWS = 100_000
"""A table is laid out as a whole, in memory; CSV and JSON are printed as they come."""

_PIPED_WIDTH = 20_000


class ResultPrinter:
    """Runs a statement and prints its result. `kind`: table, csv or json; `rows`: of a table, 0 for
    all.
    """

    def __init__(self, session: SqlSession, kind: str, rows: int) -> None:
        self._session = session
        self.kind = kind
        self._rows = rows

    def __call__(self, statement: str) -> None:
        """Run the statement and print its result. Raises UsageError or StoreError."""
        result = self._session.execute(statement)
        if self.kind == "csv":
            _write_csv(result)
        elif self.kind == "json":
            _write_json(result)
        else:
            self._write_table(result, statement)

    def _write_table(self, result: SqlResult, statement: str) -> None:
        console = _console()
        limit = (self._rows or None) if console.is_terminal else _PIPED_ROWS
        rows = chain.from_iterable(result.portions)
        shown = list(islice(rows, limit))
        more = limit is not None and next(rows, None) is not None
        if len(result.names) == 2 and result.names[0] == "explain_key":
            for _, text in shown:
                console.print(text, markup=False)
            return
        if len(shown) == 1 and _width(result, shown) > console.width:
            _print_record(console, result, shown[0])
            return
        hidden = _print_table(console, result, shown)
        console.print(
            _notice(len(shown), self._session.count(statement) if more else None, more, hidden)
        )


def _notice(shown: int, count: int | None, more: bool, hidden: Sequence[str]) -> str:
    if more:
        notice = f"{shown:,} of {count:,} rows" if count else f"the first {shown:,} rows"
        notice += " (--rows 0, --csv or --parquet FILE: all)"
    else:
        notice = f"{shown:,} row{'' if shown == 1 else 's'}"
    if hidden:
        names = ", ".join(hidden[:4]) + (", ..." if len(hidden) > 4 else "")
        notice += f"; {len(hidden)} columns do not fit: {names} (name the columns, or --csv)"
    return notice


def _print_table(console: Console, result: SqlResult, rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """The columns that fit the terminal; the names of the others."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cells = [[_text(value) for value in row] for row in rows]
    fits = len(result.names)
    if console.is_terminal:
        widths = [
            min(_CELL, max(len(name), *(len(row[at]) for row in cells)) if cells else len(name))
            for at, name in enumerate(result.names)
        ]
        fits = max(
            1, sum(1 for at in range(fits) if sum(widths[: at + 1]) + 3 * at <= console.width)
        )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, kind in list(zip(result.names, result.types, strict=True))[:fits]:
        table.add_column(Text(name), justify="right" if _is_number(kind) else "left", no_wrap=True)
    for values, row in zip(cells, rows, strict=True):
        table.add_row(
            *[
                _cell(text, raw is None, console)
                for text, raw in zip(values[:fits], row, strict=False)
            ]
        )
    console.print(table)
    return list(result.names[fits:])


def _console() -> Console:
    """The terminal; or, for a pipe or a file, one that is never too narrow."""
    from rich.console import Console

    console = out()
    return (
        console
        if console.is_terminal
        else Console(soft_wrap=True, highlight=False, width=_PIPED_WIDTH)
    )


def _cell(text: str, is_null: bool, console: Console) -> Any:
    from rich.text import Text

    if console.is_terminal and len(text) > _CELL:
        text = text[: _CELL - 1] + "…"
    return Text(printable(text), "dim" if is_null else "")


def _print_record(console: Console, result: SqlResult, row: Sequence[Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in zip(result.names, row, strict=True):
        table.add_row(Text(name, "cyan"), _cell_of_record(value))
    console.print(table)


def _cell_of_record(value: object) -> Any:
    from rich.text import Text

    return Text(printable(_text(value)), "dim" if value is None else "")


def _width(result: SqlResult, rows: Sequence[tuple[Any, ...]]) -> int:
    return sum(
        max(len(name), *(len(_text(row[at])) for row in rows)) + 3
        for at, name in enumerate(result.names)
    )


def _write_csv(result: SqlResult) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(result.names)
    for rows in result.portions:
        writer.writerows([csv_cell(value) for value in row] for row in rows)


def _write_json(result: SqlResult) -> None:
    sys.stdout.write("[")
    separator = "\n"
    for row in _rows(result):
        text = json.dumps(
            dict(zip(result.names, row, strict=True)), default=_plain, ensure_ascii=False
        )
        sys.stdout.write(f"{separator}{text}")
        separator = ",\n"
    sys.stdout.write("\n]\n")


def _rows(result: SqlResult) -> Iterator[Sequence[Any]]:
    for portion in result.portions:
        for row in portion:
            yield [
                None if isinstance(value, float) and not _finite(value) else value for value in row
            ]


def _finite(value: float) -> bool:
    return value - value == 0


def _plain(value: object) -> object:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return str(value)


def _text(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _is_number(kind: str) -> bool:
    return any(name in kind for name in _NUMBERS) and "[" not in kind and "STRUCT" not in kind
