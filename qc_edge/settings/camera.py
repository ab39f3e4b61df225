"""One [[camera]] of the settings file: what it is, what triggers it, how it exposes."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from qc_edge.settings.section import Name, Section, Text


class Trigger(str, Enum):
    """What makes the camera expose."""

    FREE = "free"
    HARDWARE = "hardware"
    SOFTWARE = "software"

    __str__ = str.__str__


class CameraSettings(Section):
    """One camera."""

    name: Name = Field(description="Stands in every frame id: top, left, weld-2.")
    backend: Literal["basler", "emulated", "folder", "scripted"] = Field(
        default="basler",
        description="basler: a real device. emulated: pylon's emulator plays `images`. folder: "
        "plays `images` without pylon. scripted: faults for tests.",
    )
    serial: Text | None = Field(
        default=None, description="Serial number; without it the only camera found is taken."
    )
    trigger: Trigger = Field(default=Trigger.FREE, description="What makes the camera expose.")
    rate_hz: float | None = Field(
        default=None,
        gt=0,
        le=1000,
        validate_default=True,
        description="Frames per second: free run and folder, or this station's own software "
        "triggers.",
    )
    trigger_line: Text = Field(default="Line1", description="Input of the hardware trigger.")
    trigger_edge: Literal["RisingEdge", "FallingEdge"] = Field(
        default="RisingEdge", description="Edge of the hardware trigger."
    )
    exposure_us: float | None = Field(default=None, gt=0, description="Exposure time (us).")
    gain_db: float | None = Field(
        default=None, ge=0, le=48, description="Analogue gain (dB; raw units on older cameras)."
    )
    pixel_format: str | None = Field(
        default=None,
        pattern="^(Mono(8|10|12|16)|Bayer(RG|GB|GR|BG)(8|10|12|16)|RGB8|BGR8)$",
        description="Mono8, Mono10, Mono12, Mono16, BayerRG8 ..., RGB8, BGR8.",
    )
    roi: tuple[int, int, int, int] | None = Field(
        default=None, description="Region read out of the sensor: [x, y, width, height] (pixels)."
    )
    packet_size: int | None = Field(
        default=None, ge=576, le=16000, description="GigE packet size (bytes): the link's MTU."
    )
    grab_timeout_s: float = Field(
        default=1.0,
        gt=0,
        le=2,
        description="One wait for a frame (s). With free run or own triggers, no frame in "
        "`silence_s` is reported.",
    )
    silence_s: float = Field(
        default=5.0,
        gt=0,
        description="No frame for this long from a camera that should deliver is said aloud (s).",
    )
    images: Path | None = Field(
        default=None,
        validate_default=True,
        description="Directory that an emulated or folder camera plays, in name order; a relative "
        "path starts at the settings file.",
    )
    repeat: bool = Field(default=True, description="Folder camera: start again after the last.")

    repeated_frames: bool | None = Field(
        default=None,
        description="Hold a frame whose pixels came before within incoming.repeat_window_s: the "
        "camera is frozen. Default: true for basler, false for backends that play pictures.",
    )

    @property
    def holds_repeated_frames(self) -> bool:
        """True if equal pixels are never two exposures of this camera."""
        return self.backend == "basler" if self.repeated_frames is None else self.repeated_frames

    @field_validator("roi")
    @classmethod
    def _roi_is_a_region(cls, roi: tuple[int, int, int, int] | None) -> object:
        if roi and (min(roi[:2]) < 0 or min(roi[2:]) < 1):
            raise ValueError("expected [x, y, width, height] with x, y >= 0 and width, height >= 1")
        return roi

    @field_validator("images")
    @classmethod
    def _folder_has_images(cls, images: Path | None, info: ValidationInfo) -> Path | None:
        if images is None and info.data.get("backend") == "folder":
            raise ValueError("missing; backend 'folder' plays a directory: images = \"/path\"")
        return images and (info.context or {}).get("base", Path()) / images

    @field_validator("rate_hz")
    @classmethod
    def _folder_has_a_rate(cls, rate: float | None, info: ValidationInfo) -> float | None:
        if rate is None and info.data.get("backend") == "folder":
            raise ValueError(
                "missing; backend 'folder' needs its frames per second: rate_hz = 10.0"
            )
        return rate
