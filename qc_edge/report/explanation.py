"""A verdict and the state of its evidence in words, the same on the terminal and on paper."""

from __future__ import annotations

from qc_edge.domain.inspection import Inspection, Part
from qc_edge.domain.verdict import Disposition, HoldReason, Reason, Verdict
from qc_edge.query.evidence import EvidenceFile, EvidenceMatch
from qc_edge.report.recomputation import RecomputedMap

_HOLD_REASONS = {
    HoldReason.IMPOSSIBLE_TIME: "the time of its exposure cannot be true",
    HoldReason.UNKNOWN_AGE: "nobody knows how old its frame was when it was judged",
    HoldReason.NO_PART_ID: "it brought no id, or none that can be one",
    HoldReason.DOUBTFUL_SIDECAR: "the sidecar beside its image may be that of another part",
    HoldReason.REPEATED_PART_ID: "the part before it had the same id",
    HoldReason.REPEATED_FRAME: "the same picture, bit by bit, had come shortly before",
    HoldReason.LATE_VIEW: "the line was told of its part before this view of it came",
    HoldReason.LATE: "the verdict came after its deadline, when the part may have passed already",
    HoldReason.RECOVERED: "the frame was found after a restart, when the part had left the station",
    HoldReason.CHALLENGE: "it is a challenge part, shown to prove the station",
    HoldReason.CHALLENGE_DUE: "a challenge was due, and the station had not been proven yet",
    HoldReason.LEARNING: "the station was learning how parts look to this camera: it held them all",
    HoldReason.CALIBRATION_EXPIRED: "the calibration of its camera was past its due date",
    HoldReason.PAST_DUE: "something with a date, which its detail names, was past it",
}

_MATCHES = {
    EvidenceMatch.SAME: "unchanged",
    EvidenceMatch.CHANGED: "CHANGED",
    EvidenceMatch.MISSING: "MISSING",
    EvidenceMatch.DELETED: "deleted by rule",
    EvidenceMatch.UNREADABLE: "UNREADABLE",
    EvidenceMatch.NOT_KEPT: "not kept",
    EvidenceMatch.UNPROVEN: "present",
}


def headline(row: Inspection | Part) -> str:
    """One word for what was decided: ACCEPTED, REJECTED or HELD."""
    words = {Disposition.ACCEPT: "ACCEPTED", Disposition.REJECT: "REJECTED"}
    return words.get(Disposition(row.disposition), "HELD")


def explain_attempt(row: Part) -> str:
    """What the line was told of a part that several views see, and why, in one sentence."""
    missing = f", without {row.views_missing.replace(' ', ', ')}" if row.views_missing else ""
    seen = row.views_seen.replace(" ", ", ")
    again = f"attempt {row.attempt}: " if row.attempt > 1 else ""
    return f"{again}{row.disposition} by the views {seen}{missing} ({row.reason}): {row.detail}."


def explain_verdict(row: Inspection) -> str:
    """Why, in whole sentences for somebody who has never seen the station."""
    if row.score is not None and row.verdict is not Verdict.INVALID:
        side = "at or above" if row.verdict is Verdict.FAIL else "below"
        judged = (
            f"The model scored the part {row.score:.4f} on a scale from 0 (good) to 1 (defective), "
            f"which is {side} the threshold {row.threshold:g}: {row.verdict}."
        )
        if row.hold_reason:
            return f"{judged} It is to be held all the same: {_HOLD_REASONS[row.hold_reason]}."
        return f"{judged} It is to be {'rejected' if row.verdict is Verdict.FAIL else 'accepted'}."
    # The picture was good in these cases: nobody should clean the lens.
    if row.reason in {Reason.ENGINE_FAILED, Reason.BAD_SCORE, Reason.CRASHED_THE_STATION}:
        return f"The model could not judge the part: {row.detail}. It is to be held for a person."
    detail = row.detail[:1].upper() + row.detail[1:] if row.detail else str(row.reason)
    return (
        f"The picture was not fit to be judged ({row.reason}): {detail}. The part is to be "
        "held for a person."
    )


def describe_map(file: EvidenceFile, recomputed: RecomputedMap | None) -> str:
    """Whether the defect map is what its row says; of one that was not stored, where it is from."""
    if recomputed is None:
        return describe_evidence(file)
    if recomputed.levels is None:
        return f"not stored, not recomputed: {recomputed.why_not}"
    return f"recomputed, not stored: by {recomputed.engine}"


def describe_evidence(file: EvidenceFile) -> str:
    """Whether a file of evidence is still what its row says, in words."""
    state = _MATCHES[file.match]
    if file.match is EvidenceMatch.DELETED:
        return file.detail
    if file.match.is_fault and file.detail:
        return f"{state}: {file.detail}"
    return f"{state}, compressed without loss since" if file.compressed else state
