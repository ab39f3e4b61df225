"""The row of pictures that a rule of the settings has deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from qc_edge.domain.frame import FrameId


@dataclass(frozen=True, slots=True)
class Deletion:
    """The pictures of one inspection that go at once; durable before the first of them is gone.

    `pictures` are names of `EvidenceClass` with blanks between, `bytes` what they took on the disk.
    schema.sql says what each column means.
    """

    TABLE: ClassVar[str] = "deletions"

    deletion_id: str
    recorded_at: datetime
    station: str
    frame_id: FrameId
    part_id: str
    pictures: str
    raw_sha256: str | None
    prepared_sha256: str | None
    map_sha256: str | None
    bytes: int
    retention_class: str
    rule: str
