"""The answer of a comparison in tables, in words and as JSON. Counts nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qc_edge.analysis.comparison_scoring import ScoredSide
from qc_edge.analysis.paired_scores import Comparison, Crosstab, PairedScore
from qc_edge.analysis.replay_answer import said_share
from qc_edge.plot.save import Table

VERDICT_HEADINGS = (
    "threshold",
    "A FAILs",
    "B FAILs",
    "PASS → FAIL",
    "FAIL → PASS",
    "McNemar's p",
    "kappa",
)
PAIR_HEADINGS = ("input", "part", "score", "move", "verdict", "label")


@dataclass(frozen=True)
class ComparisonAnswer:
    """What `qc-edge model compare` says; `limit` parts of each list."""

    a: ScoredSide
    b: ScoredSide
    comparison: Comparison
    limit: int

    @property
    def notes(self) -> list[str]:
        """What a person must know before believing the figures."""
        notes = [f"{one.side.named}: {one.golden}" for one in (self.a, self.b) if one.golden]
        of_a, of_b = self.a.side.bundle.preprocess_id, self.b.side.bundle.preprocess_id
        if of_a != of_b:
            notes.append(f"prepared for one of them only: A learnt from {of_a}, B from {of_b}")
        for one in (self.a, self.b):
            notes += [
                f"{one.side.named}: {count:,} inputs without a score: {reason}"
                for reason, count in sorted(one.skipped.items())
            ]
        return notes

    @property
    def remarks(self) -> list[str]:
        """What helps to read the tables."""
        found, moved = self.comparison, self.comparison.moved
        said = []
        if moved is not None and moved.largest == 0:
            said.append("every score is the same to the last bit")
        if hidden := len(found.flips) - len(self._shown(found.flips)):
            said.append(f"{hidden:,} more flip: --limit shows them, --csv FILE writes all")
        if beyond := self._beyond():
            said.append(beyond)
        return said

    def tables(self) -> dict[str, Table]:
        """Title, headings and rows, for the screen and the page."""
        found = self.comparison
        tables: dict[str, Table] = {
            "Sides": (("", "A", "B"), self._sides()),
            "Verdicts": (
                VERDICT_HEADINGS,
                [verdict_row(title, counts) for title, counts in self._verdicts()],
            ),
            "Moves of the scores, B less A": (("", ""), move_rows(found)),
        }
        if found.rights.labelled:
            tables["Against labels (share of the labelled, 95 % interval)"] = (
                ("", "A", "B"),
                labels_rows(found),
            )
        if flips := self._shown(found.flips):
            tables[f"Flips, the {len(flips)} with the largest move"] = (
                PAIR_HEADINGS,
                pair_rows(flips),
            )
        if largest := found.largest(self.limit):
            tables[f"The {len(largest)} largest moves"] = (PAIR_HEADINGS, pair_rows(largest))
        return tables

    def told(self) -> dict[str, Any]:
        """As `--json` has it."""
        found = self.comparison
        return {
            "a": _side(self.a),
            "b": _side(self.b),
            "inputs": len(found.pairs),
            "verdicts": {title: verdicts_told(counts) for title, counts in self._verdicts()},
            "moves": asdict(found.moved) if found.moved else None,
            "rights": asdict(found.rights) | {"mcnemar_p": found.rights.p},
            "flips": [pair_told(each) for each in self._shown(found.flips)],
            "largest": [pair_told(each) for each in found.largest(self.limit)],
            "notes": self.notes,
        }

    def _shown(self, pairs: Sequence[PairedScore]) -> Sequence[PairedScore]:
        return pairs[: self.limit]

    def _verdicts(self) -> list[tuple[str, Crosstab]]:
        a, b = self.a.side.threshold, self.b.side.threshold
        if a == b:
            return [(f"{a:g}", self.comparison.verdicts)]
        return [
            ("each its own", self.comparison.verdicts),
            (f"both A's {a:g}", self.comparison.verdicts_at(a)),
            (f"both B's {b:g}", self.comparison.verdicts_at(b)),
        ]

    def _beyond(self) -> str:
        """Of one model on two engines: how many scores moved further than its bundle allows."""
        bundle = self.a.side.bundle
        moved = self.comparison.moved
        if bundle.sha256 != self.b.side.bundle.sha256 or moved is None or not moved.largest:
            return ""
        beyond = sum(abs(pair.moved) > bundle.tolerance for pair in self.comparison.pairs)
        return (
            f"{beyond:,} scores moved further than the bundle's tolerance of {bundle.tolerance:g}"
        )

    def _sides(self) -> list[tuple[str, ...]]:
        both = (self.a, self.b)
        return [
            ("bundle", *(one.side.bundle.reference for one in both)),
            ("model", *(one.side.bundle.sha256[:12] for one in both)),
            ("engine", *(f"{one.engine.backend} {one.engine.version}" for one in both)),
            ("device", *(one.engine.device for one in both)),
            ("threshold", *(f"{one.side.threshold:g} ({one.side.source})" for one in both)),
            (
                "inference, median",
                *("" if one.infer_ms is None else f"{one.infer_ms:.2f} ms" for one in both),
            ),
        ]


def move_rows(found: Comparison) -> list[tuple[str, ...]]:
    """The moves of at least one pair in figures."""
    moved = found.moved
    assert moved is not None, "a comparison has pairs"  # noqa: S101
    return [
        ("inputs", f"{len(found.pairs):,}"),
        ("not moved at all", f"{moved.unmoved:,}"),
        ("mean", f"{moved.mean:+.3g}"),
        ("mean distance", f"{moved.mean_distance:.3g}"),
        ("median distance", f"{moved.median_distance:.3g}"),
        ("99 % within", f"{moved.p99_distance:.3g}"),
        ("largest", f"{moved.largest:.3g}"),
    ]


def labels_rows(found: Comparison) -> list[tuple[str, ...]]:
    """Escapes and overkill of both against the labels, and who is right where only one is."""
    a, b, rights = *found.against_labels, found.rights
    return [
        ("escapes, of defects", said_share(a.escapes), said_share(b.escapes)),
        ("overkill, of good parts", said_share(a.overkill), said_share(b.overkill)),
        ("right where the other is wrong", f"{rights.only_a:,}", f"{rights.only_b:,}"),
        ("McNemar's test, exact", f"p = {rights.p:.4g}", ""),
    ]


def pair_rows(pairs: Sequence[PairedScore]) -> list[tuple[str, ...]]:
    """Rows under PAIR_HEADINGS."""
    return [
        (
            pair.name,
            pair.part_id,
            f"{pair.a:.4f} → {pair.b:.4f}",
            f"{pair.moved:+.3g}",
            " → ".join(dict.fromkeys(pair.verdicts)),
            _label(pair) or "",
        )
        for pair in pairs
    ]


def pair_told(pair: PairedScore) -> dict[str, Any]:
    """One pair as JSON and CSV have it."""
    return {
        "input": pair.name,
        "part_id": pair.part_id,
        "camera": pair.camera,
        "recorded_at": pair.recorded_at.isoformat() if pair.recorded_at else None,
        "score_a": pair.a,
        "score_b": pair.b,
        "move": pair.moved,
        "verdict_a": pair.verdicts[0],
        "verdict_b": pair.verdicts[1],
        "label": _label(pair),
    }


def _label(pair: PairedScore) -> str | None:
    return None if pair.is_defect is None else "defect" if pair.is_defect else "good"


def _side(scored: ScoredSide) -> dict[str, Any]:
    side = scored.side
    return {
        "named": side.named,
        "bundle": side.bundle.reference,
        "model_sha256": side.bundle.sha256,
        "engine": asdict(scored.engine),
        "threshold": side.threshold,
        "threshold_from": side.source,
        "infer_ms": scored.infer_ms,
        "scored": len(scored.scores),
        "skipped": dict(scored.skipped),
    }


def verdict_row(title: str, counts: Crosstab) -> tuple[str, ...]:
    """A row under VERDICT_HEADINGS."""
    return (
        title,
        f"{counts.both_fail + counts.fail_to_pass:,}",
        f"{counts.both_fail + counts.pass_to_fail:,}",
        f"{counts.pass_to_fail:,}",
        f"{counts.fail_to_pass:,}",
        f"{counts.p:.4g}",
        "" if counts.kappa is None else f"{counts.kappa:.3f}",
    )


def verdicts_told(counts: Crosstab) -> dict[str, Any]:
    """A crosstab as JSON has it."""
    return asdict(counts) | {"mcnemar_p": counts.p, "kappa": counts.kappa}
