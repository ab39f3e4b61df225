"""The result of a replay as tables, sentences and JSON. Counts nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import tzinfo
from typing import Any

from qc_edge.analysis.replay.parts import PartsImpact
from qc_edge.analysis.replay.threshold_impact import ThresholdImpact
from qc_edge.analysis.replay.thresholds_then import describe_thresholds, thresholds_table
from qc_edge.analysis.statistics import Share, format_share
from qc_edge.domain.history import Flip
from qc_edge.plot.page import Table


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What `qc-edge replay` shows.

    `model` (NAME@VERSION) is set if another model scored the parts: `scored` of them now, the rest
    in an earlier run; `skipped` counts the parts without a score by the reason. `cheapest` is the
    threshold that would have cost least, if costs were given.
    """

    station: str
    impact: ThresholdImpact
    model: str | None = None
    cheapest: float | None = None
    scored: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    parts: PartsImpact = field(default_factory=PartsImpact)

    @property
    def warnings(self) -> list[str]:
        """What a person must know before believing the figures, one sentence each."""
        impact, warnings = self.impact, []
        # At its own threshold each stored verdict must come out again. One that does not makes all
        # figures doubtful: the row was changed, or the software that wrote it was at fault.
        if impact.totals.unexplained:
            warnings.append(
                f"{impact.totals.unexplained:,} verdicts do not follow from their own score and "
                f"threshold: qc-edge verify {self.station}"
            )
        if self.parts.unexplained:
            warnings.append(
                f"{self.parts.unexplained:,} parts were not told what their own views give: "
                f"qc-edge verify {self.station}"
            )
        # Scores of two models are not on one scale: one threshold over both says little.
        if len(impact.models) > 1 and self.model is None:
            names = ", ".join(impact.models)
            warnings.append(
                f"{len(impact.models)} models judged these parts ({names}): --model takes one"
            )
        if impact.costs and not impact.labelled:
            warnings.append(
                f"no costs: none of the {impact.totals.inspections:,} inspections is labelled, and "
                "only of a labelled part is it known whether its verdict was wrong"
            )
        elif impact.costs and not (impact.before.escapes.of and impact.before.overkill.of):
            kind = "good" if impact.before.overkill.of else "defect"
            warnings.append(
                "costs of one side only, and no cheapest threshold: all "
                f"{impact.labelled:,} labels say {kind}"
            )
        warnings += [
            f"{count:,} parts left out: {reason}" for reason, count in sorted(self.skipped.items())
        ]
        return warnings

    @property
    def footnotes(self) -> list[str]:
        """What helps to read the tables, one sentence each."""
        impact, inspections = self.impact, self.impact.totals.inspections
        notes = []
        if describe_thresholds(impact.thresholds_then):
            notes.append("each verdict is held against the threshold that it was judged by")
        if not impact.totals.unexplained and self.model is None:
            notes.append(
                f"replayed at its own threshold, each of the {inspections:,} verdicts is as stored"
            )
        if self.model is not None:
            notes.append(
                f"{self.scored:,} parts were scored now, {inspections - self.scored:,} before"
            )
        if hidden := impact.flip_count - len(impact.flips):
            notes.append(f"{hidden:,} more turn: --limit shows them, --csv FILE writes them all")
        if self.cheapest is not None:
            notes.append(
                f"on these labels the cheapest threshold would have been {self.cheapest:.4g}"
            )
        if self.model is None:
            notes.append(
                "nothing is changed; to change it: "
                f"qc-edge threshold {self.station} set {impact.threshold:g} --by WHO --reason TEXT"
            )
        return notes

    def tables(self) -> dict[str, Table]:
        """Title, headings and rows, for the terminal and for the HTML page of a plot."""
        impact = self.impact
        headings = ("", "before", "after", "change")
        verdicts: list[tuple[str, ...]] = [
            (name, f"{before:,}", f"{after:,}", f"{after - before:+,}")
            for name, (before, after) in impact.counts.items()
        ]
        tables: dict[str, Table] = {"Verdicts": (headings, verdicts)}
        if self.parts.changes:
            tables["Parts that several views see"] = self.parts.table()
        if describe_thresholds(impact.thresholds_then):
            tables["Thresholds then, each with its own verdicts"] = thresholds_table(
                impact.thresholds_then, impact.zone, with_flips=self.model is None
            )
        if impact.labelled:
            title = "Against labels (share of the labelled, 95 % interval)"
            tables[title] = (headings, self._label_rows())
        if impact.flips:
            tables[f"Verdicts that turn, the worst {len(impact.flips)}"] = (
                ("part", f"recorded ({impact.zone})", "camera", "score", "verdict", "label"),
                [_flip_row(flip, impact.zone) for flip in impact.flips],
            )
        return tables

    def to_json_values(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        impact = self.impact
        outcomes = {"before": impact.before, "after": impact.after}
        return {
            "station": self.station,
            "threshold": impact.threshold,
            "threshold_before": impact.threshold_before,
            "thresholds_then": [
                {
                    "threshold": span.threshold,
                    "threshold_id": span.threshold_id,
                    "first": span.first.isoformat(),
                    "last": span.last.isoformat(),
                    "inspections": span.inspections,
                }
                for span in impact.thresholds_then
            ],
            "model": self.model,
            "models": impact.models,
            "inspections": impact.totals.inspections,
            "verdicts": {
                name: {"before": before, "after": after}
                for name, (before, after) in impact.counts.items()
            },
            "parts": {
                name: {"before": before, "after": after}
                for name, (before, after) in self.parts.counts.items()
            }
            if self.parts.changes
            else None,
            "pass_to_fail": impact.totals.pass_to_fail,
            "fail_to_pass": impact.totals.fail_to_pass,
            "unexplained": impact.totals.unexplained,
            "escapes": {when: _share(outcome.escapes) for when, outcome in outcomes.items()},
            "overkill": {when: _share(outcome.overkill) for when, outcome in outcomes.items()},
            "cost": {when: impact.costs.total(outcome) for when, outcome in outcomes.items()}
            if impact.costs and impact.labelled
            else None,
            "cheapest_threshold": self.cheapest,
            "scored": self.scored,
            "skipped": dict(self.skipped),
            "notes": self.warnings,
            "flips": [
                asdict(flip) | {"recorded_at": flip.recorded_at.isoformat()}
                for flip in impact.flips
            ],
        }

    def _label_rows(self) -> list[tuple[str, ...]]:
        before, after, costs = self.impact.before, self.impact.after, self.impact.costs
        rows: list[tuple[str, ...]] = [
            (name, format_share(old), format_share(new), f"{new.count - old.count:+,}")
            for name, old, new in (
                ("escapes, of defects", before.escapes, after.escapes),
                ("overkill, of good parts", before.overkill, after.overkill),
            )
        ]
        if costs:
            old_cost, new_cost = costs.total(before), costs.total(after)
            change = f"{new_cost - old_cost:+,.2f}"
            rows.append(("cost", f"{old_cost:,.2f}", f"{new_cost:,.2f}", change))
        return rows


def _flip_row(flip: Flip, zone: tzinfo) -> tuple[str, ...]:
    new_score = "" if flip.rescored is None else f" → {flip.rescored:.4f}"
    return (
        flip.part_id,
        f"{flip.recorded_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        flip.camera,
        f"{flip.score:.4f}{new_score}",
        f"{flip.verdict} → {flip.replayed}",
        flip.label or "",
    )


def _share(share: Share) -> dict[str, object]:
    return {"count": share.count, "of": share.of, "share": share.value, "interval": share.interval}
