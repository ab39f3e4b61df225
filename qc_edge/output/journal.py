"""The output that is always there: one line in the journal for a verdict, with its fields."""

from __future__ import annotations

import logging

from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Disposition
from qc_edge.service.logs import Rate, say


class JournalOutput:
    """Every REJECT and HOLD gets a line; ACCEPTs at most `accepts_per_s`, and the rest are counted."""

    def __init__(self, accepts_per_s: float) -> None:
        self.rate = Rate(accepts_per_s)
        self._unsaid = 0

    def announce(self, inspection: Inspection) -> None:
        """One line, unless it is one ACCEPT too many in this second."""
        accepted = inspection.disposition is Disposition.ACCEPT
        if accepted and not self.rate.allow():
            self._unsaid += 1
            return
        more = f" (and {self._unsaid} ACCEPTs before)" if self._unsaid else ""
        self._unsaid = 0
        told = f"{inspection.verdict} {inspection.disposition}"
        say(
            logging.INFO if accepted else logging.WARNING,
            f"part {inspection.part_id} {told}: {inspection.detail}{more}",
            part=inspection.part_id,
            frame=inspection.frame_id,
            verdict=inspection.verdict,
            disposition=inspection.disposition,
            reason=inspection.hold_reason or inspection.reason,
        )

    def close(self) -> None:
        """Say how many went unsaid."""
        if self._unsaid:
            say(logging.INFO, f"{self._unsaid} more ACCEPTs")
            self._unsaid = 0
