"""The result of a comparison as tables, sentences and JSON. Counts nothing itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from qc_edge.analysis.comparison.pairs import Crosstab, PairedScores
from qc_edge.analysis.comparison.scoring import ScoredSide
from qc_edge.analysis.comparison.tables import (
    hidden_flips,
    pair_table,
    pair_values,
    score_tables,
    score_values,
    verdict_table,
    verdict_values,
)
from qc_edge.plot.page import Table


@dataclass(frozen=True)
class ComparisonResult:
    """What `qc-edge model compare` shows: both sides, their paired scores, `limit` parts a list."""

    a: ScoredSide
    b: ScoredSide
    scores: PairedScores
    limit: int

    @property
    def warnings(self) -> list[str]:
        """What a person must know before believing the figures, one sentence each."""
        both = (self.a, self.b)
        warnings = [
            f"{scored.side.name}: {scored.self_test_failure}"
            for scored in both
            if scored.self_test_failure
        ]
        # A model is at its best on inputs prepared as its training pictures were.
        id_a, id_b = self.a.side.bundle.preprocess_id, self.b.side.bundle.preprocess_id
        if id_a != id_b:
            warnings.append(f"prepared for one of them only: A learnt from {id_a}, B from {id_b}")
        for scored in both:
            warnings += [
                f"{scored.side.name}: {count:,} inputs without a score: {reason}"
                for reason, count in sorted(scored.skipped.items())
            ]
        return warnings

    @property
    def footnotes(self) -> list[str]:
        """What helps to read the tables, one sentence each."""
        shift = self.scores.shift
        notes = []
        if shift is not None and shift.largest == 0:
            notes.append("every score is the same to the last bit")
        notes += hidden_flips(self.scores, self.limit)
        notes += self._beyond_tolerance()
        return notes

    def tables(self) -> dict[str, Table]:
        """Title, headings and rows, for the terminal and for the HTML page of a plot."""
        tables = {
            "Sides": (("", "A", "B"), self._side_rows()),
            "Verdicts": verdict_table(self._verdicts()),
            **score_tables(self.scores, self.limit),
        }
        if largest := self.scores.largest(self.limit):
            tables[f"The {len(largest)} largest moves"] = pair_table(largest)
        return tables

    def to_json_values(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {
            "a": _side_values(self.a),
            "b": _side_values(self.b),
            "inputs": len(self.scores.pairs),
            "verdicts": {title: verdict_values(counts) for title, counts in self._verdicts()},
            **score_values(self.scores, self.limit),
            "largest": [pair_values(pair) for pair in self.scores.largest(self.limit)],
            "notes": self.warnings,
        }

    def _verdicts(self) -> list[tuple[str, Crosstab]]:
        """Where thresholds differ, at each of them for both: else a difference of thresholds looks
        like one of models.
        """
        a, b = self.a.side.threshold, self.b.side.threshold
        if a == b:
            return [(f"{a:g}", self.scores.verdicts)]
        return [
            ("each its own", self.scores.verdicts),
            (f"both A's {a:g}", self.scores.verdicts_at(a)),
            (f"both B's {b:g}", self.scores.verdicts_at(b)),
        ]

    def _beyond_tolerance(self) -> list[str]:
        """For one model on two engines: how many scores moved further than its bundle allows."""
        bundle, shift = self.a.side.bundle, self.scores.shift
        if bundle.sha256 != self.b.side.bundle.sha256 or shift is None or not shift.largest:
            return []
        count = sum(abs(pair.move) > bundle.tolerance for pair in self.scores.pairs)
        return [
            f"{count:,} scores moved further than the bundle's tolerance of {bundle.tolerance:g}"
        ]

    def _side_rows(self) -> list[tuple[str, ...]]:
        columns = [
            (
                scored.side.bundle.reference,
                scored.side.bundle.sha256[:12],
                f"{scored.engine.backend} {scored.engine.version}",
                scored.engine.device,
                f"{scored.side.threshold:g} ({scored.side.threshold_source})",
                "" if scored.infer_ms is None else f"{scored.infer_ms:.2f} ms",
            )
            for scored in (self.a, self.b)
        ]
        names = ("bundle", "model", "engine", "device", "threshold", "inference, median")
        return list(zip(names, *columns, strict=True))


def _side_values(scored: ScoredSide) -> dict[str, Any]:
    side = scored.side
    return {
        "named": side.name,
        "bundle": side.bundle.reference,
        "model_sha256": side.bundle.sha256,
        "engine": asdict(scored.engine),
        "threshold": side.threshold,
        "threshold_from": side.threshold_source,
        "infer_ms": scored.infer_ms,
        "scored": len(scored.scores),
        "skipped": dict(scored.skipped),
    }
