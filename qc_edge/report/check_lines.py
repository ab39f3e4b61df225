"""What was done again for a report, as lines: what, how it came out, good or bad."""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.query.evidence import EvidenceMatch
from qc_edge.report.explanation import describe_evidence
from qc_edge.report.part_report import ExaminedInspection


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One thing that was done again: what, the outcome in words, and True or False for good or bad
    (None: not done).
    """

    what: str
    outcome: str
    ok: bool | None


def check_lines(inspection: ExaminedInspection) -> list[CheckLine]:
    """The frame's digest, the gates, the model's input, the verdict and the row's hash."""
    recheck, match = inspection.recheck, inspection.raw.match
    no_digest = match in {EvidenceMatch.NOT_KEPT, EvidenceMatch.UNPROVEN}
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
    return [frame, *(_line(what, ok, recheck.why_not) for what, ok in rechecked.items())]


def _line(what: str, ok: bool | None, why_not: str) -> CheckLine:
    if ok is None:
        return CheckLine(what, f"not done: {why_not}" if why_not else "does not apply", ok)
    return CheckLine(what, "yes" if ok else "NO", ok)
