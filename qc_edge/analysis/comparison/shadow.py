"""Compares the model that judges with its shadow, by the scores of both in the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from qc_edge.analysis.comparison.pairs import PairedScore, PairedScores
from qc_edge.analysis.comparison.plot import PlotLabels, plot_comparison
from qc_edge.analysis.comparison.shadow_result import ShadowResult
from qc_edge.analysis.comparison.tables import write_pairs
from qc_edge.analysis.output_files import OutputFiles
from qc_edge.domain.history import Selection, ShadowedPart
from qc_edge.errors import UsageError
from qc_edge.plot.save import save_picture
from qc_edge.query.past.station_history import nothing_matches, open_history
from qc_edge.settings import StationPaths


def compare_shadow(
    paths: StationPaths,
    selection: Selection,
    model: str | None,
    *,
    outputs: OutputFiles,
    limit: int,
    database: bool = False,
) -> ShadowResult:
    """Compare the scores in the log; `model` (NAME@VERSION) is the shadow, None for the last one.

    Raises UsageError if there is nothing to compare, StoreError if the log does not read or a file
    cannot be written.
    """
    outputs.check()
    with open_history(paths, selection, database) as history:
        judged, shadowed = history.count_scored(), history.shadowed()
        shadows = Counter(part.shadow_model for part in shadowed)
        # The shadow that was on last: the one that somebody is about to decide on.
        shadow = model or (shadowed[-1].shadow_model if shadowed else "")
        parts = [part for part in shadowed if part.shadow_model == shadow]
        if parts:
            # Only the time in which the shadow was on: before and after it could score nothing.
            judged = history.count_scored(parts[0].frame_id, parts[-1].frame_id)
    if not judged:
        raise nothing_matches(paths, database)
    pairs = _pairs(parts)
    if not pairs:
        raise _no_scores(model, judged, shadows)
    del shadows[shadow]
    result = ShadowResult(
        station=paths.name,
        models=tuple(dict.fromkeys(part.model for part in parts)),
        shadow=shadow,
        judged=judged,
        failed=len(parts) - len(pairs),
        # The shadow never holds up the line: what it was not shown is a count in its next row
        # (docs/decisions/0016).
        dropped=sum(part.dropped_before for part in parts),
        other_shadows=dict(shadows),
        scores=PairedScores(pairs),
        limit=limit,
    )
    if outputs.csv is not None:
        write_pairs(pairs, outputs.csv)
    if outputs.plot is not None:
        save_picture(plot_comparison(_labels(result), result.scores), outputs.plot, result.tables())
    return result


def _pairs(parts: Sequence[ShadowedPart]) -> list[PairedScore]:
    return [
        PairedScore(
            part.frame_id,
            part.part_id,
            part.camera,
            part.recorded_at,
            part.score,
            part.shadow_score,
            part.threshold,
            part.shadow_threshold,
            part.is_defect,
        )
        for part in parts
        if part.shadow_score is not None
    ]


def _no_scores(model: str | None, judged: int, shadows: Counter[str]) -> UsageError:
    others = ", ".join(f"{name} ({count:,} parts)" for name, count in shadows.items())
    return UsageError(
        f"the shadow{f' {model}' if model else ''} has scored none of the {judged:,} judged parts",
        hint=f"there is {others}"
        if others
        else '[shadow] bundle = "NAME@VERSION" in the settings starts one',
    )


def _labels(result: ShadowResult) -> PlotLabels:
    """A threshold that was changed meanwhile has no line in the picture: none would be right."""
    thresholds_a = {pair.threshold_a for pair in result.scores.pairs}
    thresholds_b = {pair.threshold_b for pair in result.scores.pairs}
    return PlotLabels(
        f"{result.station}: shadow {result.shadow}",
        ", ".join(result.models),
        result.shadow,
        thresholds_a.pop() if len(thresholds_a) == 1 else None,
        thresholds_b.pop() if len(thresholds_b) == 1 else None,
    )
