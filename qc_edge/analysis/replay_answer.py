"""The answer of a replay in tables, in words and as JSON. Counts nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from qc_edge.analysis.threshold_impact import Share, ThresholdImpact
from qc_edge.domain.history import Flip
from qc_edge.plot.save import Table


@dataclass(frozen=True, slots=True)
class ReplayAnswer:
    """`model` is set if it gave other scores than the stored ones: `scored` of them now, the rest
    before; `skipped` parts have none.
    """

    station: str
    effect: ThresholdImpact
    model: str | None = None
    cheapest: float | None = None
    scored: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What a person must know before believing the figures."""
        effect, notes = self.effect, []
        if effect.totals.unexplained:
            notes.append(
                f"{effect.totals.unexplained:,} verdicts do not follow from their own score and "
                "threshold: "
                f"qc-edge verify {self.station}"
            )
        if len(effect.models) > 1 and self.model is None:
            names = ", ".join(effect.models)
            notes.append(
                f"{len(effect.models)} models judged these parts ({names}): --model takes one"
            )
        notes += [
            f"{count:,} parts left out: {reason}" for reason, count in sorted(self.skipped.items())
        ]
        return notes

    @property
    def remarks(self) -> list[str]:
        """What helps to read the tables."""
        effect, totals = self.effect, self.effect.totals
        said = []
        if not totals.unexplained and self.model is None:
            said.append(
                f"replayed at its own threshold, each of the {totals.inspections:,} verdicts is "
                "as stored"
            )
        if self.model is not None:
            said.append(
                f"{self.scored:,} parts were scored now, {totals.inspections - self.scored:,} "
                "before"
            )
        if hidden := totals.pass_to_fail + totals.fail_to_pass - len(effect.flips):
            said.append(f"{hidden:,} more turn: --limit shows them, --csv FILE writes them all")
        if self.cheapest is not None:
            said.append(
                f"on these labels the cheapest threshold would have been {self.cheapest:.4g}"
            )
        if self.model is None:
            said.append(
                "nothing is changed; to change it: "
                f"qc-edge threshold {self.station} set {effect.threshold:g} --by WHO --reason TEXT"
            )
        return said

    def tables(self) -> dict[str, Table]:
        """Title, headings and rows, for the screen and the page."""
        effect = self.effect
        headings = ("", "before", "after", "change")
        tables: dict[str, Table] = {
            "Verdicts": (
                headings,
                [
                    (name, f"{old:,}", f"{new:,}", f"{new - old:+,}")
                    for name, (old, new) in effect.counts.items()
                ],
            )
        }
        if effect.before.escapes.of + effect.before.overkill.of:
            tables["Against labels (share of the labelled, 95 % interval)"] = (
                headings,
                self._errors(),
            )
        if effect.flips:
            shown = len(effect.flips)
            tables[f"Verdicts that turn, the newest {shown}"] = (
                ("part", "recorded (UTC)", "camera", "score", "verdict", "label"),
                [
                    (
                        flip.part_id,
                        f"{flip.recorded_at:%Y-%m-%d %H:%M:%S}",
                        flip.camera,
                        _scores(flip),
                        f"{flip.verdict} → {flip.replayed}",
                        flip.label or "",
                    )
                    for flip in effect.flips
                ],
            )
        return tables

    def told(self) -> dict[str, Any]:
        """As `--json` has it."""
        effect = self.effect
        both = (("before", effect.before), ("after", effect.after))
        return {
            "station": self.station,
            "threshold": effect.threshold,
            "threshold_before": effect.threshold_before,
            "model": self.model,
            "models": effect.models,
            "inspections": effect.totals.inspections,
            "verdicts": {
                name: {"before": old, "after": new} for name, (old, new) in effect.counts.items()
            },
            "pass_to_fail": effect.totals.pass_to_fail,
            "fail_to_pass": effect.totals.fail_to_pass,
            "unexplained": effect.totals.unexplained,
            "escapes": {when: _share(each.escapes) for when, each in both},
            "overkill": {when: _share(each.overkill) for when, each in both},
            "cost": {when: effect.costs.of(each) for when, each in both} if effect.costs else None,
            "cheapest_threshold": self.cheapest,
            "scored": self.scored,
            "skipped": dict(self.skipped),
            "notes": self.notes,
            "flips": [
                asdict(flip) | {"recorded_at": flip.recorded_at.isoformat()}
                for flip in effect.flips
            ],
        }

    def _errors(self) -> list[tuple[str, ...]]:
        before, after, costs = self.effect.before, self.effect.after, self.effect.costs
        rows: list[tuple[str, ...]] = [
            (name, said_share(old), said_share(new), f"{new.count - old.count:+,}")
            for name, old, new in (
                ("escapes, of defects", before.escapes, after.escapes),
                ("overkill, of good parts", before.overkill, after.overkill),
            )
        ]
        if costs:
            old, new = costs.of(before), costs.of(after)
            rows.append(("cost", f"{old:,.2f}", f"{new:,.2f}", f"{new - old:+,.2f}"))
        return rows


def said_share(share: Share) -> str:
    """A share as a table shows it, with its interval."""
    if share.value is None or share.interval is None:
        return "none labelled"
    low, high = share.interval
    return f"{share.count:,} of {share.of:,} = {share.value:.2%} ({low:.2%} to {high:.2%})"


def _scores(flip: Flip) -> str:
    return f"{flip.score:.4f}" + ("" if flip.rescored is None else f" → {flip.rescored:.4f}")


def _share(share: Share) -> dict[str, object]:
    return {"count": share.count, "of": share.of, "share": share.value, "interval": share.interval}
