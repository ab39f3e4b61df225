"""The disk at the start: the directories made; while it is read-only, waited for."""

from __future__ import annotations

from collections.abc import Sequence

from qc_edge.errors import DiskReadOnlyError
from qc_edge.service.lock import StationLock
from qc_edge.service.logs import LOG
from qc_edge.service.remote.mounts import mount_of
from qc_edge.settings import StationPaths
from qc_edge.station.reporter import Reporter
from qc_edge.station.supervisor import Supervisor
from qc_edge.store.directories import make_directories
from qc_edge.store.disk_space import DiskMonitor

_AGAIN_S = 1.0


def open_disk(
    paths: StationPaths,
    locks: Sequence[StationLock],
    supervisor: Supervisor,
    disk_monitor: DiskMonitor,
    reporter: Reporter,
) -> bool:
    """Make the station's directories and hold its locks by name; on a read-only disk, once it can
    be written. False if the station is told to stop meanwhile.

    Raises BusyError if another process came in between, StoreError, and DiskReadOnlyError where
    only a new process can write.
    """
    was_read_only = _is_file_system_read_only(paths)
    waited = False
    while disk_monitor.room.is_read_only:
        if was_read_only and not _is_file_system_read_only(paths):
            # systemd gives a service mounts of its own, copied when it starts: `mount -o
            # remount,rw` mends the file system and the mount that it names, never the copy.
            raise DiskReadOnlyError(
                f"{paths.state} can be written again, but not by this process: it has the mount as "
                "it was when it started",
                hint="the next start of the service can write; systemd does that by itself",
            )
        if not waited:
            LOG.error("holding: the disk is read-only, the station's log cannot be written")
        reporter.waits_for_room = waited = True
        reporter.trouble = "not ready: the disk is read-only"
        if supervisor.pause(_AGAIN_S):
            return False
        disk_monitor.measure()
    make_directories(paths.own_directories(), shared=paths.shared_directories())
    if waited:
        for lock in locks:
            lock.take_again()
        reporter.trouble = "starting"
        LOG.info("the disk can be written again: the station goes on")
    return True


def _is_file_system_read_only(paths: StationPaths) -> bool:
    mount = mount_of(paths.state)
    return mount is not None and mount.is_file_system_read_only
