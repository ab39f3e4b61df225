"""The result of a shadow comparison as tables, sentences and JSON. Counts nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qc_edge.analysis.comparison.pairs import PairedScores
from qc_edge.analysis.comparison.tables import (
    hidden_flips,
    score_tables,
    score_values,
    verdict_table,
    verdict_values,
)
from qc_edge.plot.page import Table


@dataclass(frozen=True)
class ShadowResult:
    """What `qc-edge model shadow` shows. Side A is the model that judges, side B the shadow.

    `models` judged, NAME@VERSION, `judged` parts between the first and the last that the shadow was
    shown. Of those the shadow's model `failed` on some, and `dropped` were never shown to it
    because the line had work. `other_shadows` of the period, with how many parts each was shown.
    """

    station: str
    models: tuple[str, ...]
    shadow: str
    judged: int
    failed: int
    dropped: int
    other_shadows: Mapping[str, int]
    scores: PairedScores
    limit: int

    @property
    def warnings(self) -> list[str]:
        """What a person must know before believing the figures, one sentence each."""
        warnings = [
            f"{name} was the shadow, too, for {count:,} parts: --model"
            for name, count in self.other_shadows.items()
        ]
        if len(self.models) > 1:
            names = ", ".join(self.models)
            warnings.append(f"{len(self.models)} models of the line judged these parts: {names}")
        if self.failed:
            warnings.append(f"{self.failed:,} parts without a score: the shadow's model failed")
        return warnings

    @property
    def footnotes(self) -> list[str]:
        """What helps to read the tables, one sentence each."""
        scored = len(self.scores.pairs)
        share = f"{scored:,} of {self.judged:,} parts that were judged meanwhile"
        let_go = f"{self.dropped:,} were let go so that the line never waited"
        notes = [f"the shadow scored {share} ({scored / self.judged:.1%}); {let_go}"]
        notes += hidden_flips(self.scores, self.limit)
        if not self.scores.discordant.labelled:
            notes.append("nobody has labelled any of these parts: which one is right is not known")
        return notes

    def tables(self) -> dict[str, Table]:
        """Title, headings and rows, for the terminal and for the HTML page of a plot."""
        title = f"Verdicts, A {', '.join(self.models)}, B {self.shadow}"
        return {
            title: verdict_table([("each its own", self.scores.verdicts)]),
            **score_tables(self.scores, self.limit),
        }

    def to_json_values(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {
            "station": self.station,
            "line": self.models,
            "shadow": self.shadow,
            "judged": self.judged,
            "scored": len(self.scores.pairs),
            "failed": self.failed,
            "dropped": self.dropped,
            "verdicts": verdict_values(self.scores.verdicts),
            **score_values(self.scores, self.limit),
            "notes": self.warnings,
        }
