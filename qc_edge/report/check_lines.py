"""What was done again for a report, as lines: what, how it came out, good or bad."""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.domain.inspection import Inspection
from qc_edge.query.evidence import EvidenceMatch
from qc_edge.report.explanation import describe_evidence
from qc_edge.report.part_report import ExaminedInspection
from qc_edge.report.recomputation import RecomputedMap


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One thing that was done again: what, the outcome in words, and True or False for good or bad
    (None: not done).
    """

    what: str
    outcome: str
    ok: bool | None


def check_lines(inspection: ExaminedInspection) -> list[CheckLine]:
    """The frame's digest, the gates, the model's input, the verdict, the row's hash; and the score
    where the model was asked again.
    """
    recheck, match = inspection.recheck, inspection.raw.match
    without = {EvidenceMatch.NOT_KEPT, EvidenceMatch.UNPROVEN, EvidenceMatch.DELETED}
    no_digest = match in without
    frame = CheckLine(
        "The frame's pixels have the digest in the row",
        describe_evidence(inspection.raw),
        None if no_digest else match is EvidenceMatch.SAME,
    )
    rechecked = {
        "The gates, measured again on the frame, give the same figures": recheck.gates,
        "The model's input, made again from the frame, is the same": recheck.prepared,
        "Score and threshold, decided again, give the same verdict": recheck.verdict,
        "The row is what its hash in the log's chain was taken over": recheck.chain,
    }
    lines = [frame, *(_line(what, ok, recheck.why_not) for what, ok in rechecked.items())]
    if inspection.recomputed is not None:
        lines.append(_score_line(inspection.row, inspection.recomputed))
    return lines


def _score_line(row: Inspection, recomputed: RecomputedMap) -> CheckLine:
    what = "The model, asked again, gives the score of the row"
    if recomputed.score is None or row.score is None:
        return CheckLine(what, f"not done: {recomputed.why_not}", None)
    if recomputed.score == row.score:
        return CheckLine(what, f"yes, {recomputed.score:.4f} by {recomputed.engine}", True)
    figures = f"{recomputed.score:.4f} instead of {row.score:.4f} by {recomputed.engine}"
    ok = recomputed.agrees_with(row)
    words = f"{'within' if ok else 'more than'} the {recomputed.tolerance:g} that the model allows"
    return CheckLine(what, f"{'yes' if ok else 'NO'}, {figures}, {words}", ok)


def _line(what: str, ok: bool | None, why_not: str) -> CheckLine:
    if ok is None:
        return CheckLine(what, f"not done: {why_not}" if why_not else "does not apply", ok)
    return CheckLine(what, "yes" if ok else "NO", ok)
