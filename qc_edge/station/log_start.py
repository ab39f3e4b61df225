"""What a station goes on from: its log, opened or waited for, and the newest frame id known."""

from __future__ import annotations

from contextlib import suppress

from qc_edge.domain.frame import FrameId, frame_id, frame_id_micros
from qc_edge.errors import DiskFullError, FileServerError
from qc_edge.service.logs import LOG
from qc_edge.settings import StationPaths
from qc_edge.station.database_note import leave_database_note
from qc_edge.station.reporter import Reporter
from qc_edge.station.supervisor import Supervisor
from qc_edge.store.disk_space import DiskMonitor
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.spool import Spool

_ROOM_S = 2.0
"""Seconds between two tries to open the log on a full or read-only disk."""


def open_ledger(
    paths: StationPaths,
    disk: Disk,
    supervisor: Supervisor,
    disk_monitor: DiskMonitor,
    reporter: Reporter,
) -> Ledger | None:
    """The log; on a full or read-only disk, wait for it. None if told to stop meanwhile.

    Raises StoreError if it can be neither opened nor made anew.
    """
    while True:
        try:
            ledger = Ledger(paths.database, paths.journal, paths.set_aside, disk)
            leave_database_note(paths)
            reporter.trouble = "starting"
            return ledger
        except DiskFullError as fault:
            disk_monitor.report_full(fault)
            reporter.waits_for_room = True
            reporter.trouble = f"not ready: {fault.message}"
            LOG.error("holding: %s", fault)
            if supervisor.pause(_ROOM_S):
                return None
            disk_monitor.measure()


def newest_frame_id(spool: Spool, ledger: Ledger | None) -> int:
    """The floor for new frame ids (microseconds since the epoch): above all in spool and log."""
    ids = [name.partition("~")[0].partition(".")[0] for name in spool.names()[-1:]]
    if ledger and (newest := ledger.startup_state.newest_id):
        ids.append(newest)
    return max((_micros(FrameId(name)) for name in ids), default=0)


def newest_frame_id_below(spool: Spool, ledger: Ledger | None, limit_us: int) -> int:
    """As `newest_frame_id`, of what lies below `limit_us` (microseconds since the epoch)."""
    limit = frame_id(limit_us, "")
    names: list[str] = []
    with suppress(FileServerError):  # then by the log alone
        names = [name for name in spool.names() if name < limit][-1:]
    known = [name.partition("~")[0].partition(".")[0] for name in names]
    if ledger and (newest := ledger.newest_id_below(limit)):
        known.append(newest)
    return max((_micros(FrameId(name)) for name in known), default=0)


def _micros(frame: FrameId) -> int:
    try:
        return frame_id_micros(frame)
    except ValueError:
        return 0  # a stranger's file in the spool: it says nothing of time
