"""Lost frames: counted at once, and each kind handed to the log as one gap row by way of the
spool.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import Gap
from qc_edge.errors import StoreError
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.service.logs import LOG
from qc_edge.store.spool import Spool

_REPORT_EVERY_S = 5.0


@dataclass(slots=True)
class _Loss:
    """Lost frames of one kind that have no row yet, with the camera's own numbers of the first and
    last.
    """

    reason: str
    detail: str
    lost: int = 0
    first: int | None = None
    last: int | None = None


class Losses:
    """Used by one capture thread. `new_id` gives the id of a gap row."""

    def __init__(
        self, station: str, camera: str, spool: Spool, new_id: Callable[[], FrameId]
    ) -> None:
        self._station = station
        self._camera = camera
        self._spool = spool
        self._new_id = new_id
        self._open: _Loss | None = None
        self._reported_at = -_REPORT_EVERY_S
        self.serial: str | None = None

    def add(self, lost: int, reason: str, detail: str, first: int | None, last: int | None) -> None:
        """Count `lost` more frames; losses of one kind in a row share a row."""
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
            gap_id=self._new_id(),
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
    """At start: what was being written when the last run ended is removed; each frame of it is a
    gap.
    """
    for frame in spool.clear_torn():
        camera = frame.partition("Z-")[2]
        losses = Losses(station, camera, spool, partial(_new_id, clock, camera))
        losses.add(
            1, "torn", f"frame {frame} was being written when the last run ended", None, None
        )
        losses.report()


def _new_id(clock: FrameClock, camera: str) -> FrameId:
    return clock.stamp(camera).frame_id
