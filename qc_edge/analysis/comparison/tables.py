"""Tables and JSON values of paired scores, alike for two models side by side and for a shadow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qc_edge.analysis.comparison.pairs import Crosstab, PairedScore, PairedScores
from qc_edge.analysis.output_files import write_csv
from qc_edge.analysis.statistics import format_share
from qc_edge.plot.page import Table


def verdict_table(rows: Sequence[tuple[str, Crosstab]]) -> Table:
    """Verdict counts of both sides, a row for each (threshold in words, counts)."""
    headings = (
        "threshold",
        "A FAILs",
        "B FAILs",
        "PASS → FAIL",
        "FAIL → PASS",
        "McNemar's p",
        "kappa",
    )
    return headings, [
        (
            threshold,
            f"{counts.both_fail + counts.fail_to_pass:,}",
            f"{counts.both_fail + counts.pass_to_fail:,}",
            f"{counts.pass_to_fail:,}",
            f"{counts.fail_to_pass:,}",
            f"{counts.p:.4g}",
            "" if counts.kappa is None else f"{counts.kappa:.3f}",
        )
        for threshold, counts in rows
    ]


def score_tables(scores: PairedScores, limit: int) -> dict[str, Table]:
    """The moves of at least one pair, errors against labels, and the flips, at most `limit`."""
    tables = {"Moves of the scores, B less A": _move_table(scores)}
    if scores.discordant.labelled:
        title = "Against labels (share of the labelled, 95 % interval)"
        tables[title] = _label_table(scores)
    if flips := scores.flips[:limit]:
        tables[f"Flips, the {len(flips)} with the largest move"] = pair_table(flips)
    return tables


def pair_table(pairs: Sequence[PairedScore]) -> Table:
    """A row for each pair."""
    return ("input", "part", "score", "move", "verdict", "label"), [
        (
            pair.name,
            pair.part_id,
            f"{pair.a:.4f} → {pair.b:.4f}",
            f"{pair.move:+.3g}",
            " → ".join(dict.fromkeys(pair.verdicts)),  # one word where both say the same
            pair.label or "",
        )
        for pair in pairs
    ]


def hidden_flips(scores: PairedScores, limit: int) -> list[str]:
    """A sentence on the flips that a list of `limit` leaves out; nothing if it has all."""
    hidden = max(0, len(scores.flips) - limit)
    return [f"{hidden:,} more flip: --limit shows them, --csv FILE writes all"] if hidden else []


def pair_values(pair: PairedScore) -> dict[str, Any]:
    """One pair as JSON and CSV have it."""
    return {
        "input": pair.name,
        "part_id": pair.part_id,
        "camera": pair.camera,
        "recorded_at": pair.recorded_at.isoformat() if pair.recorded_at else None,
        "score_a": pair.a,
        "score_b": pair.b,
        "move": pair.move,
        "verdict_a": pair.verdicts[0],
        "verdict_b": pair.verdicts[1],
        "label": pair.label,
    }


def verdict_values(counts: Crosstab) -> dict[str, Any]:
    """Verdict counts as JSON has them."""
    return asdict(counts) | {"mcnemar_p": counts.p, "kappa": counts.kappa}


def score_values(scores: PairedScores, limit: int) -> dict[str, Any]:
    """Moves, agreement with labels and at most `limit` flips as JSON has them."""
    return {
        "moves": asdict(scores.shift) if scores.shift else None,
        "rights": asdict(scores.discordant) | {"mcnemar_p": scores.discordant.p},
        "flips": [pair_values(pair) for pair in scores.flips[:limit]],
    }


def write_pairs(pairs: Sequence[PairedScore], path: Path) -> None:
    """Write every pair as CSV; there is at least one. Raises StoreError if `path` cannot be
    written.
    """
    rows = (list(pair_values(pair).values()) for pair in pairs)
    write_csv(path, list(pair_values(pairs[0])), rows)


def _move_table(scores: PairedScores) -> Table:
    shift = scores.shift
    assert shift is not None, "a comparison has pairs"  # noqa: S101
    return ("", ""), [
        ("inputs", f"{len(scores.pairs):,}"),
        ("not moved at all", f"{shift.unmoved:,}"),
        ("mean", f"{shift.mean:+.3g}"),
        ("mean distance", f"{shift.mean_distance:.3g}"),
        ("median distance", f"{shift.median_distance:.3g}"),
        ("99 % within", f"{shift.p99_distance:.3g}"),
        ("largest", f"{shift.largest:.3g}"),
    ]


def _label_table(scores: PairedScores) -> Table:
    """Escapes and overkill of both against the labels, and who is right where only one is."""
    (a, b), discordant = scores.label_outcomes, scores.discordant
    return ("", "A", "B"), [
        ("escapes, of defects", format_share(a.escapes), format_share(b.escapes)),
        ("overkill, of good parts", format_share(a.overkill), format_share(b.overkill)),
        ("right where the other is wrong", f"{discordant.only_a:,}", f"{discordant.only_b:,}"),
        ("McNemar's test, exact", f"p = {discordant.p:.4g}", ""),
    ]
