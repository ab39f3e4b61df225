"""The files that a shift report is written as, by the ending of their names."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from qc_edge.domain.printable import csv_cell
from qc_edge.errors import UsageError
from qc_edge.report.pdf import render_pdf
from qc_edge.report.shift.html import render_shift_html
from qc_edge.report.shift.report_table import Cell, ReportTable
from qc_edge.report.shift.shift_report import ShiftReport
from qc_edge.report.shift.tables import report_tables
from qc_edge.report.shift.workbook import render_workbook
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import write_file

KINDS = (".html", ".pdf", ".xlsx", ".zip")


def check_output(path: Path) -> None:
    """Raise UsageError for a name that no kind of file has: a name without an ending is a folder
    of CSV files, one for each table.
    """
    if path.suffix and path.suffix.lower() not in KINDS and not path.is_dir():
        raise UsageError(
            f"--output {path}: no kind of file ends in {path.suffix}",
            hint=f"one of {', '.join(KINDS)}; or a folder, without an ending, for CSV files",
        )


def write_output(report: ShiftReport, path: Path) -> None:
    """Write the report. Raises UsageError or StoreError."""
    kind = path.suffix.lower()
    if kind in KINDS and not path.is_dir():
        write_file(path, render(report, kind))
        return
    make_directories([path])
    for name, content in _csv_files(report):
        write_file(path / name, content)


def render(report: ShiftReport, kind: str) -> bytes:
    """The content of a file of that kind, one of KINDS. Raises UsageError if what makes it is not
    installed.
    """
    if kind == ".html":
        return render_shift_html(report).encode()
    if kind == ".pdf":
        return render_pdf(render_shift_html(report))
    if kind == ".xlsx":
        return render_workbook(report_tables(report))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _csv_files(report):
            archive.writestr(name, data)
    return content.getvalue()


def _csv_files(report: ShiftReport) -> Iterator[tuple[str, bytes]]:
    for table in report_tables(report):
        yield f"{table.key}.csv", _csv(table)


def _csv(table: ReportTable) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.heading for column in table.columns])
    writer.writerows([csv_cell(_value(cell)) for cell in row] for row in table.rows)
    return text.getvalue().encode()


def _value(cell: Cell) -> object:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return cell
