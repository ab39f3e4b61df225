"""What pylon's objects say: which device is meant, why one does not open, the pixels of a grab,
how long a tick of its clock is.

Uses their methods alone and imports no driver, so tests can hand in objects of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import cv2
import numpy as np

from qc_edge.camera import Pixels
from qc_edge.camera.nodes import Nodes
from qc_edge.errors import CameraError

_NANOSECOND = 1.0


def choose(devices: Sequence[Any], serial: str | None, name: str) -> Any:
    """The device with that serial number, or the only one there is, for the camera `name`.

    Raises CameraError that lists the devices that are there. Several devices and no serial number
    are an error: which camera is meant must not hang on the order in which pylon lists them.
    """
    chosen = [device for device in devices if serial in (None, device.GetSerialNumber())]
    if len(chosen) == 1:
        return chosen[0]
    listed = "; ".join(
        f"{device.GetModelName()} {device.GetSerialNumber()} ({device.GetDeviceClass()})"
        for device in devices
    )
    if not devices:
        raise CameraError(
            f"camera {name}: no Basler camera found",
            hint="power, cable, USB permissions (udev rules), IP address of a GigE camera in this "
            "subnet",
        )
    if serial is None:
        raise CameraError(
            f"camera {name}: {len(devices)} cameras found and no `serial` set: {listed}",
            hint="set `serial` to the one that is meant",
        )
    raise CameraError(
        f"camera {name}: no camera with serial number {serial} found, only {listed}",
        hint="compare `serial` with the camera's label; check its power and cable",
    )


def cannot_open(name: str, pylon_message: str) -> CameraError:
    """The error for a device that pylon cannot open, with the hint that fits pylon's message."""
    cause = pylon_message.split(" : ", 1)[0].strip()  # then comes a place in GenICam's own source
    # pylon raises one class of exception for every reason; only its text tells them apart.
    if "another application" in cause or "another client" in cause or "0xE1018006" in cause:
        return CameraError(
            f"camera {name} is held by another process: {cause}",
            hint="close pylon Viewer or the other station; a GigE camera whose program was killed "
            "is free again after its heartbeat timeout",
        )
    return CameraError(
        f"camera {name} cannot be opened: {cause}",
        hint="unplug it and plug it in again; see whether pylon Viewer opens it",
    )


def copy_pixels(result: Any, pixel_format: str) -> Pixels:
    """The pixels of a whole grab as an array of their own: H x W, or H x W x 3 in RGB order.

    `pixel_format` is an unpacked one; uint8 if it has 8 bits, else uint16.
    """
    colour = pixel_format in ("RGB8", "BGR8")
    dtype = np.uint8 if colour or pixel_format.endswith("8") else np.uint16
    height, samples = result.Height, result.Width * (3 if colour else 1)
    row_bytes = samples * np.dtype(dtype).itemsize
    stride = row_bytes + result.PaddingX
    # The buffer is pylon's: after Release() it is filled with another frame. So the pixels are
    # copied, once, and the padding that some cameras put behind each row is left out on the way.
    raw = np.frombuffer(result.GetImageMemoryView(), np.uint8, height * stride)
    copy = cast("Pixels", raw.reshape(height, stride)[:, :row_bytes].copy().view(dtype))
    if not colour:
        return copy
    pixels: Pixels = copy.reshape(height, -1, 3)
    if pixel_format == "BGR8":
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)  # type: ignore[assignment]
    return pixels


def delivered_format(camera_format: str) -> str:
    """The pixel format of a frame as it leaves this package, where BGR has become RGB."""
    return "RGB8" if camera_format == "BGR8" else camera_format


def tick_ns(nodes: Nodes) -> float:
    """The length of a tick (ns) of the opened camera's timestamps.

    GigE cameras tell their clock's frequency: 125 MHz for ace Classic, 1 GHz while PTP sets it.
    USB 3 cameras, ace 2 and boost have no such node and count nanoseconds (Basler's product
    documentation, Timestamp). The emulator has neither: it stamps its frames with 0, which is none.
    """
    frequency_hz = nodes.read_optional("GevTimestampTickFrequency")
    return 1e9 / float(frequency_hz) if frequency_hz else _NANOSECOND
