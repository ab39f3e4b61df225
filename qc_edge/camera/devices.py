"""What pylon's answers mean: which of the devices is meant, why one does not open, the pixels of a
grab.

Works on pylon's objects by their methods alone and imports no driver.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from qc_edge.camera import Pixels
from qc_edge.errors import CameraError


def choose(devices: Sequence[Any], serial: str | None, name: str) -> Any:
    """The device with that serial number, or the only one there is, for the camera `name`.

    Raises CameraError that lists what was found.
    """
    chosen = [device for device in devices if serial in (None, device.GetSerialNumber())]
    if len(chosen) == 1:
        return chosen[0]
    found = "; ".join(
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
            f"camera {name}: {len(devices)} cameras found and no `serial` set: {found}",
            hint="set `serial` to the one that is meant",
        )
    raise CameraError(
        f"camera {name}: no camera with serial number {serial} found, only {found}",
        hint="compare `serial` with the camera's label; check its power and cable",
    )


def refused_to_open(name: str, fault: str) -> CameraError:
    """The error for a device that pylon cannot open; `fault` is what pylon said."""
    said = fault.split(" : ", 1)[0].strip()
    if "another application" in said or "another client" in said or "0xE1018006" in said:
        return CameraError(
            f"camera {name} is held by another process: {said}",
            hint="close pylon Viewer or the other station; a GigE camera whose program was killed "
            "is "
            "free again after its heartbeat timeout",
        )
    return CameraError(
        f"camera {name} cannot be opened: {said}",
        hint="unplug it and plug it in again; see whether pylon Viewer opens it",
    )


def own_pixels(result: Any, pixel_format: str) -> Pixels:
    """The pixels of a whole grab as an array of their own: H x W, or H x W x 3 in RGB order.

    `pixel_format` is an unpacked one; uint8 if it has 8 bits, else uint16.
    """
    colour = pixel_format in ("RGB8", "BGR8")
    dtype = np.uint8 if colour or pixel_format.endswith("8") else np.uint16
    height, width = result.Height, result.Width * (3 if colour else 1)
    row = width * np.dtype(dtype).itemsize
    stride = row + result.PaddingX
    raw = np.frombuffer(result.GetImageMemoryView(), np.uint8, height * stride)
    copy: Pixels = raw.reshape(height, stride)[:, :row].copy().view(dtype)
    if not colour:
        return copy
    pixels: Pixels = copy.reshape(height, -1, 3)
    if pixel_format == "BGR8":
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)  # type: ignore[assignment]
    return pixels
