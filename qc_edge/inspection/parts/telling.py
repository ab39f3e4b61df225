"""Parts that wait for a view no longer: their rows, then their announcements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from qc_edge.errors import StoreError
from qc_edge.inspection.announcer import Announcer
from qc_edge.inspection.parts.assembly import Assembly
from qc_edge.inspection.parts.part_row import DecidedPart
from qc_edge.service.clock import utc_now
from qc_edge.store.log.ledger import Ledger


class PartTelling:
    """Tells parts while no frame completes them; used by the inspector's thread.

    `backlog_is_over` says whether no frame of the backlog is left.
    """

    def __init__(
        self,
        assembly: Assembly,
        ledger: Ledger,
        announcer: Announcer,
        backlog_is_over: Callable[[], bool],
    ) -> None:
        self._assembly = assembly
        self._ledger = ledger
        self._announcer = announcer
        self._backlog_is_over = backlog_is_over

    def tell_due(self) -> None:
        """Tell the parts that have waited long enough. Raises DiskFullError or StoreError."""
        if self._assembly:
            is_over = self._backlog_is_over()
            self._tell(self._assembly.close([], utc_now(), backlog_is_over=is_over))

    def tell_all(self) -> None:
        """The station stops: tell the parts that wait, as far as the disk takes their rows."""
        with suppress(StoreError):  # else they are told as recovered after the next start
            self._tell(self._assembly.close_all(utc_now()))

    def _tell(self, parts: Sequence[DecidedPart]) -> None:
        if not parts:
            return
        self._ledger.append([part.row for part in parts], parts[0].row.recorded_at)
        self._assembly.commit()
        for part in parts:
            self._announcer.announce_part(part)
        self._ledger.apply()
