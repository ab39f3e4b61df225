"""What a station knows about its picture: a dated record per camera, with who made it and until
when.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FOCUS_MIN = 80.0
"""Variance of the 3x3 Laplacian below which a frame is too unsharp to be judged."""

STARTING_DAYS = 30
"""A station must be calibrated on its own parts within this many days of `qc-edge init`."""


@dataclass(frozen=True, slots=True)
class GateBounds:
    """What a frame must keep to be judged; a figure that equals its bound is within it.

    `focus_min` is a variance of gray values squared; brightness (mean) and contrast (standard
    deviation) are in gray values 0..255; shares are 0..1 of the pixels; `framing_score_min` is a
    correlation -1..1 and `framing_shift_max` a distance in pixels of the full frame, both None
    without a framing reference.
    """

    focus_min: float = FOCUS_MIN
    brightness_min: float = 10.0
    brightness_max: float = 245.0
    contrast_min: float = 3.0
    saturated_share_max: float = 0.25
    black_share_max: float = 0.9
    framing_score_min: float | None = None
    framing_shift_max: float | None = None


@dataclass(frozen=True, slots=True)
class FramingReference:
    """How the region looks with a part where it belongs: `width` x `height` gray bytes, row by
    row.
    """

    width: int
    height: int
    pixels: bytes

    def __post_init__(self) -> None:
        if len(self.pixels) != self.width * self.height:
            raise ValueError(
                f"{len(self.pixels)} bytes for {self.width} x {self.height} gray pixels: expected "
                f"{self.width * self.height}"
            )


@dataclass(frozen=True, slots=True)
class Calibration:
    """One dated record; the newest of a camera is in force, older ones stay.

    Times are aware UTC. `width`, `height` (pixels) and `bit_depth` (8..16) are None where any will
    do; `roi` is x, y, width, height of the region that is inspected, None for the whole frame;
    `scale_um_per_px` is micrometres per pixel of the full frame. `source` says in words which
    frames it was made from; `starting` is True until somebody has calibrated on real parts. `sizes`
    is the range of pictures that differ in size: least width and height, most width and height.
    `learning` is how many frames are to be seen, whatever they are like, before bounds are
    proposed: every part is held until another record is in force. `why` is the person's reason.
    """

    calibration_id: str
    station: str
    camera: str
    made_at: datetime
    made_by: str
    due_at: datetime
    source: str
    width: int | None = None
    height: int | None = None
    bit_depth: int | None = None
    roi: tuple[int, int, int, int] | None = None
    scale_um_per_px: float | None = None
    bounds: GateBounds = GateBounds()
    framing: FramingReference | None = None
    starting: bool = False
    sizes: tuple[int, int, int, int] | None = None
    learning: int | None = None
    why: str | None = None

    @property
    def size_words(self) -> str:
        """Which sizes of a picture fit, in pixels: `any` where all do."""
        if self.sizes is not None:
            return "{} x {} to {} x {}".format(*self.sizes)
        return f"{self.width} x {self.height}" if self.width and self.height else "any"

    def fits_size(self, width: int, height: int) -> bool:
        """Whether a picture of this size (pixels) fits."""
        if self.sizes is not None:
            least_width, least_height, most_width, most_height = self.sizes
            return least_width <= width <= most_width and least_height <= height <= most_height
        return width == (self.width or width) and height == (self.height or height)

    def is_due(self, now: datetime) -> bool:
        """Whether it has expired: frames judged on it from now on are held."""
        return now >= self.due_at


def calibration_record(identity: str) -> str:
    """The file of the calibration with this id, below the station's state directory.

    Its folder is the camera that it was made for: a view of another node may go by that of
    `incoming`.
    """
    return f"calibration/{identity.partition('Z-')[2]}/{identity}.toml"


def calibration_id(made_at: datetime, camera: str) -> str:
    """The id of the record that `camera` got at `made_at` (UTC): `20261122T101500Z-top`."""
    return f"{made_at:%Y%m%dT%H%M%S}Z-{camera}"


def learning_calibration(
    current: Calibration, now: datetime, made_by: str, frames: int, why: str | None = None
) -> Calibration:
    """What refuses no picture and holds every part, to see `frames` of them before bounds are
    proposed; the region and the scale stay those of `current`.
    """
    made_at = now.replace(microsecond=0)
    return Calibration(
        calibration_id=calibration_id(made_at, current.camera),
        station=current.station,
        camera=current.camera,
        made_at=made_at,
        made_by=made_by,
        due_at=made_at + timedelta(days=STARTING_DAYS),
        source=f"no frames: it learns from {frames}, and every part is held",
        roi=current.roi,
        scale_um_per_px=current.scale_um_per_px,
        bounds=GateBounds(
            focus_min=0.0,
            brightness_min=0.0,
            brightness_max=255.0,
            contrast_min=0.0,
            saturated_share_max=1.0,
            black_share_max=1.0,
        ),
        starting=True,
        learning=frames,
        why=why,
    )


def starting_calibration(station: str, camera: str, now: datetime) -> Calibration:
    """What a new station begins with: wide bounds that refuse only hopeless frames, due soon."""
    made_at = now.replace(microsecond=0)
    return Calibration(
        calibration_id=calibration_id(made_at, camera),
        station=station,
        camera=camera,
        made_at=made_at,
        made_by="qc-edge init",
        due_at=made_at + timedelta(days=STARTING_DAYS),
        source="no frames: wide bounds to start with, run qc-edge calibrate on known-good parts",
        starting=True,
    )
