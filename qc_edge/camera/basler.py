"""Basler cameras through pypylon, and pylon's own emulator on the same path.

Owns the device from open to close. Never reopens, never retries and never hides a failed grab: the
caller hears of every one.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from typing import Any

from qc_edge.camera import Camera, CameraInfo, Exposure, FailedGrab
from qc_edge.camera.configure import AppliedSettings, configure, count_frames
from qc_edge.camera.counter import CounterRange, next_number
from qc_edge.camera.devices import choose, own_pixels, refused_to_open
from qc_edge.camera.driver import genicam, pylon
from qc_edge.camera.emulator import DEVICE_CLASS, EmulatedDevices, Playlist
from qc_edge.camera.health import read_health
from qc_edge.camera.nodes import Nodes
from qc_edge.errors import CameraError, CameraLostError
from qc_edge.settings import CameraSettings

log = logging.getLogger(__name__)

_BUFFER_BYTES = 256 << 20
_BUFFERS = (10, 64)
_EMULATED = EmulatedDevices()


def connect(settings: CameraSettings) -> Camera:
    """The Basler camera of `settings` (backend `basler` or `emulated`), not opened yet."""
    return BaslerCamera(settings)


class BaslerCamera:
    """One InstantCamera for each `open`; after `CameraLostError` close and open again."""

    def __init__(self, settings: CameraSettings) -> None:
        self._settings = settings
        self._held = contextlib.ExitStack()
        self._camera: Any = None
        self._emulated_serial: str | None = None
        self._removed = threading.Event()
        self._in_force: AppliedSettings
        self._counting: CounterRange
        self._chunk: str | None = None
        self._number: int | None = None

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
            return self._opened()
        except genicam.GenericException as fault:
            self.close()
            raise refused_to_open(self._settings.name, str(fault)) from fault
        except CameraError:
            self.close()
            raise

    def trigger(self) -> None:
        """Wait until the camera takes a trigger, then fire one by software.

        Raises CameraLostError if the device is gone, or not ready within the exposure +
        `grab_timeout_s`.
        """
        camera = self._running()
        patience_s = self._settings.grab_timeout_s + (self._in_force.exposure_us or 0.0) / 1e6
        try:
            ready = not camera.CanWaitForFrameTriggerReady() or camera.WaitForFrameTriggerReady(
                math.ceil(patience_s * 1000), pylon.TimeoutHandling_Return
            )
            if ready:
                camera.TriggerSoftware.Execute()
                return
        except genicam.GenericException as fault:
            raise self._lost(str(fault)) from fault
        raise self._lost(f"not ready for a software trigger within {patience_s:g} s")

    def grab(self, timeout_s: float) -> Exposure | FailedGrab | None:
        """The next frame, a failed one, or None if none came within `timeout_s` seconds.

        After an unplug the frames that had arrived whole are still delivered; then CameraLostError.
        """
        camera = self._running()
        wait_ms = 0 if self._removed.is_set() else max(1, math.ceil(timeout_s * 1000))
        try:
            result = camera.RetrieveResult(wait_ms, pylon.TimeoutHandling_Return)
            now = time.monotonic_ns()
            if result.IsValid():
                try:
                    return self._received(result, now)
                finally:
                    result.Release()
            if self._removed.is_set() or camera.IsCameraDeviceRemoved():
                raise self._lost("it was unplugged, lost its power or its network")
            if not camera.IsGrabbing():
                raise self._lost("it stopped delivering frames")
        except genicam.GenericException as fault:
            raise self._lost(str(fault)) from fault
        return None

    def close(self) -> None:
        """Stop acquisition and let the device go. Never raises; may be called twice."""
        camera, self._camera = self._camera, None
        if camera is not None:
            for step in (camera.StopGrabbing, camera.Close, camera.DestroyDevice):
                try:
                    step()
                except genicam.GenericException as fault:
                    log.debug("camera %s: %s", self._settings.name, fault)
        self._held.close()

    def _opened(self) -> CameraInfo:
        device = self._find_device()
        playlist = None
        if self._emulates and self._settings.images is not None:
            playlist = Playlist(self._settings.images)
            self._held.callback(playlist.close)
        self._removed = threading.Event()
        camera = self._camera = pylon.InstantCamera(
            pylon.TlFactory.GetInstance().CreateDevice(device)
        )
        # Cleanup_Delete: a watch that Python frees before its camera ends the process.
        watch = _RemovalWatch(self._removed)
        camera.RegisterConfiguration(watch, pylon.RegistrationMode_Append, pylon.Cleanup_Delete)
        camera.Open()
        nodes = Nodes(camera.GetNodeMap(), genicam.GenericException)
        self._in_force = configure(self._settings, nodes, playlist)
        if nodes.refused:
            raise CameraError(
                f"camera {self._settings.name} refuses its settings:\n  "
                + "\n  ".join(nodes.refused),
                hint="mend [[camera]] in the settings file",
            )
        self._number = None
        self._counting, self._chunk = count_frames(nodes, device.GetDeviceClass())
        buffers = self._size_buffers(camera, int(nodes.read("PayloadSize")))
        camera.StartGrabbing(pylon.GrabStrategy_OneByOne)
        return CameraInfo(
            model=device.GetModelName(),
            serial=device.GetSerialNumber(),
            width=self._in_force.width,
            height=self._in_force.height,
            pixel_format="RGB8"
            if self._in_force.pixel_format == "BGR8"
            else self._in_force.pixel_format,
            detail=f"{device.GetDeviceClass()}, {self._in_force.detail}, {buffers} buffers, "
            f"frames counted by {self._chunk or 'block id'}",
            health=read_health(nodes),
        )

    @property
    def _emulates(self) -> bool:
        return self._settings.backend == "emulated"

    def _find_device(self) -> Any:
        serial = self._settings.serial
        if self._emulates:
            serial = self._emulated_serial = _EMULATED.take(serial, self._emulated_serial)
            self._held.callback(_EMULATED.give_back, serial)
        devices = _emulated_devices() if self._emulates else _real_devices()
        return choose(devices, serial, self._settings.name)

    def _size_buffers(self, camera: Any, payload: int) -> int:
        """Room for a burst: as many buffers as 256 MiB hold, 10 to 64."""
        fewest, most = _BUFFERS
        buffers = min(most, max(fewest, _BUFFER_BYTES // max(payload, 1)))
        instance = Nodes(camera.GetInstantCameraNodeMap(), genicam.GenericException)
        instance.put_if_there(buffers, "MaxNumBuffer")
        instance.put_if_there(True, "UseExtendedIdIfAvailable")
        instance.put_if_there(self._chunk is not None, "ChunkNodeMapsEnable")
        if self._chunk is not None:
            instance.put_if_there(buffers, "StaticChunkNodeMapPoolSize")
        return buffers

    def _received(self, result: Any, now: int) -> Exposure | FailedGrab:
        whole = result.GrabSucceeded()
        if self._chunk is None:
            raw = result.BlockID
        else:
            raw = (
                result.GetChunkNode(self._chunk).Value
                if whole and result.IsChunkDataAvailable()
                else None
            )
        self._number = next_number(self._number, raw, self._counting)
        if not whole:
            code = result.ErrorCode & 0xFFFF_FFFF
            return FailedGrab(f"{result.ErrorDescription} (code 0x{code:08x})", self._number)
        pixel_format = self._in_force.pixel_format
        pixels = own_pixels(result, pixel_format)
        return Exposure(
            pixels=pixels,
            pixel_format="RGB8" if pixel_format == "BGR8" else pixel_format,
            frame_number=self._number,
            timestamp=result.TimeStamp or None,
            monotonic_ns=now,
            exposure_us=self._in_force.exposure_us,
            gain_db=self._in_force.gain_db,
        )

    def _running(self) -> Any:
        if self._camera is None:
            raise CameraError(f"camera {self._settings.name} is not open", hint="open it first")
        return self._camera

    def _lost(self, why: str) -> CameraLostError:
        return CameraLostError(
            f"camera {self._settings.name} is lost: {why}",
            hint="check its power and cable; the station opens it again by itself",
        )


class _RemovalWatch(pylon.ConfigurationEventHandler):  # type: ignore[misc]
    """Told by pylon when the device goes away; asking the camera for every frame costs a
    millisecond.
    """

    def __init__(self, removed: threading.Event) -> None:
        super().__init__()
        self._removed = removed

    def OnCameraDeviceRemoved(self, camera: Any) -> None:  # noqa: ARG002, N802
        self._removed.set()


def _emulated_devices() -> list[Any]:
    emulated = pylon.DeviceInfo()
    emulated.SetDeviceClass(DEVICE_CLASS)
    return list(pylon.TlFactory.GetInstance().EnumerateDevices([emulated]))


def _real_devices() -> list[Any]:
    found = pylon.TlFactory.GetInstance().EnumerateDevices()
    return [device for device in found if device.GetDeviceClass() != DEVICE_CLASS]
