"""Whether the calibration of a camera, or of incoming frames, is there, whole and in date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from qc_edge.diagnostics.finding import Level, Seen, ok
from qc_edge.errors import CalibrationError
from qc_edge.records import calibrations
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths

DUE_SOON = timedelta(days=14)


def check_calibration(paths: StationPaths, camera: str, main: bool) -> Iterator[Seen]:
    """The record in force for `camera`: who made it, and until when it is good.

    `main` is False where frames may never come; starting bounds are then nothing to warn of.
    """
    record = calibrations.load_current(paths.calibration, camera)
    now = utc_now()
    again = f"qc-edge calibrate {paths.name}"
    if record.is_due(now):
        raise CalibrationError(
            f"expired on {record.due_at:%Y-%m-%d}: every part is held",
            hint=f"look at known-good parts: {again}",
        )
    about = f"by {record.made_by} on {record.made_at:%Y-%m-%d}, due {record.due_at:%Y-%m-%d}"
    if record.starting and main:
        yield (
            Level.WARNING,
            f"starting bounds {about}",
            f"they refuse only hopeless frames: {again}",
        )
    elif record.due_at - now < DUE_SOON:
        yield Level.WARNING, about, f"due soon: {again}"
    else:
        yield ok(f"starting bounds {about}" if record.starting else about)
