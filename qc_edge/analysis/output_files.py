"""The files that an analysis writes beside its answer: a picture, and a list as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qc_edge.domain.printable import csv_cell
from qc_edge.errors import StoreError
from qc_edge.plot.save import check_plot_path


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """Where the picture and the list go; None where it was not requested."""

    plot: Path | None = None
    csv: Path | None = None

    def check(self) -> None:
        """Raise UsageError or StoreError for a file that could not be written.

        Called before the work, which may score for an hour, so that no result is lost to a typing
        error in a path.
        """
        if self.plot is not None:
            check_plot_path(self.plot)
        if self.csv is not None and not self.csv.absolute().parent.is_dir():
            raise StoreError(
                f"{self.csv.absolute().parent} is no directory",
                hint="make it first, or name another",
            )


def write_csv(path: Path, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write `rows` below `headings`, UTF-8. Raises StoreError if `path` cannot be written."""
    try:
        # newline="": the csv module ends its lines itself (docs.python.org/3/library/csv.html)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(headings)
            writer.writerows([csv_cell(value) for value in row] for row in rows)
    except OSError as fault:
        raise StoreError(
            f"cannot write {path}: {fault.strerror}", hint="name another file"
        ) from fault
