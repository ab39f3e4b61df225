"""When the shutter opened, on the box's monotonic clock: by the camera's own clock if it has one.

A frame may wait in the driver's buffers while the disk is slow; the moment at which it is retrieved
says nothing of its age then. Never reads a clock itself, never decides what is too old.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from qc_edge.domain.frame import ExposureSource

BUCKET_NS = 10_000_000_000
"""The smallest offset of each 10 s stands for them: the frame that was delayed least."""

BUCKETS = 30
"""Five minutes of frames that were waited for: long enough to tell drift from scatter."""

MAX_DRIFT = 200e-6
"""Two quartz clocks differ by at most some 100 ppm each; what seems to be more is a stall."""

MAX_STEP_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ExposureTime:
    """When the shutter opened: CLOCK_MONOTONIC (ns), and how that is known."""

    monotonic_ns: int
    source: ExposureSource


@dataclass(slots=True)
class _Bucket:
    at_ns: int
    least_ns: int


class ExposureClock:
    """Maps one opened camera's clock to the box's; made anew when the camera is opened again.

    `tick_ns` is the length of a tick of the camera's timestamps (ns), None if it gives none,
    `period_ns` the time between two frames of a camera that runs freely at a known rate, else None.
    `started_ns` is CLOCK_MONOTONIC when it began to expose, `buffers` the number of frames that may
    wait in the driver; None where nobody knows. Used by one capture thread.

    The offset between both clocks is the smallest difference seen between a frame's arrival and its
    timestamp: every delay makes it larger, none makes it smaller. What remains is the shortest way
    of a frame to the box (read-out and transfer), which counts as if it were no age. Camera clocks
    that follow PTP need nothing else: only differences are used.
    """

    def __init__(
        self,
        tick_ns: float | None,
        period_ns: float | None = None,
        started_ns: int | None = None,
        buffers: int | None = None,
    ) -> None:
        self._tick_ns = tick_ns
        self._period_ns = period_ns
        self._buckets: deque[_Bucket] = deque(maxlen=BUCKETS)
        self._newest_ns: int | None = None
        # When the last frame that was waited for came, and its number.
        self._fresh: tuple[int, int | None] | None = None
        if started_ns is not None:
            self._fresh = (started_ns, None)
        self._retrieved: deque[int] = deque(maxlen=buffers or 0)

    def exposed(
        self,
        timestamp: int | None,
        retrieved_ns: int,
        *,
        lay_ready: bool,
        frame_number: int | None = None,
        exposure_us: float | None = None,
        triggered_ns: int | None = None,
    ) -> ExposureTime:
        """When the frame retrieved at `retrieved_ns` (CLOCK_MONOTONIC) was exposed.

        `timestamp` is the camera's own (ticks), `lay_ready` says that the frame waited in the
        driver's queue before it was asked for, `exposure_us` how long the shutter was open,
        `triggered_ns` when this box fired its trigger (CLOCK_MONOTONIC).
        """
        earliest_ns = self._earliest(frame_number, retrieved_ns, triggered_ns)
        if self._retrieved.maxlen:
            self._retrieved.append(retrieved_ns)
        if timestamp is not None and self._tick_ns is not None:
            camera_ns = round(timestamp * self._tick_ns)
            if self._was_set(camera_ns, retrieved_ns):
                self._buckets.clear()  # what was known of the camera's clock is void
            self._newest_ns = camera_ns
            # The first frame says nothing of the camera's clock if it had waited itself.
            if self._buckets or not lay_ready or earliest_ns is None:
                exposed_ns = self._by_camera(camera_ns, retrieved_ns, lay_ready)
                return ExposureTime(min(exposed_ns, retrieved_ns), ExposureSource.CAMERA_CLOCK)
        if not lay_ready or earliest_ns is None:
            self._fresh = (retrieved_ns, frame_number)
            shutter_ns = round((exposure_us or 0.0) * 1000)
            return ExposureTime(retrieved_ns - shutter_ns, ExposureSource.ARRIVAL)
        return ExposureTime(earliest_ns, ExposureSource.EARLIEST)

    def _was_set(self, camera_ns: int, retrieved_ns: int) -> bool:
        """True if the camera's clock was stepped back, or so far ahead that the frame would have
        been fetched before it was exposed: PTP found its master, or somebody reset the clock.
        """
        if self._newest_ns is None or not self._buckets:
            return False
        least = min(bucket.least_ns for bucket in self._buckets)
        return (
            camera_ns < self._newest_ns - MAX_STEP_NS
            or retrieved_ns - camera_ns < least - MAX_STEP_NS
        )

    def _by_camera(self, camera_ns: int, retrieved_ns: int, lay_ready: bool) -> int:
        offset = retrieved_ns - camera_ns
        if not self._buckets:
            self._buckets.append(_Bucket(retrieved_ns, offset))
        elif lay_ready:
            pass  # it was delayed: a stall of any length must not push out what is known
        elif retrieved_ns - self._buckets[-1].at_ns >= BUCKET_NS:
            self._buckets.append(_Bucket(retrieved_ns, offset))
        elif offset < self._buckets[-1].least_ns:
            self._buckets[-1].least_ns = offset
        drift = self._drift()
        least = min(
            bucket.least_ns + round(drift * (retrieved_ns - bucket.at_ns))
            for bucket in self._buckets
        )
        return camera_ns + min(least, offset)

    def _drift(self) -> float:
        """How fast the offset grows (ns per ns), from the least delayed frames of long ago and now.

        Over less than a minute the delays' own scatter would be taken for drift.
        """
        third = len(self._buckets) // 3
        if third < 2:
            return 0.0
        buckets = list(self._buckets)
        old = min(buckets[:third], key=lambda bucket: bucket.least_ns)
        new = min(buckets[-third:], key=lambda bucket: bucket.least_ns)
        drift = (new.least_ns - old.least_ns) / (new.at_ns - old.at_ns)
        return max(-MAX_DRIFT, min(MAX_DRIFT, drift))

    def _earliest(
        self, frame_number: int | None, retrieved_ns: int, triggered_ns: int | None
    ) -> int | None:
        """The earliest moment at which a frame that lay ready can have been exposed, None if
        nothing is known of it.

        Not before its trigger; not before the last frame that was waited for, and later by its
        number at a known rate; not before the frame was fetched that made room for it in the
        driver's buffers, of which there are only so many.
        """
        moments = [] if triggered_ns is None else [triggered_ns]
        if self._fresh is not None:
            fresh_ns, fresh_number = self._fresh
            moments.append(fresh_ns)
            if self._period_ns and frame_number is not None and fresh_number is not None:
                frames = frame_number - fresh_number
                moments.append(fresh_ns + round(frames * self._period_ns))
        if self._retrieved and len(self._retrieved) == self._retrieved.maxlen:
            moments.append(self._retrieved[0])
        return min(max(moments), retrieved_ns) if moments else None
