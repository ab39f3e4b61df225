"""What the station says: the journal with its fields under systemd, plain lines on stderr
elsewhere.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time

LOG = logging.getLogger("qc_edge")

_GRAVITY = {
    "announcement_failed": logging.ERROR,
    "announcement_unknown": logging.WARNING,
    "clock": logging.WARNING,
    "disk_low": logging.WARNING,
    "disk_none": logging.ERROR,
    "log_mended": logging.ERROR,
    "settings_refused": logging.ERROR,
    "late_announcement": logging.WARNING,
    "published_ahead": logging.ERROR,
    "published_mended": logging.WARNING,
    "threshold_refused": logging.ERROR,
    "fault": logging.CRITICAL,
}


def start_logging(level: str, station: str) -> None:
    """Send the log where it belongs. `level`: debug, info, warning or error."""
    LOG.setLevel(level.upper())
    LOG.propagate = False
    LOG.handlers[:] = [_handler(station)]


def log_line(level: int, message: str, **fields: object) -> None:
    """One line, with structured fields (`part=...` becomes QC_PART=... in the journal)."""
    if LOG.isEnabledFor(level):
        extra = {
            f"QC_{name.upper()}": str(value) for name, value in fields.items() if value is not None
        }
        LOG.log(level, message, extra=extra, stacklevel=2)


def log_event(kind: str, detail: str) -> None:
    """One line for a row of the table `events`, as grave as its kind is (QC_EVENT=kind in the
    journal).
    """
    level = _GRAVITY.get(kind, logging.INFO)
    log_line(level, f"{kind.replace('_', ' ')}: {detail}", event=kind)


class RateLimit:
    """At most `per_s` a second, with bursts of as many; `allow()` says whether one more may go."""

    def __init__(self, per_s: float) -> None:
        self.per_s = per_s
        self._tokens, self._at = per_s, time.monotonic()

    def allow(self) -> bool:
        """True if one more may go now. Called by one thread."""
        now = time.monotonic()
        self._tokens = min(self.per_s, self._tokens + (now - self._at) * self.per_s)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def _handler(station: str) -> logging.Handler:
    if "JOURNAL_STREAM" in os.environ:
        try:
            journal = importlib.import_module("systemd.journal")
        except ImportError:
            pass  # the journal takes stderr too, only without the fields
        else:
            handler: logging.Handler = journal.JournalHandler(
                SYSLOG_IDENTIFIER="qc-edge", QC_STATION=station
            )
            return handler
    plain = logging.StreamHandler(sys.stderr)
    plain.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    return plain
