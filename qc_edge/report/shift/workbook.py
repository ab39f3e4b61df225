"""The shift report as a workbook, a sheet for each table: by XlsxWriter, which is an extra."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from qc_edge.errors import UsageError
from qc_edge.report.shift.report_table import Cell, ColumnKind, ReportTable

_FORMATS = {
    ColumnKind.COUNT: "#,##0",
    ColumnKind.SHARE: "0.00 %",
    ColumnKind.NUMBER: "0.####",
    ColumnKind.TIME: "yyyy-mm-dd hh:mm:ss",
}
_WIDTHS = {ColumnKind.TEXT: 24, ColumnKind.TIME: 20}
_WIDTH = 11
_LONGEST_TEXT = 32_000
"""Excel takes 32,767 characters in a cell."""


def render_workbook(tables: list[ReportTable]) -> bytes:
    """The XLSX file. Raises UsageError if XlsxWriter is missing."""
    try:
        import xlsxwriter
    except ImportError:
        raise UsageError(
            "an XLSX file needs the package XlsxWriter",
            hint="pip install 'qc-edge[report]'; or name a folder, for CSV files",
        ) from None
    file = io.BytesIO()
    # In memory: the page may write nowhere. Text from outside never becomes a formula or a link.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as workbook:
        heading = workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True})
        formats = {
            kind: workbook.add_format({"num_format": _FORMATS.get(kind, "@")})
            for kind in ColumnKind
        }
        for table in tables:
            _write(workbook.add_worksheet(table.key), table, heading, formats)
    return file.getvalue()


def _write(sheet: Any, table: ReportTable, heading: Any, formats: dict[ColumnKind, Any]) -> None:
    sheet.freeze_panes(1, 0)
    for number, column in enumerate(table.columns):
        sheet.write_string(0, number, column.heading, heading)
        sheet.set_column(number, number, _WIDTHS.get(column.kind, _WIDTH))
        for row, cells in enumerate(table.rows, start=1):
            _write_cell(sheet, row, number, cells[number], formats[column.kind])
    if table.rows:
        sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
    else:
        sheet.write_string(1, 0, table.empty)


def _write_cell(sheet: Any, row: int, column: int, cell: Cell, shown: Any) -> None:
    if cell is None:
        return
    if isinstance(cell, bool):
        sheet.write_string(row, column, "yes" if cell else "NO")
    elif isinstance(cell, datetime):
        sheet.write_datetime(row, column, cell, shown)
    elif isinstance(cell, (int, float)):
        sheet.write_number(row, column, cell, shown)
    else:
        sheet.write_string(row, column, cell[:_LONGEST_TEXT], shown)
