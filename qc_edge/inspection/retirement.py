"""The last step of a frame: with row, evidence and announcement done, its file leaves the spool."""

from __future__ import annotations

import time
from collections.abc import Iterable

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.errors import FileServerError
from qc_edge.inspection.frames import PreparedFrame
from qc_edge.inspection.parts.assembly import Assembly
from qc_edge.inspection.stores import InspectionStores
from qc_edge.store.log.part_lookups import last_parts_perhaps_untold
from qc_edge.store.spooled_file import SpooledFile

_AGAIN_S = 1.0


class Retirement:
    """Takes files out of the spool; used by the inspector's thread.

    It also knows which files of a crash or a hold have their rows already: those only leave.
    """

    def __init__(self, stores: InspectionStores, parts: Assembly, events: EventLog) -> None:
        self._stores = stores
        self._parts = parts
        self._events = events
        self._recorded = stores.ledger.recorded_ids(stores.arrivals.recovered)
        self._leaving: list[SpooledFile] = []  # what the file server has not let go yet
        self._retry_at = 0.0
        self._report_last_parts()

    def retire(self, file: SpooledFile) -> None:
        """`file` has its row and its evidence: it leaves the spool and the queue.

        Where the spool's file server does not answer it leaves later: its row stands, and its part
        was told.
        """
        self._stores.crash_isolation.end(file.frame_id)
        try:
            self._stores.spool.retire(file)
        except FileServerError:
            self._leaving.append(file)
            self._retry_at = time.monotonic() + _AGAIN_S
        else:
            self._stores.arrivals.done(file)

    def retry(self) -> None:
        """Let leave what could not, now and then."""
        if self._leaving and time.monotonic() >= self._retry_at:
            leaving, self._leaving = self._leaving, []
            for file in leaving:
                self.retire(file)

    def set_misfit_aside(self, prepared: PreparedFrame) -> None:
        """Keep the sidecar that was claimed with a frame and turned out to be another's."""
        file, doubt = prepared.file, prepared.sidecar_doubt
        if doubt is None or file.sidecar_doubt is not None:
            return  # it fits, or it never came into the spool
        try:
            with self._stores.spool.server.call():
                self._stores.spool.set_aside.claimed(file, doubt)
        except FileServerError:
            return  # its row says why it was not taken; it goes with its frame
        detail = f"{file.frame_id}, {prepared.frame.original_name!a}: {doubt}"
        self._events.report(Occurrence(EventKind.SIDECAR_SET_ASIDE, detail, who="inspector"))

    def look_up(self, files: Iterable[SpooledFile]) -> None:
        """After a hold: ask the log which of these files have their rows already."""
        self._recorded |= self._stores.ledger.recorded_ids(file.frame_id for file in files)

    def retire_if_recorded(self, file: SpooledFile) -> bool:
        """True if `file` had its row before a crash or a hold: it is retired, not inspected again.

        Whether its announcement followed the row cannot be known, and an event says so.
        """
        if file.frame_id not in self._recorded:
            return False
        if not file.is_row and file.frame_id not in self._parts.recovered:
            detail = (
                f"{file.frame_id}: its row stood already; whether the line was told of it is not "
                "known"
            )
            self._events.report(Occurrence(EventKind.ANNOUNCEMENT_UNKNOWN, detail, who="inspector"))
        self.retire(file)
        return True

    def _report_last_parts(self) -> None:
        """Of a part that was told for want of a view no file is left that would come up again."""
        waiting = set(self._stores.arrivals.recovered)
        for attempt, frames in self._stores.ledger.ask(last_parts_perhaps_untold):
            if waiting.isdisjoint(frames.split()):
                detail = f"{attempt}: its part's row is the last; whether it was told is not known"
                unknown = EventKind.ANNOUNCEMENT_UNKNOWN
                self._events.report(Occurrence(unknown, detail, who="inspector"))
