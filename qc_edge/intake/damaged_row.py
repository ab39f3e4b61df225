"""Reads the gaps and events that capture handed over, damaged ones among them."""

from __future__ import annotations

from qc_edge.domain.events import Event, EventKind, EventLog, Occurrence
from qc_edge.domain.inspection import Gap
from qc_edge.service.clock import utc_now
from qc_edge.store.spool import Spool
from qc_edge.store.spooled_file import SpooledFile
from qc_edge.vision import UnreadableFrameError


def read_row(spool: Spool, events: EventLog, file: SpooledFile) -> Gap | Event | None:
    """The gap or event in `file`; of one that does not read the gap in its place, or None.

    Raises FileNotFoundError if it has gone, DiskFullError or StoreError.
    """
    try:
        return spool.read_row(file, utc_now())
    except UnreadableFrameError as fault:
        return _replace(spool, events, file, fault)


def _replace(
    spool: Spool, events: EventLog, file: SpooledFile, fault: UnreadableFrameError
) -> Gap | None:
    """Quarantine the file, say so in the log, and give a gap in its place if it was a gap's.

    Raises DiskFullError or StoreError; then the file is to be taken up again.
    """
    gap = spool.salvage_row(file, utc_now())
    spool.quarantine(file, fault.reason, fault.detail)
    legible = f"; {gap.detail}" if gap else ""
    detail = f"{file.name} does not read: {fault.detail}{legible}"
    # Durable before the file leaves the spool.
    events.record([Occurrence(EventKind.ROW_UNREADABLE, detail, who="inspector")])
    return gap
