"""Numbers of the reasons, for PLCs: stable, never used again for another reason.

Append only. docs/reference/reason-numbers.md is generated from this.
"""

from __future__ import annotations

from qc_edge.domain.parts.rules import PartReason
from qc_edge.domain.verdict import HoldReason, Reason

NO_VERDICT = "no_verdict_in_time"
"""The part of a trigger had no verdict when its deadline was over."""
DOUBTFUL_TRIGGER = "doubtful_trigger"
"""The verdict may be of the part of another trigger."""
OTHER_PART_ID = "other_part_id"
"""The part has another id than the line gave with the trigger."""

LINE_TEST = "line_test"
"""No part: `qc-edge line test`."""

UNKNOWN_REASON = 999

REASON_NUMBERS: dict[str, int] = {
    Reason.SCORE_BELOW_THRESHOLD: 1,
    Reason.SCORE_REACHES_THRESHOLD: 2,
    Reason.LOW_FOCUS: 101,
    Reason.TOO_DARK: 102,
    Reason.TOO_BRIGHT: 103,
    Reason.SATURATED: 104,
    Reason.BLACK: 105,
    Reason.LOW_CONTRAST: 106,
    Reason.WRONG_SIZE: 107,
    Reason.WRONG_BIT_DEPTH: 108,
    Reason.OUT_OF_FRAME: 109,
    Reason.EMPTY_FILE: 201,
    Reason.TORN_FILE: 202,
    Reason.NOT_AN_IMAGE: 203,
    Reason.TOO_LARGE: 204,
    Reason.SEVERAL_IMAGES: 205,
    Reason.UNREADABLE: 206,
    Reason.BAD_SIDECAR: 207,
    Reason.REFUSED_PATH: 208,
    Reason.VANISHED: 209,
    Reason.DIGEST_MISMATCH: 210,
    Reason.ENGINE_FAILED: 301,
    Reason.BAD_SCORE: 302,
    Reason.CRASHED_THE_STATION: 303,
    HoldReason.LATE_VIEW: 401,
    HoldReason.RECOVERED: 402,
    HoldReason.IMPOSSIBLE_TIME: 403,
    HoldReason.UNKNOWN_AGE: 404,
    HoldReason.LATE: 405,
    HoldReason.NO_PART_ID: 406,
    HoldReason.DOUBTFUL_SIDECAR: 407,
    HoldReason.REPEATED_PART_ID: 408,
    HoldReason.REPEATED_FRAME: 409,
    HoldReason.LEARNING: 410,
    HoldReason.CALIBRATION_EXPIRED: 411,
    HoldReason.CHALLENGE: 412,
    HoldReason.CHALLENGE_DUE: 413,
    HoldReason.PAST_DUE: 414,
    PartReason.ALL_VIEWS_PASS: 501,
    PartReason.VIEW_FAILS: 502,
    PartReason.K_VIEWS_FAIL: 503,
    PartReason.FEWER_THAN_K_FAIL: 504,
    PartReason.WEIGHTED_SCORE_REACHES: 505,
    PartReason.WEIGHTED_SCORE_BELOW: 506,
    PartReason.VIEW_INVALID: 507,
    PartReason.VIEW_MISSING: 508,
    PartReason.VIEWS_DISAGREE: 509,
    NO_VERDICT: 601,
    DOUBTFUL_TRIGGER: 602,
    OTHER_PART_ID: 603,
    LINE_TEST: 604,
}


def reason_number(reason: str) -> int:
    """The number of a reason's code; UNKNOWN_REASON for a code that has none."""
    return REASON_NUMBERS.get(str(reason), UNKNOWN_REASON)
