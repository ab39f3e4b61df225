"""Capture: one thread per camera that turns each exposure into one durable file, and each loss into
a row.

It never looks at the pixels, never waits for the inspector and never touches the log.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from datetime import datetime

from qc_edge.camera import Camera, CameraInfo, Exposure, FailedGrab
from qc_edge.capture.losses import Losses
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.frame import Frame
from qc_edge.errors import CameraError, CameraLostError, DiskFullError, StoreError
from qc_edge.service.clock import FrameClock
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.settings import CameraSettings, Trigger
from qc_edge.store.disk_space import DiskMonitor, DiskSpace
from qc_edge.store.spool import Spool

BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_ANSWER_S = 2.0
_RESTING_S = 0.1


@dataclass(slots=True)
class CaptureState:
    """What one camera has done since the station started; written by its capture thread alone.

    triggers = spooled + lost, always.
    """

    name: str
    connected: bool = False
    detail: str = "not opened yet"
    info: CameraInfo | None = None
    triggers: int = 0
    spooled: int = 0
    lost: int = 0
    reopened: int = 0
    last_frame_at: datetime | None = None


class Capture:
    """The work of one camera's thread."""

    def __init__(
        self,
        settings: CameraSettings,
        station: str,
        camera: Camera,
        clock: FrameClock,
        boot: str,
        spool: Spool,
        disk_monitor: DiskMonitor,
        events: EventLog,
    ) -> None:
        self._settings = settings
        self._camera = camera
        self._clock = clock
        self._boot = boot
        self._spool = spool
        self._disk_monitor = disk_monitor
        self._events = events
        self._losses = Losses(
            station, settings.name, spool, lambda: clock.stamp(settings.name).frame_id
        )
        self._last_number: int | None = None
        self._fired_at: float | None = None
        self._due = 0.0
        self._received_at = 0.0
        self._silent = False
        self._opened_as = ""
        self._told_to_rest = threading.Event()
        self.resting = threading.Event()
        self.state = CaptureState(settings.name)

    @property
    def silent(self) -> bool:
        """True while a camera that should deliver by itself does not."""
        return self._silent

    def rest(self) -> None:
        """Fire no more software triggers. `resting` is set once each one fired is a frame or a
        loss.
        """
        self._told_to_rest.set()

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Open, grab, reopen with back-off, until `stop`."""
        tries = 0
        while not stop.is_set():
            heartbeat.beat()
            try:
                self._open()
                tries = 0
                while not stop.is_set():
                    heartbeat.beat()
                    self._step(stop)
                self._await_answer()
            except CameraError as fault:
                if self._fired_at is not None:
                    self._lose_answer(f"the camera went away: {fault.message}")
                self._losses.report()
                self._lost_camera(fault)
                stop.wait(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])
                tries += 1
            finally:
                self._camera.close()
        self._losses.report()

    def _open(self) -> None:
        info = self._camera.open()
        again = self.state.info is not None
        self.state.info, self.state.connected = info, True
        self._losses.serial = info.serial
        self.state.reopened += again
        self.state.detail = self._opened_as = f"{info.model} {info.serial}"
        self._received_at, self._silent = time.monotonic(), False
        self._last_number = None
        self._fired_at, self._due = None, time.monotonic()
        picture = f"{info.width} x {info.height} {info.pixel_format}"
        words = f"camera {self._settings.name}: {info.model} {info.serial}, {picture}"
        self._report(EventKind.CAMERA_BACK if again else EventKind.CAMERA_OPENED, words)

    def _lost_camera(self, fault: CameraError) -> None:
        if self.state.connected or self.state.detail != fault.message:
            kind = EventKind.CAMERA_LOST if self.state.connected else EventKind.CAMERA_MISSING
            self._report(kind, fault.message)
            if fault.hint:
                LOG.error("camera %s: %s", self._settings.name, fault.hint)
        self.state.connected, self.state.detail = False, fault.message

    def _step(self, stop: threading.Event) -> None:
        if self._settings.trigger is Trigger.SOFTWARE and not self._fire(stop):
            return
        got = self._camera.grab(self._settings.grab_timeout_s)
        if got is None:
            self._silence()
        else:
            self._received(got)
        self._losses.report_if_due()

    def _received(self, got: Exposure | FailedGrab) -> None:
        self._fired_at = None
        self._received_at = time.monotonic()
        if self._silent:
            self._silent = False
            self.state.detail = self._opened_as
            words = f"camera {self._settings.name}: frames come again"
            self._report(EventKind.CAMERA_DELIVERS, words)
        if isinstance(got, FailedGrab):
            self._failed(got)
        else:
            self._exposed(got)

    def _fire(self, stop: threading.Event) -> bool:
        """Fire a software trigger when one is due; False if there is nothing to wait for."""
        if self._fired_at is not None:
            return True
        if self._told_to_rest.is_set():
            self._losses.report()
            self.resting.set()
            stop.wait(_RESTING_S)
            return False
        if self._settings.rate_hz is None:
            stop.wait(self._settings.grab_timeout_s)
            return False
        now = time.monotonic()
        if now < self._due:
            stop.wait(min(self._due - now, 0.5))
            return False
        self._due = max(self._due + 1 / self._settings.rate_hz, now - 1)
        self._camera.trigger()
        self._fired_at = now
        return True

    def _silence(self) -> None:
        if self._fired_at is not None and time.monotonic() - self._fired_at > _ANSWER_S:
            # Its frame may still come; closing the camera makes sure that it is not counted twice.
            words = f"no frame within {_ANSWER_S:g} s of a software trigger"
            self._lose_answer(words)
            raise CameraLostError(words)
        quiet_s = time.monotonic() - self._received_at
        if (
            self._settings.trigger is Trigger.FREE
            and quiet_s > self._settings.silence_s
            and not self._silent
        ):
            self._silent = True
            self.state.detail = f"open, but no frame for {quiet_s:.0f} s"
            words = f"camera {self._settings.name}: {self.state.detail}"
            self._report(EventKind.CAMERA_SILENT, words)

    def _await_answer(self) -> None:
        """Told to stop with a trigger fired: its frame is still taken, or counts as lost."""
        if self._fired_at is None:
            return
        got = self._camera.grab(self._settings.grab_timeout_s)
        if got is None:
            self._lose_answer("no frame before the station stopped")
        else:
            self._received(got)

    def _lose_answer(self, detail: str) -> None:
        self._fired_at = None
        self._lose(1, "no_answer", detail, None, None)

    def _failed(self, grab: FailedGrab) -> None:
        number = grab.frame_number
        self._skipped_before(number)
        self._lose(1, "failed_grab", grab.reason, number, number)

    def _exposed(self, exposure: Exposure) -> None:
        self._skipped_before(exposure.frame_number)
        if self._disk_monitor.space is DiskSpace.NONE:
            self._lose_exposure(exposure, "disk_low", self._disk_monitor.description)
            return
        stamp = self._clock.stamp(self._settings.name, exposure.monotonic_ns)
        frame = Frame(
            frame_id=stamp.frame_id,
            camera=self._settings.name,
            captured_at=stamp.captured_at,
            clock_trusted=stamp.clock_trusted,
            monotonic_ns=stamp.monotonic_ns,
            boot_id=self._boot,
            camera_serial=self.state.info.serial if self.state.info else None,
            camera_frame_number=exposure.frame_number,
            camera_timestamp=exposure.timestamp,
            pixel_format=exposure.pixel_format,
            exposure_us=exposure.exposure_us,
            gain_db=exposure.gain_db,
        )
        try:
            self._spool.put_frame(frame, exposure.pixels, _bit_depth(exposure.pixel_format))
        except DiskFullError as fault:
            self._disk_monitor.report_full()
            self._lose_exposure(exposure, "spool_full", fault.message)
        except StoreError as fault:
            LOG.error("camera %s: %s", self._settings.name, fault)
            self._lose_exposure(exposure, "spool_failed", fault.message)
        else:
            self.state.triggers += 1
            self.state.spooled += 1
            self.state.last_frame_at = stamp.captured_at

    def _skipped_before(self, number: int | None) -> None:
        """A jump in the camera's own counter: those frames were exposed and never came."""
        if number is None:
            return
        last, self._last_number = self._last_number, number
        if self._camera.counts_frames and last is not None and number > last + 1:
            skipped = number - last - 1
            self._lose(
                skipped, "counter_gap", "the camera's own counter jumped", last + 1, number - 1
            )
            self._losses.report()

    def _lose_exposure(self, exposure: Exposure, reason: str, detail: str) -> None:
        self._lose(1, reason, detail, exposure.frame_number, exposure.frame_number)

    def _lose(
        self, lost: int, reason: str, detail: str, first: int | None, last: int | None
    ) -> None:
        self.state.triggers += lost
        self.state.lost += lost
        self._losses.add(lost, reason, detail, first, last)

    def _report(self, kind: EventKind, detail: str) -> None:
        self._events.report(Occurrence(kind, detail, who=self._settings.name))


def _bit_depth(pixel_format: str) -> int:
    """Significant bits a sample of a pixel format's name: Mono12 has 12, RGB8 and Mono8 have 8."""
    digits = re.search(r"(\d+)", pixel_format)
    return int(digits[1]) if digits else 8
