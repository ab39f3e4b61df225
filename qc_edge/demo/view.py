"""One moment of the demo, with everything that the display shows of it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from qc_edge.capture.state import CaptureState
from qc_edge.demo.announcements import AnnouncedParts
from qc_edge.station.status import Status


class Phase(str, Enum):
    """What the demo is doing; the value is what the display says."""

    RENDERING = "rendering parts"
    STARTING = "starting the station"
    RUNNING = "inspecting"
    TWO_CAMERAS = "two cameras look at each part"
    CHANGEOVER = "changing over to another product"
    DRAINING = "the camera rests, the spool runs empty"
    STOPPING = "stopping the station"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class View:
    """What the demo is doing, how far it is, and how the station is.

    `done` of `total` of the phase are over: parts while rendering, seconds otherwise. `state` is
    the station's state directory, `status` its last status, `camera` the counts of its capture,
    `spool` the number of files that wait. `warnings` and `last_warning` come from its log.
    """

    phase: Phase
    done: float
    total: float
    announced: AnnouncedParts
    state: Path
    status: Status | None = None
    camera: CaptureState | None = None
    spool: int = 0
    warnings: int = 0
    last_warning: str = ""
