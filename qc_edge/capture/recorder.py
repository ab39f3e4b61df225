"""What one camera delivered, into the spool: a frame as one durable file, a loss as one row.

Closes the count: every exposure, failed grab and jump of the camera's counter is either spooled or
lost. Never looks at the pixels, never touches the log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from qc_edge.camera import CameraInfo, Exposure, FailedGrab
from qc_edge.capture.exposure_clock import ExposureClock
from qc_edge.capture.losses import Losses
from qc_edge.capture.state import CaptureState
from qc_edge.domain.frame import Frame
from qc_edge.errors import DiskFullError, StoreError
from qc_edge.service.clock import FrameClock
from qc_edge.service.logs import LOG
from qc_edge.store.disk_space import DiskMonitor, DiskSpace
from qc_edge.store.spool import Spool


@dataclass(frozen=True, slots=True)
class CaptureTarget:
    """Where the frames of all cameras go, and what stamps them."""

    station: str
    boot_id: str
    clock: FrameClock
    spool: Spool
    disk_monitor: DiskMonitor


class CaptureRecorder:
    """Spools the frames and losses of one camera; used by its capture thread."""

    def __init__(self, target: CaptureTarget, state: CaptureState) -> None:
        self._target = target
        self._state = state
        self._camera = state.name
        self._losses = Losses(target.station, state.name, target.spool, target.clock)
        self._exposure_clock = ExposureClock(None)
        self._counts_frames = False
        self._last_number: int | None = None

    def camera_opened(
        self, info: CameraInfo, counts_frames: bool, period_ns: float | None = None
    ) -> None:
        """The camera counts from here on; what was lost before it was opened it cannot tell.

        `period_ns` is the time between two frames of a camera that runs freely at a known rate.
        """
        self._losses.serial = info.serial
        self._exposure_clock = ExposureClock(info.tick_ns, period_ns, info.started_ns, info.buffers)
        self._counts_frames = counts_frames
        self._last_number = None

    def record(self, delivered: Exposure | FailedGrab, triggered_ns: int | None = None) -> None:
        """Spool an exposure, count a failed grab, and count what was lost before it.

        `triggered_ns` is CLOCK_MONOTONIC when this station fired the trigger for it.
        """
        self._count_skipped(delivered.frame_number)
        if isinstance(delivered, Exposure):
            self._spool(delivered, triggered_ns)
        else:
            self._lose_one(delivered, "failed_grab", delivered.reason)

    def lose(
        self, lost: int, reason: str, detail: str, first: int | None = None, last: int | None = None
    ) -> None:
        """Count `lost` frames that were triggered and never came, with the camera's own numbers."""
        self._state.triggers += lost
        self._state.lost += lost
        self._losses.add(lost, reason, detail, first, last)

    def report_losses(self) -> None:
        """Hand the losses over to the log now."""
        self._losses.report()

    def report_losses_if_due(self) -> None:
        """Hand the losses over to the log, unless the last row is only a few seconds old."""
        self._losses.report_if_due()

    def _count_skipped(self, number: int | None) -> None:
        """A jump in the camera's own counter: those frames were exposed and never came."""
        if number is None:
            return
        last, self._last_number = self._last_number, number
        if self._counts_frames and last is not None and number > last + 1:
            skipped = number - last - 1
            self.lose(
                skipped, "counter_gap", "the camera's own counter jumped", last + 1, number - 1
            )
            # At once: each jump has a row of its own, between the frames where it happened.
            self._losses.report()

    def _spool(self, exposure: Exposure, triggered_ns: int | None) -> None:
        target, camera = self._target, self._camera
        exposed = self._exposure_clock.exposed(
            exposure.timestamp,
            exposure.monotonic_ns,
            lay_ready=exposure.lay_ready,
            frame_number=exposure.frame_number,
            exposure_us=exposure.exposure_us,
            triggered_ns=triggered_ns,
        )
        if target.disk_monitor.space is DiskSpace.NONE:
            # Nothing is deleted to make room (decision 0009): the frame is lost, and says so.
            self._lose_one(exposure, "disk_low", target.disk_monitor.description)
            return
        # The id is of the exposure, neither of the moment at which the driver handed the frame
        # over nor of now: it may have waited in the driver's buffers while the disk was slow.
        stamp = target.clock.stamp(camera, exposed.monotonic_ns)
        waited = timedelta(microseconds=(exposure.monotonic_ns - exposed.monotonic_ns) // 1000)
        frame = Frame(
            frame_id=stamp.frame_id,
            camera=camera,
            captured_at=stamp.captured_at,
            clock_trusted=stamp.clock_trusted,
            monotonic_ns=stamp.monotonic_ns,
            boot_id=target.boot_id,
            camera_serial=self._losses.serial,
            camera_frame_number=exposure.frame_number,
            camera_timestamp=exposure.timestamp,
            pixel_format=exposure.pixel_format,
            exposure_us=exposure.exposure_us,
            gain_db=exposure.gain_db,
            retrieved_at=stamp.captured_at + waited,
            retrieved_ns=exposure.monotonic_ns,
            exposure_source=exposed.source,
        )
        try:
            # Durable on return. Nothing else stands between two grabs, least of all the inspector.
            target.spool.put_frame(frame, exposure.pixels, _bit_depth(exposure.pixel_format))
        except DiskFullError as fault:
            target.disk_monitor.report_full(fault)
            self._lose_one(exposure, "spool_full", fault.message)
        except StoreError as fault:
            LOG.error("camera %s: %s", camera, fault)
            self._lose_one(exposure, "spool_failed", fault.message)
        else:
            self._state.triggers += 1
            self._state.spooled += 1
            self._state.last_frame_at = stamp.captured_at

    def _lose_one(self, delivered: Exposure | FailedGrab, reason: str, detail: str) -> None:
        self.lose(1, reason, detail, delivered.frame_number, delivered.frame_number)


def _bit_depth(pixel_format: str) -> int:
    """Significant bits of a sample: Mono12 has 12, RGB8 and Mono8 have 8."""
    digits = re.search(r"(\d+)", pixel_format)
    return int(digits[1]) if digits else 8
