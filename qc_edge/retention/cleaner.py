"""The running station's deleting: as idle work of its own thread for upkeep, hour by hour.

The station itself and no timer, since it alone may write the log while it runs, and it alone knows
when nothing waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from qc_edge.retention.deleting import Deleted, Deleting
from qc_edge.service.logs import LOG
from qc_edge.settings import Settings, StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger

_EVERY_S = 3600.0
"""The rules count in days."""


def asking_file(paths: StationPaths) -> Path:
    """There while somebody asks the running station to delete now."""
    return paths.run / "retention-run"


class Cleaner:
    """Used by one thread; `total` may be read by any. `settings` gives those in force."""

    def __init__(
        self,
        paths: StationPaths,
        ledger: Ledger,
        disk: Disk,
        settings: Callable[[], Settings],
        now: Callable[[], datetime],
    ) -> None:
        """`now` is what ages are counted to (aware UTC), whatever the clock has been set to."""
        self._paths = paths
        self._disk = disk
        self._settings = settings
        self._deleting = Deleting(paths, ledger, disk, now)
        self._began_at = -_EVERY_S
        self._may_be_half = True
        """The newest rows may have files left: of a crash, or of a file that did not go."""
        self.total = Deleted()
        """Since the station started."""

    def clean(self, may_go_on: Callable[[], bool]) -> None:
        """Delete what is due, where the rules are on: once an hour, at once where room is short of
        the target, or where somebody asks. Raises StoreError or DiskFullError.
        """
        if self._may_be_half:
            self._deleting.take_up()
            self._may_be_half = False
        settings, asked = self._settings(), asking_file(self._paths)
        is_asked = asked.exists()
        is_due = time.monotonic() - self._began_at >= _EVERY_S
        if is_asked:
            asked.unlink(missing_ok=True)
        if settings.retention.enabled and (is_asked or is_due or self._is_short()):
            self._began_at = time.monotonic()
            # Where this was told to stop, because a frame came, it goes on in the next pause.
            self._may_be_half = True
            deleted = self._deleting.run(settings, may_go_on, self._is_short)
            self._may_be_half = False
            self._add(deleted)
            if not deleted.is_over:
                self._began_at = -_EVERY_S

    def _is_short(self) -> bool:
        target = self._settings().retention.target_free_mb
        return target > 0 and self._disk.free_bytes(self._paths.state) < target * 1e6

    def _add(self, deleted: Deleted) -> None:
        self.total.inspections += deleted.inspections
        self.total.files += deleted.files
        self.total.size_bytes += deleted.size_bytes
        if deleted.inspections:
            LOG.info(
                "retention: pictures of %d inspections deleted, %d files, %.1f MB",
                deleted.inspections,
                deleted.files,
                deleted.size_bytes / 1e6,
            )
