"""Lost frames of one camera: gathered by kind and range, and handed to the log as gap rows.

The rows go through the spool, like the frames: capture never opens the log, and the log has one
writer (decision 0001).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime

from qc_edge.domain.inspection import Gap
from qc_edge.errors import StoreError
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.service.logs import LOG
from qc_edge.store.spool import Spool

_REPORT_EVERY_S = 5.0
"""At most a few rows in this time: a full disk or a broken cable loses frames at the camera's rate.
"""

_RANGES_MAX = 16
"""Losses that may wait for their rows with a range each; beyond, those of a kind share one without.
"""

_NUMBER = re.compile(r"\d[\d,.T]*")


@dataclass(slots=True)
class _Loss:
    """Lost frames of one kind that have no row yet.

    `first` and `last` are the camera's own numbers, where it gave some: each frame between them is
    lost.
    """

    reason: str
    detail: str
    lost: int
    first: int | None
    last: int | None
    serial: str | None
    noticed_at: datetime

    def is_of_kind(self, reason: str, detail: str) -> bool:
        """Whether a loss with these words is of this kind: they may differ in their numbers.

        The room that is left on the disk, or the id of the frame that could not be written, is
        another one with each frame; the row has those of the first.
        """
        return self.reason == reason and _NUMBER.sub("#", self.detail) == _NUMBER.sub("#", detail)

    def is_continued_by(self, first: int | None) -> bool:
        """Whether a loss that begins with the camera's number `first` makes one range with this."""
        return first == (None if self.last is None else self.last + 1)


class Losses:
    """The losses of one camera that have no row yet; used by its capture thread."""

    def __init__(self, station: str, camera: str, spool: Spool, clock: FrameClock) -> None:
        self._station = station
        self._camera = camera
        self._spool = spool
        self._clock = clock
        self._open: list[_Loss] = []
        self._reported_at = -_REPORT_EVERY_S
        self.serial: str | None = None

    def add(self, lost: int, reason: str, detail: str, first: int | None, last: int | None) -> None:
        """Count `lost` more frames; those of a kind with nothing between them share a row."""
        newest = self._open[-1] if self._open else None
        if newest and newest.is_of_kind(reason, detail) and newest.is_continued_by(first):
            newest.lost += lost
            newest.last = last
            return
        if newest and not newest.is_of_kind(reason, detail):
            self.report()
        if len(self._open) >= _RANGES_MAX and (of_kind := self._find(reason, detail)):
            # No range rather than one that covers frames which came.
            of_kind.lost += lost
            of_kind.first = of_kind.last = None
            return
        self._open.append(_Loss(reason, detail, lost, first, last, self.serial, utc_now()))

    def report_if_due(self) -> None:
        """Hand over what is open, unless the last row is only a few seconds old."""
        if self._open and time.monotonic() - self._reported_at > _REPORT_EVERY_S:
            self.report()

    def report(self) -> None:
        """Hand over what is open, in order; it is kept for later if the disk refuses."""
        if self._open:
            # Also for a row that the disk refuses: the next try is not before its time either.
            self._reported_at = time.monotonic()
        while self._open:
            row = self._row(self._open[0])
            try:
                self._spool.put_row(row)
            except StoreError as fault:
                LOG.error(
                    "camera %s: %d frames lost, %s: %s; this waits for its row: %s",
                    row.camera,
                    row.lost,
                    row.reason,
                    row.detail,
                    fault,
                )
                return
            del self._open[0]
            LOG.warning(
                "camera %s: %d frames lost, %s: %s", row.camera, row.lost, row.reason, row.detail
            )

    def _find(self, reason: str, detail: str) -> _Loss | None:
        """The newest open loss of that kind."""
        return next((loss for loss in self._open[::-1] if loss.is_of_kind(reason, detail)), None)

    def _row(self, loss: _Loss) -> Gap:
        return Gap(
            gap_id=self._clock.stamp(self._camera).frame_id,
            recorded_at=utc_now(),
            station=self._station,
            camera=self._camera,
            camera_serial=loss.serial,
            noticed_at=loss.noticed_at,
            lost=loss.lost,
            reason=loss.reason,
            detail=loss.detail,
            first_frame_number=loss.first,
            last_frame_number=loss.last,
        )
