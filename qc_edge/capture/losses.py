"""Lost frames of one camera: gathered by reason, and handed to the log as gap rows.

The rows go through the spool, like the frames: capture never opens the log, and the log has one
writer (decision 0001).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from qc_edge.domain.inspection import Gap
from qc_edge.errors import StoreError
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.service.logs import LOG
from qc_edge.store.spool import Spool

_REPORT_EVERY_S = 5.0
"""At most one row in this time: a full disk or a broken cable loses frames at the camera's rate."""


@dataclass(slots=True)
class _Loss:
    """Lost frames of one reason that have no row yet.

    `first` and `last` are the camera's own numbers, where it gave some.
    """

    reason: str
    detail: str
    lost: int = 0
    first: int | None = None
    last: int | None = None


class Losses:
    """The losses of one camera that have no row yet; used by its capture thread."""

    def __init__(self, station: str, camera: str, spool: Spool, clock: FrameClock) -> None:
        self._station = station
        self._camera = camera
        self._spool = spool
        self._clock = clock
        self._open: _Loss | None = None
        self._reported_at = -_REPORT_EVERY_S
        self.serial: str | None = None

    def add(self, lost: int, reason: str, detail: str, first: int | None, last: int | None) -> None:
        """Count `lost` more frames; losses of one reason that follow one another share a row."""
        if self._open and self._open.reason != reason:
            self.report()
        if self._open is None:
            self._open = _Loss(reason, detail, first=first)
        self._open.lost += lost
        self._open.last = last

    def report_if_due(self) -> None:
        """Hand over what is open, unless the last row is only a few seconds old."""
        if self._open and time.monotonic() - self._reported_at > _REPORT_EVERY_S:
            self.report()

    def report(self) -> None:
        """Hand over what is open; it is kept for later if the disk refuses."""
        loss, now = self._open, utc_now()
        if loss is None:
            return
        row = Gap(
            gap_id=self._clock.stamp(self._camera).frame_id,
            recorded_at=now,
            station=self._station,
            camera=self._camera,
            camera_serial=self.serial,
            noticed_at=now,
            lost=loss.lost,
            reason=loss.reason,
            detail=loss.detail,
            first_frame_number=loss.first,
            last_frame_number=loss.last,
        )
        # Also for a row that the disk refuses: the next try is not before its time either.
        self._reported_at = time.monotonic()
        LOG.warning(
            "camera %s: %d frames lost, %s: %s", row.camera, row.lost, row.reason, row.detail
        )
        try:
            self._spool.put_row(row)
        except StoreError as fault:
            LOG.error(
                "camera %s: the loss of %d frames waits for its row: %s",
                row.camera,
                row.lost,
                fault,
            )
        else:
            self._open = None


def report_torn(spool: Spool, clock: FrameClock, station: str) -> None:
    """At start: remove what was being written when the last run ended, and count its frames."""
    for frame in spool.clear_torn():
        camera = frame.partition("Z-")[2]
        losses = Losses(station, camera, spool, clock)
        detail = f"frame {frame} was being written when the last run ended"
        losses.add(1, "torn", detail, None, None)
        losses.report()
