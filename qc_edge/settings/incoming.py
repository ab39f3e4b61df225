"""The section [incoming]: frames that other machines drop into the spool."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from qc_edge.settings.name_pattern import NamePattern
from qc_edge.settings.section import Section

INCOMING = "incoming"
"""Stands for a camera's name where a frame comes from spool/incoming/: in frame ids, in
calibrations.
"""


class IncomingSettings(Section):
    """Frames that other acquisition nodes drop into spool/incoming/."""

    enabled: bool = Field(default=True, description="Take files from spool/incoming/.")
    part_id_pattern: str | None = Field(
        default=None,
        description="Regular expression (RE2) on the whole file name; the group `part`, or the "
        "first if none has that name, is the part id.",
    )
    part_id: Literal["counter", "required"] = Field(
        default="counter",
        description="What a file without a part id means. counter: its part is counted. required: "
        "HOLD, reason no_part_id.",
    )
    repeated_frames: bool = Field(
        default=True,
        description="Hold a file whose picture, bit by bit, came before within `repeat_window_s`; "
        "false for rendered pictures.",
    )
    repeated_part_ids: bool = Field(
        default=True,
        description="Hold a part with the id of the part before it from the same camera, within "
        "`repeat_window_s`; false where several views or a second try bring it again.",
    )
    repeat_window_s: float = Field(
        default=3600.0,
        gt=0,
        description="A picture or part id that came longer ago is no repeat (s), for files and "
        "cameras.",
    )
    sidecar: Literal["optional", "required", "none"] = Field(
        default="optional",
        description="NAME.json beside NAME.png, there before the image. required: wait for it, at "
        "most `sidecar_wait_s`, and it may come after the image.",
    )
    sidecar_wait_s: float = Field(default=5.0, gt=0, description="Wait for a required sidecar (s).")
    sidecar_apart_s: float = Field(
        default=10.0,
        gt=0,
        description="A sidecar that was written longer than this (and `sidecar_wait_s`) before or "
        "after its image is doubtful (s).",
    )
    settle_s: float = Field(
        default=2.0,
        ge=0.1,
        description="A file that nobody announced as finished is taken when unchanged this long "
        "(s).",
    )
    max_megapixels: float = Field(default=100.0, gt=0, le=268, description="Larger is refused.")
    max_decoded_mb: float = Field(
        default=600.0,
        gt=0,
        description="A picture that takes more memory once decoded is refused by its header (MB).",
    )
    max_file_mb: float = Field(default=512.0, gt=0, description="Larger files are refused (MB).")

    age: Literal["hold", "arrival", "none"] = Field(
        default="hold",
        description="A dropped frame of unknown age is held, counted from its arrival, or (none, "
        "for lots that wait for nobody) has no deadline, like all dropped frames.",
    )
    time_zone: str | None = Field(
        default=None,
        description="Zone of times in sidecars that have none, such as Europe/Berlin; without it "
        "the age of such a frame is unknown.",
    )

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (ValueError, OSError) as fault:  # ZoneInfoNotFoundError is a KeyError
                raise ValueError(f"is no time zone: {fault}") from fault
            except KeyError:
                raise ValueError(
                    "is no time zone that this box knows: expected a name such as Europe/Berlin or "
                    "UTC; Debian has them in the package tzdata"
                ) from None
        return name

    @field_validator("part_id_pattern")
    @classmethod
    def _pattern_compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            NamePattern(pattern)  # raises ValueError
        return pattern
