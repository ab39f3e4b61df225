"""Whether the calibration of a camera, or of incoming frames, is there, whole and in date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from qc_edge.diagnostics.finding import Finding, ok, warning
from qc_edge.errors import CalibrationError
from qc_edge.records import calibrations
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths

DUE_SOON = timedelta(days=14)


def check_calibration(paths: StationPaths, camera: str, expects_frames: bool) -> Iterator[Finding]:
    """The record in force for `camera`: who made it, and until when it is good.

    `expects_frames` is False where frames may never come; starting bounds are then nothing to warn
    of. Raises CalibrationError if there is no record, or it has expired.
    """
    record = calibrations.load_current(paths.calibration, camera)
    now = utc_now()
    command = f"qc-edge calibrate {paths.name}"
    if record.is_due(now):
        raise CalibrationError(
            f"expired on {record.due_at:%Y-%m-%d}: every part is held",
            hint=f"look at known-good parts: {command}",
        )
    about = f"by {record.made_by} on {record.made_at:%Y-%m-%d}, due {record.due_at:%Y-%m-%d}"
    if record.learning is not None:
        yield warning(
            f"learning from {record.learning} frames {about}: every part is held",
            f"when they are seen: {command} --camera {camera} --by YOU",
        )
    elif record.starting and expects_frames:
        yield warning(f"starting bounds {about}", f"they refuse only hopeless frames: {command}")
    elif record.due_at - now < DUE_SOON:
        yield warning(about, f"due soon: {command}")
    else:
        yield ok(f"starting bounds {about}" if record.starting else about)
