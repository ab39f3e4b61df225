"""The devices that pylon lists: real cameras, or those of its emulator. Opens none."""

from __future__ import annotations

from typing import Any

from qc_edge.camera.driver import pylon
from qc_edge.camera.emulator import DEVICE_CLASS


def emulated_devices() -> list[Any]:
    """Those of pylon's emulator."""
    emulated = pylon.DeviceInfo()
    emulated.SetDeviceClass(DEVICE_CLASS)
    return list(pylon.TlFactory.GetInstance().EnumerateDevices([emulated]))


def real_devices() -> list[Any]:
    """All but those of the emulator."""
    # A station whose settings ask for a real camera never falls back to the emulator, also where
    # PYLON_CAMEMU is set.
    devices = pylon.TlFactory.GetInstance().EnumerateDevices()
    return [device for device in devices if device.GetDeviceClass() != DEVICE_CLASS]
