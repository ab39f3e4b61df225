"""One exposure and where it came from: the metadata that travels with the pixels."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from enum import Enum
from typing import Any, NewType

FrameId = NewType("FrameId", str)
"""`20261122T234540123456Z-top`: UTC to the microsecond, then the camera (or `incoming`).

Unique across restarts and clock steps, and sorts by time as plain text.
"""


class ExposureSource(str, Enum):
    """Where the time of an exposure comes from; the codes stand in the rows."""

    CAMERA_CLOCK = "camera_clock"
    ARRIVAL = "arrival"
    """The camera has no clock; the frame came while it was waited for, so it is as old as that."""
    EARLIEST = "earliest"
    """The camera has no clock, and the frame lay ready: the earliest moment at which it can be."""
    NODE_CLOCK = "node_clock"
    """Another machine says so, with a clock that can be compared with this one."""
    FILE_TIME = "file_time"
    """When the file was written."""
    UNKNOWN = "unknown"

    __str__ = str.__str__


def frame_id(micros: int, source: str) -> FrameId:
    """The id of the frame that `source` delivered `micros` microseconds after the epoch (UTC)."""
    seconds, fraction = divmod(micros, 1_000_000)
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return FrameId(f"{moment:%Y%m%dT%H%M%S}{fraction:06d}Z-{source}")


def frame_id_micros(frame: FrameId) -> int:
    """Microseconds since the epoch held in a frame id. Raises ValueError if it is none."""
    stamp, _, source = frame.partition("Z-")
    if not source or len(stamp) != 21:
        raise ValueError(f"{frame!r} is no frame id: expected YYYYMMDDTHHMMSSffffffZ-SOURCE")
    moment = datetime.strptime(stamp, "%Y%m%dT%H%M%S%f").replace(tzinfo=timezone.utc)
    return round((moment - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds() * 1_000_000)


@dataclass(frozen=True, slots=True)
class Frame:
    """What is known of a frame before anyone has looked at its pixels.

    Times: `captured_at` (aware UTC) and `monotonic_ns` (CLOCK_MONOTONIC of boot `boot_id`) are
    those of the exposure, as `exposure_source` tells; `retrieved_at` (aware UTC) and `retrieved_ns`
    (CLOCK_MONOTONIC) are those at which the camera's driver handed the frame over. The monotonic
    ones are None for a frame made elsewhere. `camera_timestamp` is in ticks of the camera's clock.
    `clock_trusted` is False when the wall clock was not synchronised or had been stepped back.
    """

    frame_id: FrameId
    camera: str
    captured_at: datetime
    clock_trusted: bool
    monotonic_ns: int | None = None
    boot_id: str | None = None
    camera_serial: str | None = None
    camera_frame_number: int | None = None
    camera_timestamp: int | None = None
    pixel_format: str | None = None
    part_id: str | None = None
    lot: str | None = None
    exposure_us: float | None = None
    gain_db: float | None = None
    original_name: str | None = None
    retrieved_at: datetime | None = None
    retrieved_ns: int | None = None
    exposure_source: ExposureSource | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields that are set, JSON-ready: times as ISO 8601 UTC."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        values["captured_at"] = self.captured_at.isoformat()
        if self.retrieved_at is not None:
            values["retrieved_at"] = self.retrieved_at.isoformat()
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Frame:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError on foreign content."""
        names = {field.name for field in fields(cls)}
        kept = {name: value for name, value in values.items() if name in names}
        kept["captured_at"] = datetime.fromisoformat(kept["captured_at"])
        if "retrieved_at" in kept:
            kept["retrieved_at"] = datetime.fromisoformat(kept["retrieved_at"])
        if "exposure_source" in kept:
            kept["exposure_source"] = ExposureSource(kept["exposure_source"])
        frame_id_micros(kept["frame_id"])
        return cls(**kept)
