"""What one camera has done since the station started: for status, metrics and the demo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qc_edge.camera import CameraInfo

NOT_OPENED = "not opened yet"


@dataclass(slots=True)
class CaptureState:
    """The counters of one camera: written by its capture thread alone, read by any without a lock.

    triggers = spooled + lost, always.
    """

    name: str
    connected: bool = False
    detail: str = NOT_OPENED
    info: CameraInfo | None = None
    triggers: int = 0
    spooled: int = 0
    lost: int = 0
    reopened: int = 0
    last_frame_at: datetime | None = None
