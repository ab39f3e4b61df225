"""Tables as the commands about a station's past show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qc_edge.domain.printable import printable

if TYPE_CHECKING:
    from qc_edge.plot.page import Table as Content
    from qc_edge.report.shift.report_table import ReportTable


def print_tables(console: Console, tables: Mapping[str, Content]) -> None:
    """Each with its title, words to the left and figures to the right."""
    for title, (headings, rows) in tables.items():
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for number, heading in enumerate(headings):
            table.add_column(heading, justify="right" if number else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        console.print(table)


def print_result(
    console: Console,
    *,
    warnings: Sequence[str],
    tables: Mapping[str, Content],
    footnotes: Sequence[str],
) -> None:
    """What a person must know first, the tables, and what helps to read them."""
    for sentence in warnings:
        console.print(Text(f"  {sentence}", "yellow"))
    print_tables(console, tables)
    for sentence in footnotes:
        console.print(Text(sentence))


def print_report_tables(console: Console, tables: Iterable[ReportTable]) -> None:
    """Each as people read it, under its title."""
    from qc_edge.report.shift.report_table import cell_text

    print_tables(
        console,
        {
            table.title: (
                tuple(column.heading for column in table.columns),
                [
                    tuple(
                        cell_text(cell, column.kind)
                        for cell, column in zip(row, table.columns, strict=True)
                    )
                    for row in table.rows
                ],
            )
            for table in tables
        },
    )
