"""Parts as the inspector announces them."""

from __future__ import annotations

import time

from qc_edge.domain.frame import ExposureSource, FrameId
from qc_edge.domain.parts.told import ToldPart, told_alone
from qc_edge.domain.verdict import Disposition, Reason, Verdict
from qc_edge.service.clock import utc_now
from tests.demo.rows import inspection


def told_part(number: int, disposition: Disposition) -> ToldPart:
    """A part of one frame, exposed now by the camera's own clock."""
    row = inspection(
        number,
        frame_id=FrameId(f"20260101T000000{number:06d}Z-top"),
        part_id=str(number),
        part_source="counter",
        recorded_at=utc_now(),
        disposition=disposition,
        verdict=Verdict.PASS,
        reason=Reason.SCORE_BELOW_THRESHOLD,
        hold_reason=None,
        monotonic_ns=time.monotonic_ns(),
        boot_id="boot",
        exposure_source=ExposureSource.CAMERA_CLOCK,
    )
    return told_alone(row)
