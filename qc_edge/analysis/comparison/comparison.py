"""Compares two models, or one model on two engines: scores, counts, draws and writes."""

from __future__ import annotations

from collections.abc import Sequence

from qc_edge.analysis.comparison.inputs import ComparisonInput
from qc_edge.analysis.comparison.pairs import PairedScores
from qc_edge.analysis.comparison.plot import PlotLabels, plot_comparison
from qc_edge.analysis.comparison.result import ComparisonResult
from qc_edge.analysis.comparison.scoring import pair_scores, score_side
from qc_edge.analysis.comparison.side import ComparisonSide
from qc_edge.analysis.comparison.tables import write_pairs
from qc_edge.analysis.output_files import OutputFiles
from qc_edge.analysis.scoring import ScoringProgress
from qc_edge.plot.save import save_picture


def compare_sides(
    sides: tuple[ComparisonSide, ComparisonSide],
    inputs: Sequence[ComparisonInput],
    progress: ScoringProgress,
    *,
    outputs: OutputFiles,
    limit: int,
) -> ComparisonResult:
    """Score `inputs` by both sides and write `outputs`; the result lists at most `limit` parts.

    Raises ModelError, EngineError, UsageError or StoreError.
    """
    outputs.check()
    a, b = (score_side(side, inputs, progress) for side in sides)
    scores = PairedScores(pair_scores(a, b, inputs))
    result = ComparisonResult(a, b, scores, limit)
    if outputs.csv is not None:
        write_pairs(scores.pairs, outputs.csv)
    if outputs.plot is not None:
        names = (a.side.name, b.side.name)
        labels = PlotLabels(" and ".join(names), *names, a.side.threshold, b.side.threshold)
        save_picture(plot_comparison(labels, scores), outputs.plot, result.tables())
    return result
