"""Cameras: where frames come from. Each backend is a module here, imported when it is used.

A camera delivers exposures and says what it lost; it never touches the disk, never retries behind
the caller's back and never hides a failed grab.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from qc_edge.camera.health import UNKNOWN, Health
from qc_edge.settings import CameraSettings

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""H x W (mono, raw Bayer) or H x W x 3 (RGB order), uint8 or uint16."""


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """The device that was opened.

    `tick_ns` is the length of a tick of `Exposure.timestamp`, None for a camera without a clock.
    `started_ns` is CLOCK_MONOTONIC when it began to expose; `buffers` frames at most wait in its
    driver; None where that is not known.
    """

    model: str
    serial: str
    width: int
    height: int
    pixel_format: str
    detail: str = ""
    health: Health = UNKNOWN
    tick_ns: float | None = None
    started_ns: int | None = field(default=None, compare=False)
    buffers: int | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """One frame as the camera delivered it.

    `pixels` belongs to the caller (it is a copy). `frame_number` is the camera's own counter and
    never skips unless the camera lost a frame; `timestamp` is in ticks of the camera's clock.
    `monotonic_ns` is CLOCK_MONOTONIC when the frame reached this process. `lay_ready`: it had
    waited in the driver's queue before it was asked for, nobody knows how long.
    """

    pixels: Pixels
    pixel_format: str
    frame_number: int | None
    timestamp: int | None
    monotonic_ns: int
    exposure_us: float | None = None
    gain_db: float | None = None
    lay_ready: bool = False


@dataclass(frozen=True, slots=True)
class FailedGrab:
    """A trigger whose frame did not arrive whole. It was a trigger: it counts as known-lost."""

    reason: str
    frame_number: int | None = None


class Camera(Protocol):
    """One camera, used by one capture thread. Opened again after `CameraLostError`."""

    @property
    def counts_frames(self) -> bool:
        """True if `frame_number` reveals lost frames (a gap in it is a loss)."""

    def open(self) -> CameraInfo:
        """Find the device, apply the settings, start acquisition.

        Raises CameraError if it is not there, is held by someone else or refuses a setting.
        """

    def trigger(self) -> None:
        """Fire one software trigger. Raises CameraLostError if the device is gone."""

    def grab(self, timeout_s: float) -> Exposure | FailedGrab | None:
        """The next frame, a failed one, or None if none came within `timeout_s` seconds.

        Raises CameraLostError when the device has been removed or no longer answers.
        """

    def adjust(self, settings: CameraSettings) -> CameraInfo:
        """From the next frame on expose by the exposure time, gain and region of `settings`; what
        is in force is read back.

        Raises CameraError if the camera refuses or stands at another value: then those before are
        set again. What it has delivered is to be taken before: a new region makes it begin anew.
        """

    def close(self) -> None:
        """Stop acquisition and release the device. Never raises; may be called twice."""


BACKENDS = {"basler": "basler", "emulated": "basler", "folder": "folder", "scripted": "scripted"}
"""Backend in the settings -> module in this package, which has `connect(settings) -> Camera`."""


def connect(settings: CameraSettings) -> Camera:
    """The camera of these settings, not opened yet. Raises CameraError if its driver is missing."""
    module = importlib.import_module(f"{__name__}.{BACKENDS[settings.backend]}")
    camera: Camera = module.connect(settings)
    return camera
