"""Put the question of a comparison: both sides over the same inputs, drawn and written where
wanted.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qc_edge.analysis.comparison_answer import ComparisonAnswer, pair_told
from qc_edge.analysis.comparison_plot import PlotLabels, comparison_picture
from qc_edge.analysis.comparison_scoring import Progress, pair, score_side
from qc_edge.analysis.comparison_side import Side
from qc_edge.analysis.inputs import Input
from qc_edge.analysis.paired_scores import Comparison, PairedScore
from qc_edge.errors import StoreError
from qc_edge.plot.save import must_be_writable, save


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """How much to list, and what to write where."""

    limit: int
    plot: Path | None
    csv: Path | None

    def check(self) -> None:
        """Before the work is done: raises UsageError or StoreError for what could not be written
        after it.
        """
        if self.plot is not None:
            must_be_writable(self.plot)
        if self.csv is not None and not self.csv.absolute().parent.is_dir():
            raise StoreError(f"{self.csv.absolute().parent} is no directory", hint="make it first")


def ask(
    sides: tuple[Side, Side], inputs: Sequence[Input], wanted: ComparisonOptions, progress: Progress
) -> ComparisonAnswer:
    """Score, compare, draw, write. Raises ModelError, EngineError, UsageError or StoreError."""
    wanted.check()
    a, b = (score_side(side, inputs, progress) for side in sides)
    found = Comparison(pair(a, b, inputs))
    answer = ComparisonAnswer(a, b, found, wanted.limit)
    if wanted.csv is not None:
        write_pairs(found.pairs, wanted.csv)
    if wanted.plot is not None:
        names = PlotLabels(
            f"{a.side.named} and {b.side.named}",
            a.side.named,
            b.side.named,
            a.side.threshold,
            b.side.threshold,
        )
        save(comparison_picture(names, found), wanted.plot, answer.tables())
    return answer


def write_pairs(pairs: Sequence[PairedScore], file: Path) -> None:
    """Every pair as CSV, in order. Raises StoreError if `file` cannot be written."""
    try:
        with file.open("w", newline="", encoding="utf-8") as opened:
            writer = csv.DictWriter(opened, list(pair_told(pairs[0])))
            writer.writeheader()
            writer.writerows(map(pair_told, pairs))
    except OSError as fault:
        raise StoreError(
            f"cannot write {file}: {fault.strerror}", hint="name another file"
        ) from fault
