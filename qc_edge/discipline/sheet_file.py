"""Writes a sheet to a file, as HTML or PDF by the ending of its name."""

from __future__ import annotations

from pathlib import Path

from qc_edge.discipline.sheet import Sheet
from qc_edge.errors import StoreError, UsageError
from qc_edge.report.pdf import render_pdf
from qc_edge.store.durable import write_file

KINDS = (".html", ".pdf")


def check_sheet_file(path: Path) -> None:
    """Refuse a file that could not be written. Raises UsageError or StoreError."""
    if path.suffix.lower() not in KINDS:
        raise UsageError(
            f"--output {path}: no kind of file ends in {path.suffix or 'nothing'}",
            hint=f"one of {', '.join(KINDS)}",
        )
    if not path.absolute().parent.is_dir():
        raise StoreError(
            f"{path.absolute().parent} is no directory", hint="make it first, or name another"
        )


def write_sheet(sheet: Sheet, path: Path) -> None:
    """Raises UsageError if what makes PDFs is missing, or StoreError."""
    html = sheet.html()
    write_file(path, render_pdf(html) if path.suffix.lower() == ".pdf" else html.encode())
