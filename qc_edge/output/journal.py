"""The output that is always there: one line in the journal for a verdict, with its fields."""

from __future__ import annotations

import logging

from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Disposition, HoldReason
from qc_edge.service.logs import RateLimit, log_line

_BACKLOG = {HoldReason.RECOVERED, HoldReason.LATE}


class JournalOutput:
    """Every verdict that matters now gets a line. ACCEPTs, and the HOLDs of a backlog (recovered,
    late), get at most `lines_per_s`; the rest are counted in the next line.
    """

    def __init__(self, lines_per_s: float) -> None:
        self.rate = RateLimit(lines_per_s)
        self._unsaid = 0

    def announce(self, inspection: Inspection) -> None:
        """One line, unless it is one too many in this second."""
        accepted = inspection.disposition is Disposition.ACCEPT
        if (accepted or inspection.hold_reason in _BACKLOG) and not self.rate.allow():
            self._unsaid += 1
            return
        more = f" (and {self._unsaid} parts before)" if self._unsaid else ""
        self._unsaid = 0
        told = f"{inspection.verdict} {inspection.disposition}"
        log_line(
            logging.INFO if accepted else logging.WARNING,
            f"part {inspection.part_id} {told}: {inspection.detail}{more}",
            event="inspected",
            part=inspection.part_id,
            frame=inspection.frame_id,
            verdict=inspection.verdict,
            disposition=inspection.disposition,
            reason=inspection.hold_reason or inspection.reason,
        )

    def close(self) -> None:
        """Say how many went unsaid."""
        if self._unsaid:
            log_line(logging.INFO, f"{self._unsaid} more parts")
            self._unsaid = 0
