"""What needs a person, in the station's own words, each with the page of the technician's guide."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qc_edge.diagnostics.remedies import remedy_for

STALE_S = 5.0
"""The station writes its status every second."""


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing. `level` is `stop` (no part is accepted) or `look`; `fix` and `heading` are what to
    do and where docs/technician.md goes on, empty where nothing fits.
    """

    level: str
    text: str
    fix: str = ""
    heading: str = ""


def is_running(status: Mapping[str, Any] | None) -> bool:
    """True if the status is of a station that runs now."""
    if status is None:
        return False
    age_s = (time.monotonic_ns() - int(status["monotonic_ns"])) / 1e9
    return 0 <= age_s < STALE_S and "stopped" not in status["troubles"]


def attention(status: Mapping[str, Any] | None, station: str, not_running: str) -> list[Attention]:
    """What is wrong first, then what is to be looked at; `not_running` are the words for a station
    that does not run.
    """
    if status is None or not is_running(status):
        return [Attention("stop", not_running, f"systemctl status qc-edge@{station}")]
    found = [_of("stop", text, station) for text in status["troubles"]]
    looks = [status["behind"], *status["warnings"], status["model_news"]]
    for calibration in status["calibrations"]:
        due = calibration["due_in_days"]
        if due <= 0:
            looks.append("calibration EXPIRED: parts are held")
        elif due < 14:
            looks.append(f"calibration of {calibration['camera']} due in {due:.0f} d")
    shadow = status["shadow"]
    if shadow and str(shadow["state"]).startswith("stopped"):
        looks.append(f"shadow {shadow['bundle']} {shadow['state']}")
    return found + [_of("look", text, station) for text in dict.fromkeys(looks) if text]


def _of(level: str, text: str, station: str) -> Attention:
    remedy = remedy_for(text)
    if remedy is None:
        return Attention(level, text)
    return Attention(level, text, remedy.fix.replace("NAME", station), remedy.heading)
