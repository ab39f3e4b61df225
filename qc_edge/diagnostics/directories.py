"""Whether a station's directories can take frames: free space, durable writes, permissions."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from qc_edge.diagnostics.finding import Finding, ok, warning
from qc_edge.errors import StoreError
from qc_edge.settings import StationPaths, StorageSettings
from qc_edge.store.disk_room import REMOVE_FILES, read_only
from qc_edge.store.disk_space import DiskMonitor, DiskSpace
from qc_edge.store.durable import Disk

SLOW_WRITE_MS = 50.0
"""Longer than eMMC takes for a synced write: a network mount or a failing card."""


def check_directories(paths: StationPaths, storage: StorageSettings) -> Iterator[Finding]:
    """Free space, and a file that is written, synced, renamed and removed where frames will be.

    Raises StoreError if there is too little space, or a directory is missing or refuses.
    """
    monitor = DiskMonitor(_nearest(paths.state), Disk(), storage)
    free_mb = monitor.free_mb
    if monitor.room.is_read_only:
        raise read_only(str(paths.state))
    if free_mb < storage.stop_free_mb:
        raise StoreError(
            f"{free_mb:,.0f} MB free, capture stops below {storage.stop_free_mb:,.0f} MB",
            hint=f"free some room under {paths.state}, or lower storage.stop_free_mb",
        )
    if monitor.space is DiskSpace.NONE:
        raise StoreError(monitor.description, hint=REMOVE_FILES)
    if free_mb < storage.warn_free_mb:
        yield warning(
            f"{free_mb:,.0f} MB free", f"below warn_free_mb = {storage.warn_free_mb:,.0f}"
        )
    elif monitor.space is DiskSpace.LOW:
        yield warning(monitor.description, REMOVE_FILES)
    else:
        yield ok(monitor.description)
    # The run directory is not asked for: systemd makes it when the service starts.
    missing = [path for path in paths.directories() if path != paths.run and not path.is_dir()]
    if missing:
        raise StoreError(
            f"{', '.join(map(str, missing))} does not exist",
            hint="make it, owned by the station's user",
        )
    took_ms = _synced_write_ms(paths)
    if took_ms > SLOW_WRITE_MS:
        yield warning(
            f"a synced write takes {took_ms:.0f} ms", "every frame waits for it: faster disk"
        )
    else:
        yield ok(f"a synced write takes {took_ms:.1f} ms")


def _synced_write_ms(paths: StationPaths) -> float:
    """Milliseconds for one small file by way of spool/tmp into spool/frames and away again."""
    disk = Disk()
    # The way of a frame; the dot in front keeps a running station from taking it for one.
    probe = paths.frames / f".check-{os.getpid()}"
    started = time.perf_counter()
    disk.write(probe, [b"qc-edge check"], paths.spool_tmp / probe.name)
    disk.sync_directory(paths.frames)
    took = time.perf_counter() - started
    disk.unlink(probe)
    return took * 1000


def _nearest(path: Path) -> Path:
    """`path`, or the nearest directory above it that exists: the same disk, before it is made."""
    return next(parent for parent in (path, *path.parents) if parent.exists())
