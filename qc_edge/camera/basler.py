"""Basler cameras through pypylon, and pylon's own emulator on the same path.

Owns the device from open to close. Never reopens, never retries and never hides a failed grab: each
one is returned to the caller.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from dataclasses import replace
from typing import Any

from qc_edge.camera import Camera, CameraInfo, Exposure, FailedGrab
from qc_edge.camera.adjustment import adjust_nodes, needs_restart
from qc_edge.camera.buffers import size_buffers
from qc_edge.camera.configuration import AppliedSettings, configure, count_frames
from qc_edge.camera.devices import cannot_open, choose, delivered_format, tick_ns
from qc_edge.camera.driver import genicam, pylon
from qc_edge.camera.emulator import EmulatedDevices, Playlist
from qc_edge.camera.enumeration import emulated_devices, real_devices
from qc_edge.camera.grab_results import GrabResults
from qc_edge.camera.health import read_health
from qc_edge.camera.nodes import Nodes
from qc_edge.camera.output_lines import OutputLines
from qc_edge.camera.removal_watch import RemovalWatch
from qc_edge.errors import CameraError, CameraLostError
from qc_edge.settings import CameraSettings

log = logging.getLogger(__name__)

_EMULATED = EmulatedDevices()
"""One for the process: PYLON_CAMEMU and pylon's list of devices are the process's too."""


def connect(settings: CameraSettings) -> Camera:
    """The Basler camera of `settings` (backend `basler` or `emulated`), not opened yet."""
    return BaslerCamera(settings)


class BaslerCamera:
    """A Basler camera, used by one capture thread; after `CameraLostError` close and open again.

    Each `open` makes an InstantCamera of its own: one whose device was removed never finds it again
    (users' reports: basler/pypylon#285, #589, #619).
    """

    def __init__(self, settings: CameraSettings) -> None:
        self._settings = settings
        self._is_emulated = settings.backend == "emulated"
        self.lines = OutputLines(settings.name, genicam.GenericException)
        self._resources = contextlib.ExitStack()
        self._camera: Any = None
        self._emulated_serial: str | None = None
        self._removed = threading.Event()
        self._applied: AppliedSettings
        self._results: GrabResults
        self._chunk: str | None = None
        self._images_size: tuple[int, int] | None = None
        self._info: CameraInfo

    @property
    def counts_frames(self) -> bool:
        """True: block ids (or the frame counter chunk) reveal lost frames."""
        return True

    def open(self) -> CameraInfo:
        """Find the device, apply the settings, start acquisition.

        Raises CameraError if it is not there, is held by someone else or refuses settings (all of
        them are named), or if there is nothing to play.
        """
        self.close()
        try:
            return self._open_device()
        except genicam.GenericException as fault:
            self.close()
            raise cannot_open(self._settings.name, str(fault)) from fault
        except CameraError:
            self.close()
            raise

    def trigger(self) -> None:
        """Wait until the camera takes a trigger, then fire one by software.

        Raises CameraLostError if the device is gone, or not ready within the exposure +
        `grab_timeout_s`.
        """
        camera = self._opened_camera()
        timeout_s = self._settings.grab_timeout_s + (self._applied.exposure_us or 0.0) / 1e6
        try:
            # A trigger that comes while the camera exposes or reads out is ignored by the camera
            # itself, and no counter shows it: so none is fired before the camera takes one.
            ready = not camera.CanWaitForFrameTriggerReady() or camera.WaitForFrameTriggerReady(
                math.ceil(timeout_s * 1000), pylon.TimeoutHandling_Return
            )
            if ready:
                camera.TriggerSoftware.Execute()
                return
        except genicam.GenericException as fault:
            raise self._lost(str(fault)) from fault
        raise self._lost(f"not ready for a software trigger within {timeout_s:g} s")

    def grab(self, timeout_s: float) -> Exposure | FailedGrab | None:
        """The next frame, a failed one, or None if none came within `timeout_s` seconds.

        After an unplug the frames that had arrived whole are still delivered; then CameraLostError.
        """
        camera = self._opened_camera()
        # After a removal no new frame can come: what pylon has in its queue is taken, unwaited.
        wait_ms = 0 if self._removed.is_set() else max(1, math.ceil(timeout_s * 1000))
        try:
            # First without a wait: what is there at once has waited itself, nobody knows how long.
            result = camera.RetrieveResult(0, pylon.TimeoutHandling_Return)
            lay_ready = bool(result.IsValid())
            if not lay_ready and wait_ms:
                result = camera.RetrieveResult(wait_ms, pylon.TimeoutHandling_Return)
            now = time.monotonic_ns()
            if result.IsValid():
                try:
                    return self._results.convert(result, self._applied, now, lay_ready)
                finally:
                    # The buffer goes back to pylon at once: with none left, frames are lost.
                    result.Release()
            if self._removed.is_set() or camera.IsCameraDeviceRemoved():
                raise self._lost("it was unplugged, lost its power or its network")
            if not camera.IsGrabbing():
                raise self._lost("it stopped delivering frames")
        except genicam.GenericException as fault:
            raise self._lost(str(fault)) from fault
        return None

    def adjust(self, settings: CameraSettings) -> CameraInfo:
        """Set exposure, gain and region while it grabs; only another region stops it for a moment.

        Raises CameraError that names all that it refuses or reads back otherwise; then the
        settings before are in force again. Raises CameraLostError.
        """
        before = self._settings
        try:
            if refused := self._adjust(before, settings):
                self._adjust(settings, before)
                raise CameraError(
                    f"camera {settings.name} refuses its settings:\n  " + "\n  ".join(refused),
                    hint="mend them; the camera goes on with the ones before",
                )
        except genicam.GenericException as fault:
            raise self._lost(str(fault)) from fault
        self._settings = settings
        return self._info

    def close(self) -> None:
        """Stop acquisition and release the device. Never raises; may be called twice."""
        self.lines.detach()
        camera, self._camera = self._camera, None
        if camera is not None:
            # Each step for itself: of a device that was removed the first may fail, and the others
            # must be done all the same.
            for step in (camera.StopGrabbing, camera.Close, camera.DestroyDevice):
                try:
                    step()
                except genicam.GenericException as fault:
                    log.debug("camera %s: %s", self._settings.name, fault)
        self._resources.close()

    def _open_device(self) -> CameraInfo:
        device = self._find_device()
        playlist, self._images_size = None, None
        if self._is_emulated and self._settings.images is not None:
            playlist = Playlist(self._settings.images)
            self._resources.callback(playlist.close)
            self._images_size = playlist.size
        # A new one: the last camera's watch may still set the old one.
        self._removed = threading.Event()
        camera = self._camera = pylon.InstantCamera(
            pylon.TlFactory.GetInstance().CreateDevice(device)
        )
        # Cleanup_Delete: a watch that Python frees before its camera ends the process.
        watch = RemovalWatch(self._removed)
        camera.RegisterConfiguration(watch, pylon.RegistrationMode_Append, pylon.Cleanup_Delete)
        camera.Open()
        nodes = Nodes(camera.GetNodeMap(), genicam.GenericException)
        self._applied = configure(self._settings, nodes, playlist)
        if nodes.refused:
            raise CameraError(
                f"camera {self._settings.name} refuses its settings:\n  "
                + "\n  ".join(nodes.refused),
                hint="mend [[camera]] in the settings file",
            )
        self.lines.attach(camera.GetNodeMap())
        counting, self._chunk = count_frames(nodes, device.GetDeviceClass())
        self._results = GrabResults(counting, self._chunk)
        buffers = size_buffers(camera, int(nodes.read("PayloadSize")), self._chunk)
        started_ns = time.monotonic_ns()
        # OneByOne keeps every frame in order; the other strategies throw older ones away.
        camera.StartGrabbing(pylon.GrabStrategy_OneByOne)
        self._info = CameraInfo(
            model=device.GetModelName(),
            serial=device.GetSerialNumber(),
            width=self._applied.width,
            height=self._applied.height,
            pixel_format=delivered_format(self._applied.pixel_format),
            detail=f"{device.GetDeviceClass()}, {self._applied.detail}, {buffers} buffers, "
            f"frames counted by {self._chunk or 'block id'}",
            health=read_health(nodes),
            tick_ns=tick_ns(nodes),
            started_ns=started_ns,
            buffers=buffers,
        )
        return self._info

    def _adjust(self, before: CameraSettings, after: CameraSettings) -> list[str]:
        """Bring the camera from these settings to those; what it refuses, a line each."""
        camera = self._opened_camera()
        nodes = Nodes(camera.GetNodeMap(), genicam.GenericException)
        restarts = needs_restart(before, after)
        if restarts:
            camera.StopGrabbing()
        self._applied = adjust_nodes(before, after, nodes, self._images_size)
        if restarts:
            size_buffers(camera, int(nodes.read("PayloadSize")), self._chunk)
            self._results.begin_anew()
            self._info = replace(self._info, started_ns=time.monotonic_ns())
            camera.StartGrabbing(pylon.GrabStrategy_OneByOne)
        self._info = replace(self._info, width=self._applied.width, height=self._applied.height)
        return nodes.refused

    def _find_device(self) -> Any:
        serial = self._settings.serial
        if self._is_emulated:
            serial = self._emulated_serial = _EMULATED.take(serial, self._emulated_serial)
            self._resources.callback(_EMULATED.give_back, serial)
        devices = emulated_devices() if self._is_emulated else real_devices()
        return choose(devices, serial, self._settings.name)

    def _opened_camera(self) -> Any:
        if self._camera is None:
            raise CameraError(f"camera {self._settings.name} is not open", hint="open it first")
        return self._camera

    def _lost(self, why: str) -> CameraLostError:
        return CameraLostError(
            f"camera {self._settings.name} is lost: {why}",
            hint="check its power and cable; the station opens it again by itself",
        )
