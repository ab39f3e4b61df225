"""Whether a camera can be opened and delivers a frame of the size it was calibrated for."""

from __future__ import annotations

import time
from collections.abc import Iterator

from qc_edge.camera import Camera, Exposure, connect
from qc_edge.camera.health import Health
from qc_edge.diagnostics.finding import Finding, ok, warning
from qc_edge.domain.calibration import Calibration
from qc_edge.errors import CalibrationError, CameraError
from qc_edge.records import calibrations
from qc_edge.service.lock import holder_of
from qc_edge.settings import CameraSettings, StationPaths, Trigger

HOT_C = 70.0
"""Of the core board. Basler's ace calls 75 degrees critical and turns itself off above 80."""

SLOW_LINK_MBPS = 1000.0


def check_camera(paths: StationPaths, settings: CameraSettings) -> Iterator[Finding]:
    """Open the camera and take one frame of the calibrated size.

    The camera of a running station is left alone: only one process can open a camera, and taking it
    away would stop the line. One that waits for a hardware trigger is opened, but not asked for a
    frame. Raises CameraError, and CalibrationError for another size than the calibrated one.
    """
    if holder := holder_of(paths.lock("capture")):
        yield ok(
            f"in use by the running station, process {holder['pid']}; qc-edge status {paths.name}"
        )
        return
    # Only one process can have a camera open: it must be closed again whatever happens.
    device = connect(settings)
    try:
        info = device.open()
        message = f"{info.model} {info.serial}, {info.width} x {info.height} {info.pixel_format}"
        yield ok(f"{message}; {info.detail}" if info.detail else message)
        yield from check_health(info.health)
        if settings.trigger is Trigger.HARDWARE:
            yield ok(f"waits for its trigger on {settings.trigger_line}: no frame was asked for")
            size = info.width, info.height
        else:
            frame = _first_frame(device, settings)
            height, width = frame.pixels.shape[:2]
            yield ok(f"delivers frames: {width} x {height} {frame.pixel_format}")
            size = width, height
    finally:
        device.close()
    try:
        calibration = calibrations.load_current(paths.calibration, settings.name)
    except CalibrationError:
        return  # check_calibration reports it, where this machine inspects
    _require_calibrated_size(size, calibration)


def check_health(health: Health) -> Iterator[Finding]:
    """The camera's temperature and its link, where it tells them."""
    degrees = health.temperature_c
    state = health.temperature_state
    if degrees is not None or state is not None:
        figure = f"{degrees:.0f} °C" if degrees is not None else "temperature"
        message = f"{figure} {state or ''}".strip()
        # Older cameras tell degrees alone, some tell a state alone: "Ok", "Critical", "Error".
        is_critical = (state or "Ok").lower() not in {"ok", "normal"}
        if is_critical or (degrees or 0) >= HOT_C:
            yield warning(
                f"hot: {message}", "mount it on metal, free its housing, lower the frame rate"
            )
        else:
            yield ok(message)
    if (mbps := health.link_mbps) is not None:
        message = f"its link runs at {mbps:,.0f} Mbit/s"
        if mbps < SLOW_LINK_MBPS:
            yield warning(message, "below gigabit or USB 3: another cable, port or switch")
        else:
            yield ok(message)


def _first_frame(device: Camera, settings: CameraSettings) -> Exposure:
    """The first whole frame, within the time after which the station would report silence."""
    deadline = time.monotonic() + settings.silence_s
    failed = 0
    while time.monotonic() < deadline:
        if settings.trigger is Trigger.SOFTWARE:
            device.trigger()
        grabbed = device.grab(settings.grab_timeout_s)
        if isinstance(grabbed, Exposure):
            return grabbed
        failed += grabbed is not None
    raise CameraError(
        f"no whole frame came within {settings.silence_s:g} s ({failed} failed)",
        hint="look at the trigger, the exposure time and, on GigE, the packet size",
    )


def _require_calibrated_size(size: tuple[int, int], calibration: Calibration) -> None:
    calibrated = calibration.width or size[0], calibration.height or size[1]
    if size != calibrated:
        raise CalibrationError(
            f"frames are {size[0]} x {size[1]}, calibrated for {calibrated[0]} x {calibrated[1]}",
            hint=f"set `roi` back, or calibrate anew: qc-edge calibrate {calibration.station}",
        )


def check_frame_source() -> Iterator[Finding]:
    """The finding on a station that has neither a camera nor an incoming directory."""
    yield warning("no camera and no incoming frames", "add a [[camera]], or set incoming.enabled")
