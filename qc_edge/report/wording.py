"""A verdict in whole sentences, its gates and its history as lines; the same on the terminal and on
paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from qc_edge.domain.calibration import Calibration
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Disposition, HoldReason, Reason, Verdict
from qc_edge.query.evidence import EvidenceFile, EvidenceMatch
from qc_edge.report.dossier import ExaminedInspection, Recomputed

_HELD = {
    HoldReason.LATE: "the verdict came after its deadline, when the part may have passed already",
    HoldReason.RECOVERED: "the frame was found after a restart, when the part had left the station",
    HoldReason.CALIBRATION_EXPIRED: "the calibration of its camera was past its due date",
}

_MATCH = {
    EvidenceMatch.SAME: "unchanged",
    EvidenceMatch.CHANGED: "CHANGED",
    EvidenceMatch.MISSING: "MISSING",
    EvidenceMatch.UNREADABLE: "UNREADABLE",
    EvidenceMatch.NOT_KEPT: "not kept",
    EvidenceMatch.UNPROVEN: "present",
}


@dataclass(frozen=True, slots=True)
class GateLine:
    """One gate: what was measured, what it had to keep to, whether it did (None: no bound or no
    figure).

    `decided`: this gate refused the frame.
    """

    name: str
    figure: str
    bound: str
    within: bool | None
    decided: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """Something that anyone can do again: what, how it came out in words, and as good, bad or not
    done.
    """

    what: str
    outcome: str
    ok: bool | None


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """Something that happened: when (UTC), what, by whom. `weight` is main for the inspection
    itself.
    """

    at: datetime
    what: str
    who: str
    weight: str = ""


def headline(row: Inspection) -> str:
    """One word for what became of the part."""
    if row.disposition is Disposition.HOLD:
        return "HELD"
    return "ACCEPTED" if row.disposition is Disposition.ACCEPT else "REJECTED"


def sentence(row: Inspection) -> str:
    """Why, for somebody who has never seen the station."""
    if row.score is not None and row.verdict is not Verdict.INVALID:
        side = "at or above" if row.verdict is Verdict.FAIL else "below"
        judged = (
            f"The model scored the part {row.score:.4f} on a scale from 0 (good) to 1 (defective), "
            f"which is {side} the threshold {row.threshold:g}: {row.verdict}."
        )
        if row.hold_reason:
            return f"{judged} The part was held all the same: {_HELD[row.hold_reason]}."
        if row.verdict is Verdict.FAIL:
            return f"{judged} The line was told to reject it."
        return f"{judged} The line was told to accept it."
    words = row.detail[:1].upper() + row.detail[1:] if row.detail else str(row.reason)
    if row.reason in {Reason.ENGINE_FAILED, Reason.BAD_SCORE, Reason.CRASHED_THE_STATION}:
        return f"The model could not judge the part: {row.detail}. It was held for a person."
    return (
        f"The picture was not fit to be judged ({row.reason}): {words}. The part was held for "
        "a person."
    )


def gate_lines(row: Inspection, record: Calibration | None) -> list[GateLine]:
    """The gates in the order in which they decide, with the bounds of that calibration."""
    bounds = record.bounds if record else None

    def line(
        name: str,
        figure: float | None,
        low: float | None,
        high: float | None,
        unit: str,
        *codes: Reason,
        scale: float = 1.0,
    ) -> GateLine:
        shown = "not measured" if figure is None else f"{figure * scale:.4g}{unit}"
        limits = [f"at least {low * scale:g}{unit}"] if low is not None else []
        limits += [f"at most {high * scale:g}{unit}"] if high is not None else []
        within = None
        if figure is not None and limits:
            within = (low is None or figure >= low) and (high is None or figure <= high)
        bound = ", ".join(limits) or (
            "calibration record missing" if bounds is None else "no bound"
        )
        return GateLine(name, shown, bound, within, row.reason in codes)

    lines = [*_format_lines(row, record)]
    low, high = (bounds.brightness_min, bounds.brightness_max) if bounds else (None, None)
    white = bounds.saturated_share_max if bounds else None
    lines.append(
        line(
            "saturated pixels", row.saturated_share, None, white, " %", Reason.SATURATED, scale=100
        )
    )
    if row.framing_score is not None or (bounds and bounds.framing_score_min is not None):
        least, most = (
            (bounds.framing_score_min, bounds.framing_shift_max) if bounds else (None, None)
        )
        lines.append(
            line("framing, likeness", row.framing_score, least, None, "", Reason.OUT_OF_FRAME)
        )
        lines.append(
            line("framing, shift", row.framing_shift_px, None, most, " px", Reason.OUT_OF_FRAME)
        )
    lines.append(
        line("brightness", row.brightness, low, high, "", Reason.TOO_DARK, Reason.TOO_BRIGHT)
    )
    black = bounds.black_share_max if bounds else None
    lines.append(line("black pixels", row.black_share, None, black, " %", Reason.BLACK, scale=100))
    spread = bounds.contrast_min if bounds else None
    lines.append(line("contrast", row.contrast, spread, None, "", Reason.LOW_CONTRAST))
    sharp = bounds.focus_min if bounds else None
    lines.append(line("focus", row.focus, sharp, None, "", Reason.LOW_FOCUS))
    return lines


def _format_lines(row: Inspection, record: Calibration | None) -> Iterator[GateLine]:
    if row.width is None or row.height is None:
        return
    size, depth = None, None
    if record is not None and record.width is not None and record.height is not None:
        size = (row.width, row.height) == (record.width, record.height)
    if record is not None and record.bit_depth is not None:
        depth = row.bit_depth == record.bit_depth
    wanted = f"{record.width} x {record.height}" if record and size is not None else "any"
    yield GateLine(
        "size", f"{row.width} x {row.height} px", wanted, size, row.reason is Reason.WRONG_SIZE
    )
    bits = f"{record.bit_depth} bits" if record and depth is not None else "any"
    yield GateLine(
        "bit depth", f"{row.bit_depth} bits", bits, depth, row.reason is Reason.WRONG_BIT_DEPTH
    )


def match_words(piece: EvidenceFile) -> str:
    """How evidence stands to its row, in words."""
    words = _MATCH[piece.match]
    if piece.match.is_fault and piece.detail:
        return f"{words}: {piece.detail}"
    return f"{words}, compressed without loss since" if piece.compressed else words


def checks(seen: ExaminedInspection) -> list[Check]:
    """What was done again today for this report."""
    again = seen.again
    raw = seen.raw.match
    pictures = Check(
        "The frame's pixels have the digest in the row",
        match_words(seen.raw),
        None
        if raw in {EvidenceMatch.NOT_KEPT, EvidenceMatch.UNPROVEN}
        else raw is EvidenceMatch.SAME,
    )
    return [
        pictures,
        _check(
            "The gates, measured again on the frame, give the same figures", again.figures, again
        ),
        _check("The model's input, made again from the frame, is the same", again.prepared, again),
        _check("Score and threshold, decided again, give the same verdict", again.verdict, again),
        _check("The row is what its hash in the log's chain was taken over", again.linked, again),
    ]


def _check(what: str, ok: bool | None, again: Recomputed) -> Check:
    words = {True: "yes", False: "NO"}
    return Check(
        what,
        words.get(ok, again.why_not or "does not apply") if ok is not None else _undone(again),
        ok,
    )


def _undone(again: Recomputed) -> str:
    return f"not done: {again.why_not}" if again.why_not else "does not apply"


def timeline(seen: ExaminedInspection) -> list[TimelineEntry]:
    """What led to the inspection and what came after it, oldest first."""
    row, case = seen.row, seen.case
    moments = [
        TimelineEntry(each.recorded_at, _event(each.kind, each.detail, each.why), each.who)
        for each in {one.event_id: one for one in (*case.changes, *case.around)}.values()
    ]
    if seen.calibration is not None:
        words = f"calibration of camera {seen.calibration.camera}: {seen.calibration.source}"
        moments.append(TimelineEntry(seen.calibration.made_at, words, seen.calibration.made_by))
    moments += [
        TimelineEntry(
            gap.noticed_at, f"{gap.lost} frames lost, {gap.reason}: {gap.detail}", gap.camera
        )
        for gap in case.gaps
    ]
    moments.append(
        TimelineEntry(
            row.captured_at, f"exposed, frame {row.frame_id}", f"camera {row.camera}", "main"
        )
    )
    told = f"{row.verdict}, the line told {row.disposition}: {row.detail}"
    moments.append(
        TimelineEntry(row.recorded_at, told, f"{row.model_name}@{row.model_version}", "main")
    )
    for label in case.labels:
        what = f"labelled {label.label}" + (f", {label.defect_class}" if label.defect_class else "")
        moments.append(
            TimelineEntry(
                label.recorded_at,
                what + (f": {label.why}" if label.why else ""),
                label.who,
                "label",
            )
        )
    if len({label.label for label in case.labels}) > 1:
        last = case.labels[-1]
        moments.append(
            TimelineEntry(last.recorded_at, "disputed: people do not agree", last.who, "label")
        )
    return sorted(moments, key=lambda moment: moment.at)


def _event(kind: str, detail: str, why: str | None) -> str:
    words = kind.replace("_", " ")
    return f"{words}: {detail}" + (f" ({why})" if why else "")
