"""Capture: one thread for each camera that opens it, grabs from it and opens it again when lost.

What comes goes into the spool and nowhere else: capture never looks at the pixels, never waits for
the inspector and never touches the log (decision 0001).
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

from qc_edge.camera import Camera, CameraInfo, Exposure, FailedGrab
from qc_edge.camera.output_lines import OutputLines
from qc_edge.capture.adjustments import Adjustments
from qc_edge.capture.recorder import CaptureRecorder, CaptureTarget
from qc_edge.capture.software_trigger import NO_ANSWER, SoftwareTrigger
from qc_edge.capture.state import NOT_OPENED, CaptureState
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.errors import CameraError, CameraLostError
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.settings import CameraSettings, Trigger

BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Between two tries to open the camera: short for a cable that was touched, then the longest."""

_RESTING_S = 0.1
_QUEUED_S = 0.001


class Capture:
    """The work of one camera's thread; `state`, `silent`, `rest` and `adjust` may be used from any.

    `events` go through the spool too, so that they stand among the camera's frames in order.
    """

    def __init__(
        self, settings: CameraSettings, camera: Camera, target: CaptureTarget, events: EventLog
    ) -> None:
        self._settings = settings
        self._camera = camera
        self._events = events
        self.state = CaptureState(settings.name)
        self._recorder = CaptureRecorder(target, self.state)
        self._software_trigger = SoftwareTrigger(settings)
        self._received_at = 0.0
        self._silent = False
        self._device = ""
        self._adjustments = Adjustments()
        self._rest_requested = threading.Event()
        self.resting = threading.Event()

    @property
    def silent(self) -> bool:
        """True while a camera that should deliver by itself does not."""
        return self._silent

    @property
    def name(self) -> str:
        """The camera's."""
        return self._settings.name

    @property
    def lines(self) -> OutputLines | None:
        """The camera's own output lines; None: a kind without any."""
        lines: OutputLines | None = getattr(self._camera, "lines", None)
        return lines

    @property
    def is_tried(self) -> bool:
        """True once the camera was opened, or it is known why it cannot be."""
        return self.state.detail != NOT_OPENED

    def adjust(self, settings: CameraSettings) -> Future[int]:
        """Have the camera expose by the exposure time, gain and region of `settings`, between two
        frames; as `Adjustments.submit`. Waits for at most one grab.
        """
        done = self._adjustments.submit(settings)
        if not self.state.connected:
            self._adjustments.refuse(self.state.detail)
        return done

    def rest(self) -> None:
        """Fire no more software triggers; `resting` is set once each is a frame or a loss."""
        self._rest_requested.set()

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
                if self._software_trigger.is_unanswered:
                    self._lose_answer(f"the camera went away: {fault.message}")
                self._recorder.report_losses()
                self._on_camera_error(fault)
                stop.wait(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])
                tries += 1
            finally:
                # Also before each new try: a camera is never used again after it was lost.
                self._camera.close()
        self._recorder.report_losses()

    def _open(self) -> None:
        info = self._camera.open()
        was_open_before = self.state.info is not None
        self.state.info, self.state.connected = info, True
        self.state.reopened += was_open_before
        self.state.detail = self._device = f"{info.model} {info.serial}"
        self._begin_count(info)
        self._software_trigger.start()
        self._received_at, self._silent = time.monotonic(), False
        picture = f"{info.width} x {info.height} {info.pixel_format}"
        kind = EventKind.CAMERA_BACK if was_open_before else EventKind.CAMERA_OPENED
        self._report(kind, f"camera {self._settings.name}: {self._device}, {picture}")

    def _on_camera_error(self, fault: CameraError) -> None:
        """Report the error once, however often the camera is tried again."""
        if self.state.connected or self.state.detail != fault.message:
            kind = EventKind.CAMERA_LOST if self.state.connected else EventKind.CAMERA_MISSING
            self._report(kind, fault.message)
            if fault.hint:  # for the journal alone: an event's detail says what happened
                LOG.error("camera %s: %s", self._settings.name, fault.hint)
        self.state.connected, self.state.detail = False, fault.message
        self._adjustments.refuse(fault.message)

    def _step(self, stop: threading.Event) -> None:
        """One grab, with its trigger before it where the station triggers."""
        if self._adjustments and not self._software_trigger.is_unanswered:
            self._adjust()
        if self._settings.trigger is Trigger.SOFTWARE and not self._trigger(stop):
            return
        delivered = self._camera.grab(self._settings.grab_timeout_s)
        if delivered is None:
            self._on_silence()
        else:
            self._on_delivery(delivered)
        self._recorder.report_losses_if_due()

    def _adjust(self) -> None:
        """What lies in the driver's queue was exposed by the settings before: it goes first."""
        info = self.state.info
        for _ in range((info.buffers if info else None) or 1):
            if (delivered := self._camera.grab(_QUEUED_S)) is None:
                break
            self._on_delivery(delivered)
        if (after := self._adjustments.make(self._camera)) is None:
            return
        if info is None or after.started_ns != info.started_ns:
            self._begin_count(after)
        self.state.info = after

    def _begin_count(self, info: CameraInfo) -> None:
        settings = self._settings
        rate_hz = settings.rate_hz if settings.trigger is Trigger.FREE else None
        period_ns = 1e9 / rate_hz if rate_hz else None
        self._recorder.camera_opened(info, self._camera.counts_frames, period_ns)

    def _trigger(self, stop: threading.Event) -> bool:
        """True if a trigger is to be waited for: one fired now, or one that has no answer yet."""
        if self._software_trigger.is_unanswered:
            return True
        if self._rest_requested.is_set():
            # `resting` promises that every trigger is accounted for, the losses with their rows.
            self._recorder.report_losses()
            self.resting.set()
            stop.wait(_RESTING_S)
            return False
        return self._software_trigger.fire_if_due(self._camera, stop)

    def _on_delivery(self, delivered: Exposure | FailedGrab) -> None:
        triggered_ns = self._software_trigger.fired_ns
        self._software_trigger.answered()
        self._received_at = time.monotonic()
        if self._silent:
            self._silent = False
            self.state.detail = self._device
            self._report(
                EventKind.CAMERA_DELIVERS, f"camera {self._settings.name}: frames come again"
            )
        self._recorder.record(delivered, triggered_ns)

    def _on_silence(self) -> None:
        """Nothing came within one grab. Raises CameraLostError for a trigger without an answer."""
        if self._software_trigger.is_overdue:
            # Its frame may still come; closing the camera makes sure that it is not counted twice.
            self._lose_answer(NO_ANSWER)
            raise CameraLostError(NO_ANSWER)
        quiet_s = time.monotonic() - self._received_at
        # With a hardware trigger silence may mean that no part comes: only free run must deliver.
        if (
            self._settings.trigger is Trigger.FREE
            and quiet_s > self._settings.silence_s
            and not self._silent
        ):
            self._silent = True
            self.state.detail = f"open, but no frame for {quiet_s:.0f} s"
            self._report(
                EventKind.CAMERA_SILENT, f"camera {self._settings.name}: {self.state.detail}"
            )

    def _await_answer(self) -> None:
        """At a stop with a trigger fired: its frame is still taken, or counts as lost."""
        if not self._software_trigger.is_unanswered:
            return
        delivered = self._camera.grab(self._settings.grab_timeout_s)
        if delivered is None:
            self._lose_answer("no frame before the station stopped")
        else:
            self._on_delivery(delivered)

    def _lose_answer(self, detail: str) -> None:
        self._software_trigger.answered()
        self._recorder.lose(1, "no_answer", detail)

    def _report(self, kind: EventKind, detail: str) -> None:
        self._events.report(Occurrence(kind, detail, who=self._settings.name))
