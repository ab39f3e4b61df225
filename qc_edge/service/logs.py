"""The log: journald with structured fields under systemd, plain lines on stderr elsewhere."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
from collections.abc import Mapping

from qc_edge.domain.events import EventKind
from qc_edge.domain.printable import printable

LOG = logging.getLogger("qc_edge")

_EVENT_LEVELS = {
    EventKind.ANNOUNCEMENT_FAILED: logging.ERROR,
    EventKind.ANNOUNCEMENT_UNKNOWN: logging.WARNING,
    EventKind.CLOCK: logging.WARNING,
    EventKind.DISK_LOW: logging.WARNING,
    EventKind.DISK_NONE: logging.ERROR,
    EventKind.LOG_MENDED: logging.ERROR,
    EventKind.SETTINGS_REFUSED: logging.ERROR,
    EventKind.LATE_ANNOUNCEMENT: logging.WARNING,
    EventKind.SIDECAR_SET_ASIDE: logging.WARNING,
    EventKind.PUBLISHED_AHEAD: logging.ERROR,
    EventKind.PUBLISHED_MENDED: logging.WARNING,
    EventKind.SEAL_DIFFERS: logging.ERROR,
    EventKind.THRESHOLD_REFUSED: logging.ERROR,
    EventKind.OUTPUT_LOST: logging.ERROR,
    EventKind.LINE_SILENT: logging.ERROR,
    EventKind.RESULT_UNACKNOWLEDGED: logging.ERROR,
    EventKind.EJECTION_UNCONFIRMED: logging.ERROR,
    EventKind.REJECT_PASSED: logging.ERROR,
    EventKind.TRIGGER_REFUSED: logging.WARNING,
    EventKind.TOLD_LOST: logging.ERROR,
    EventKind.LINE_COUNT_DIFFERS: logging.ERROR,
    EventKind.TRIGGERS_MISSED: logging.WARNING,
    EventKind.CAMERA_MISSING: logging.ERROR,
    EventKind.CAMERA_LOST: logging.ERROR,
    EventKind.CAMERA_SILENT: logging.WARNING,
}


def start_logging(level: str, station: str) -> None:
    """Send the log where it belongs. `level`: debug, info, warning or error."""
    LOG.setLevel(level.upper())
    LOG.propagate = False
    handler = _handler(station)
    handler.addFilter(_EscapingFilter())
    LOG.handlers[:] = [handler]


def log_line(level: int, message: str, **fields: object) -> None:
    """One line, with structured fields (`part=...` becomes QC_PART=... in the journal)."""
    if LOG.isEnabledFor(level):
        extra = {
            f"QC_{name.upper()}": str(value) for name, value in fields.items() if value is not None
        }
        LOG.log(level, message, extra=extra, stacklevel=2)


def log_message(message: str, fields: Mapping[str, str]) -> None:
    """One line of the level info with these fields of journald, written whatever level is set."""
    record = LOG.makeRecord(
        LOG.name, logging.INFO, __file__, 0, message, (), None, "log_message", dict(fields)
    )
    LOG.handle(record)


def log_event(kind: EventKind, detail: str) -> None:
    """One line for a row of the table `events`, with its kind's level and field QC_EVENT=kind."""
    level = _EVENT_LEVELS.get(kind, logging.INFO)
    log_line(level, f"{kind.replace('_', ' ')}: {detail}", event=kind)


class RateLimit:
    """At most `per_s` lines a second, with bursts of as many: a token bucket for one thread."""

    def __init__(self, per_s: float) -> None:
        self.per_s = per_s
        self._tokens, self._at = per_s, time.monotonic()

    def allow(self) -> bool:
        """True if one more may go now; it then counts."""
        now = time.monotonic()
        self._tokens = min(self.per_s, self._tokens + (now - self._at) * self.per_s)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class _EscapingFilter(logging.Filter):
    """Shows control characters of names and ids as escapes: none makes a line of its own.

    A newline stays where a message has several lines, and what follows is indented.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        lines = record.getMessage().split("\n")
        record.msg, record.args = "\n    ".join(map(printable, lines)), None
        return True


def _handler(station: str) -> logging.Handler:
    if "JOURNAL_STREAM" in os.environ:  # set where stderr goes to journald, see systemd.exec(5)
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
