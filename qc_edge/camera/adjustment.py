"""A Basler camera whose exposure, gain or region another product needs otherwise: set, and read
back.
"""

from __future__ import annotations

from collections.abc import Iterator

from qc_edge.camera.configuration import (
    AppliedSettings,
    read_back,
    set_exposure_and_gain,
    set_region,
)
from qc_edge.camera.nodes import Nodes
from qc_edge.settings import CameraSettings

_EXPOSURE_SHARE = 0.01
_EXPOSURE_US = 50.0
_GAIN_DB = 0.1
"""Cameras set exposure and gain in steps: up to 35 us on older GigE ones, 0.036 dB at most."""


def needs_restart(before: CameraSettings, after: CameraSettings) -> bool:
    """True if the camera has to stop for it: its region is locked while it acquires."""
    return before.roi != after.roi


def adjust_nodes(
    before: CameraSettings, after: CameraSettings, nodes: Nodes, size: tuple[int, int] | None
) -> AppliedSettings:
    """Set what differs and read back what is in force; what is refused, or reads back otherwise, is
    in `nodes.refused`. `size` is that of the images which the emulator plays.
    """
    if needs_restart(before, after):
        set_region(after, nodes, size)
    set_exposure_and_gain(after, nodes)
    applied = read_back(after, nodes)
    nodes.refused += _misread(after, applied)
    return applied


def _misread(settings: CameraSettings, applied: AppliedSettings) -> Iterator[str]:
    wanted, got = settings.exposure_us, applied.exposure_us
    tolerance = max(_EXPOSURE_US, _EXPOSURE_SHARE * wanted) if wanted is not None else 0.0
    if wanted is not None and (got is None or abs(got - wanted) > tolerance):
        yield f"exposure_us: {wanted:g} was set, the camera stands at {got}"
    gain, stands_at = settings.gain_db, applied.gain_db
    if gain is not None and stands_at is not None and abs(stands_at - gain) > _GAIN_DB:
        yield f"gain_db: {gain:g} was set, the camera stands at {stands_at:g}"
    if settings.roi is not None and settings.roi[2:] != (applied.width, applied.height):
        yield (
            f"roi: {settings.roi[2]} x {settings.roi[3]} was set, the camera stands at "
            f"{applied.width} x {applied.height}"
        )
