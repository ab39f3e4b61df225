"""What was being written when the last run ended: each frame of it is a gap, each row is looked at.

The row is durable before the torn file goes: a disk that refuses it loses no count.
"""

from __future__ import annotations

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.inspection import Gap
from qc_edge.errors import StoreError
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import LOG
from qc_edge.store.spooled_file import SpooledFile
from qc_edge.store.torn_files import TornFiles


def report_torn(torn_files: TornFiles, station: str, events: EventLog) -> None:
    """At start, before anything is captured: count what the end of the last run has torn.

    What the disk refuses stays where it is for the next start.
    """
    try:
        taken = torn_files.take()
    except StoreError as fault:
        LOG.error("what the last run left unfinished is looked at with the next start: %s", fault)
        return
    for torn in taken:
        row = _torn_row(torn_files, torn, events) if torn.is_row else _torn_frame(torn, station)
        try:
            torn_files.replace(torn, row)
        except StoreError as fault:
            LOG.error("%s was torn, and its gap waits for the next start: %s", torn.name, fault)
        else:
            if row is not None:
                LOG.warning("camera %s: %d frames lost, %s", row.camera, row.lost, row.detail)


def _torn_frame(torn: SpooledFile, station: str) -> Gap:
    now = utc_now()
    return Gap(
        # The frame's own id: whoever is interrupted here does not count it twice.
        gap_id=torn.frame_id,
        recorded_at=now,
        station=station,
        camera=torn.frame_id.partition("Z-")[2],
        camera_serial=None,
        noticed_at=now,
        lost=1,
        reason="torn",
        detail=f"frame {torn.frame_id} was being written when the last run ended",
        first_frame_number=None,
        last_frame_number=None,
    )


def _torn_row(torn_files: TornFiles, torn: SpooledFile, events: EventLog) -> Gap | None:
    """The gap in place of the one that was being handed over, if it was one."""
    gap = torn_files.salvage(torn, utc_now())
    legible = f"; {gap.detail}" if gap else ""
    detail = f"{torn.name} was being written when the last run ended, and does not read{legible}"
    events.report(Occurrence(EventKind.ROW_UNREADABLE, detail, who="capture"))
    return gap
