"""Rows of a log that no station wrote: every column filled, some as a test wants them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, get_type_hints

from qc_edge.domain.frame import FrameId, frame_id
from qc_edge.domain.inspection import Gap, Inspection, Part
from qc_edge.domain.verdict import Disposition, Reason, Verdict

NOW = datetime(2026, 11, 22, 10, 15, 0, tzinfo=timezone.utc)
_PLAIN = {str: "x", int: 1, float: 0.5, bool: True, datetime: NOW, FrameId: "x"}
_USUAL = {
    Verdict.PASS: (Disposition.ACCEPT, Reason.SCORE_BELOW_THRESHOLD),
    Verdict.FAIL: (Disposition.REJECT, Reason.SCORE_REACHES_THRESHOLD),
    Verdict.INVALID: (Disposition.HOLD, Reason.LOW_FOCUS),
}


def inspection(number: int, verdict: Verdict = Verdict.PASS, **values: Any) -> Inspection:
    """The row of frame `number` of camera `top`."""
    disposition, reason = _USUAL[verdict]
    usual = {
        "frame_id": frame_id(1_764_000_000_000_000 + number, "top"),
        "camera": "top",
        "verdict": verdict,
        "disposition": disposition,
        "reason": reason,
        "hold_reason": None,
    }
    return Inspection(**{**_filled(Inspection), **usual, **values})


def gap(lost: int, reason: str = "failed_grab") -> Gap:
    """A loss of camera `top`."""
    return Gap(**{**_filled(Gap), "camera": "top", "lost": lost, "reason": reason})


def part(attempt_id: str, disposition: Disposition = Disposition.ACCEPT) -> Part:
    """The row of a part that several views see."""
    return Part(**{**_filled(Part), "attempt_id": attempt_id, "disposition": disposition})


def _filled(kind: type[Inspection | Gap | Part]) -> dict[str, Any]:
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name != "TABLE"}
    return {name: _PLAIN.get(hint) for name, hint in hints.items()}
