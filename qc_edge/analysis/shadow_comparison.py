"""The line's model against the shadow: how they agree, what flips, and who is right where labels
say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qc_edge.analysis.comparison import ComparisonOptions, write_pairs
from qc_edge.analysis.comparison_answer import (
    PAIR_HEADINGS,
    VERDICT_HEADINGS,
    labels_rows,
    move_rows,
    pair_rows,
    pair_told,
    verdict_row,
    verdicts_told,
)
from qc_edge.analysis.comparison_plot import PlotLabels, comparison_picture
from qc_edge.analysis.paired_scores import Comparison, PairedScore
from qc_edge.domain.history import Selection, ShadowedPart
from qc_edge.errors import UsageError
from qc_edge.plot.save import Table, save
from qc_edge.query.station_history import nothing_fits, open_past
from qc_edge.settings import StationPaths


@dataclass(frozen=True)
class ShadowAnswer:
    """What `qc-edge model shadow` says. A is the line's model, B the shadow.

    The line has scored `judged` parts from the first to the last that the shadow was shown, and the
    shadow none for `failed` of those. `others` are other shadows of the period, with the parts that
    they were shown.
    """

    station: str
    line: tuple[str, ...]
    shadow: str
    judged: int
    failed: int
    dropped: int
    others: dict[str, int]
    comparison: Comparison
    limit: int

    @property
    def notes(self) -> list[str]:
        """What a person must know before believing the figures."""
        notes = [
            f"{name} was the shadow, too, for {count:,} parts: --model"
            for name, count in self.others.items()
        ]
        if len(self.line) > 1:
            notes.append(
                f"{len(self.line)} models of the line judged these parts: {', '.join(self.line)}"
            )
        if self.failed:
            notes.append(f"{self.failed:,} parts without a score: the shadow's model failed")
        return notes

    @property
    def remarks(self) -> list[str]:
        """What helps to read the tables."""
        scored = len(self.comparison.pairs)
        share = (
            f"{scored:,} of {self.judged:,} parts that were judged meanwhile "
            f"({scored / self.judged:.1%})"
        )
        said = [
            f"the shadow scored {share}; {self.dropped:,} were let go so that the line never waited"
        ]
        if hidden := max(0, len(self.comparison.flips) - self.limit):
            said.append(f"{hidden:,} more flip: --limit shows them, --csv FILE writes all")
        if not self.comparison.rights.labelled:
            said.append("nobody has labelled any of these parts: which one is right is not known")
        return said

    def tables(self) -> dict[str, Table]:
        """Title, headings and rows, for the screen and the page."""
        found = self.comparison
        tables: dict[str, Table] = {
            f"Verdicts, A {', '.join(self.line)}, B {self.shadow}": (
                VERDICT_HEADINGS,
                [verdict_row("each its own", found.verdicts)],
            ),
            "Moves of the scores, B less A": (("", ""), move_rows(found)),
        }
        if found.rights.labelled:
            tables["Against labels (share of the labelled, 95 % interval)"] = (
                ("", "A", "B"),
                labels_rows(found),
            )
        if flips := found.flips[: self.limit]:
            tables[f"Flips, the {len(flips)} with the largest move"] = (
                PAIR_HEADINGS,
                pair_rows(flips),
            )
        return tables

    def told(self) -> dict[str, Any]:
        """As `--json` has it."""
        found = self.comparison
        return {
            "station": self.station,
            "line": self.line,
            "shadow": self.shadow,
            "judged": self.judged,
            "scored": len(found.pairs),
            "failed": self.failed,
            "dropped": self.dropped,
            "verdicts": verdicts_told(found.verdicts),
            "moves": asdict(found.moved) if found.moved else None,
            "rights": asdict(found.rights) | {"mcnemar_p": found.rights.p},
            "flips": [pair_told(each) for each in found.flips[: self.limit]],
            "notes": self.notes,
        }


def ask_shadow(
    paths: StationPaths,
    selection: Selection,
    model: str | None,
    wanted: ComparisonOptions,
    *,
    database: bool = False,
) -> ShadowAnswer:
    """Compare what the log holds of both; `model` names the shadow, the last one if it is None.

    Raises UsageError if there is nothing to compare, StoreError.
    """
    wanted.check()
    with open_past(paths, selection, database) as history:
        judged, shadowed = history.count_scored(), history.shadowed()
        models = Counter(part.shadow_model for part in shadowed)
        shadow = model or (shadowed[-1].shadow_model if shadowed else "")
        parts = [part for part in shadowed if part.shadow_model == shadow]
        if parts:
            judged = history.count_scored(parts[0].frame_id, parts[-1].frame_id)
    if not judged:
        raise nothing_fits(paths, database)
    pairs = _pairs(parts)
    if not pairs:
        said = ", ".join(f"{name} ({count:,} parts)" for name, count in models.items())
        raise UsageError(
            f"the shadow{f' {model}' if model else ''} has scored none of the {judged:,} judged "
            "parts",
            hint=f"there is {said}"
            if said
            else '[shadow] bundle = "NAME@VERSION" in the settings starts one',
        )
    del models[shadow]
    line = tuple(dict.fromkeys(part.model for part in parts))
    answer = ShadowAnswer(
        paths.name,
        line,
        shadow,
        judged,
        len(parts) - len(pairs),
        sum(part.dropped_before for part in parts),
        dict(models),
        Comparison(pairs),
        wanted.limit,
    )
    _write(answer, wanted.csv, wanted.plot)
    return answer


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


def _write(answer: ShadowAnswer, csv: Path | None, plot: Path | None) -> None:
    pairs = answer.comparison.pairs
    if csv is not None:
        write_pairs(pairs, csv)
    if plot is not None:
        a, b = ({getattr(pair, name) for pair in pairs} for name in ("threshold_a", "threshold_b"))
        names = PlotLabels(
            f"{answer.station}: shadow {answer.shadow}",
            ", ".join(answer.line),
            answer.shadow,
            a.pop() if len(a) == 1 else None,
            b.pop() if len(b) == 1 else None,
        )
        save(comparison_picture(names, answer.comparison), plot, answer.tables())
