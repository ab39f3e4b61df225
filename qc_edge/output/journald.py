"""The output that every station has: verdicts as lines of journald, with their fields."""

from __future__ import annotations

import logging

from qc_edge.domain.parts.told import ToldPart
from qc_edge.domain.printable import printable
from qc_edge.domain.verdict import Disposition, HoldReason
from qc_edge.service.logs import RateLimit, log_line

_BACKLOG = {HoldReason.RECOVERED, HoldReason.LATE}


class JournaldOutput:
    """Logs announced parts; used by the inspector's thread.

    Each REJECT, and each HOLD of a part that is still on the line, has a line. ACCEPTs, and the
    HOLDs of a backlog (recovered, late), have at most `lines_per_s` together; the rest are counted
    in the next line.
    """

    def __init__(self, lines_per_s: float) -> None:
        self.rate = RateLimit(lines_per_s)
        self._omitted = 0

    def announce(self, told: ToldPart) -> None:
        """Log one line, unless it is one too many in this second."""
        is_accepted = told.disposition is Disposition.ACCEPT
        if (is_accepted or told.reason in _BACKLOG) and not self.rate.allow():
            self._omitted += 1
            return
        more = f" (and {self._omitted} parts before)" if self._omitted else ""
        self._omitted = 0
        result = f"{told.verdict} {told.disposition}"
        views = {"views": told.row.views_seen, "attempt": told.row.attempt} if told.row else {}
        log_line(
            logging.INFO if is_accepted else logging.WARNING,
            f"part {printable(told.part_id)} {result}: {told.detail}{more}",
            event="inspected",
            part=told.part_id,
            frame=told.frame_id,
            verdict=told.verdict,
            disposition=told.disposition,
            reason=told.reason,
            **views,
        )

    def close(self) -> None:
        """Log how many parts have had no line."""
        if self._omitted:
            log_line(logging.INFO, f"{self._omitted} more parts")
            self._omitted = 0
