"""Labels as CSV: one a line; the columns are those that the export writes, others are left out."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from qc_edge.domain.label import parse_regions
from qc_edge.domain.printable import csv_cell
from qc_edge.labels.exchange.exported import ExportedLabel
from qc_edge.labels.exchange.foreign import ForeignFile, ForeignLabel, Misfit, parse_said, text_of

COLUMNS = ("frame_id", "part_id", "label", "defect_class", "who", "role", "why", "regions")


def read(text: str) -> ForeignFile:
    """The labels in a CSV with a heading: frame_id or part_id, and label, are needed."""
    found = ForeignFile()
    for number, row in enumerate(csv.DictReader(io.StringIO(text)), 2):
        where = f"line {number}"
        try:
            # What csv_cell has put in front, so that no spreadsheet takes it for a formula.
            plain = {name: _plain(value) for name, value in row.items() if isinstance(value, str)}
            target = text_of(plain, "frame_id") or text_of(plain, "part_id")
            if target is None:
                raise ValueError("neither frame_id nor part_id")
            found.labels.append(
                ForeignLabel(
                    where,
                    target,
                    parse_said(plain.get("label", "")),
                    text_of(plain, "defect_class"),
                    text_of(plain, "who"),
                    text_of(plain, "role"),
                    text_of(plain, "why"),
                    parse_regions(text_of(plain, "regions")),
                )
            )
        except ValueError as fault:
            found.misfits.append(Misfit(where, str(fault)))
    return found


def write(labels: Sequence[ExportedLabel]) -> str:
    """The labels as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for label in labels:
        writer.writerow([csv_cell(getattr(label, name) or "") for name in COLUMNS])
    return text.getvalue()


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and csv_cell(cell[1:]) == cell else cell
