"""When a frame was exposed, as far as its row knows; a time that is only a bound is called one."""

from __future__ import annotations

from datetime import datetime

from qc_edge.domain.frame import ExposureSource
from qc_edge.domain.inspection import Inspection

_KNOWN_BY = {
    ExposureSource.CAMERA_CLOCK: "by the camera's clock",
    ExposureSource.ARRIVAL: "by its arrival: it came while it was waited for",
    ExposureSource.NODE_CLOCK: "by the other machine's clock",
}


def is_exposure_known(row: Inspection) -> bool:
    """True if `captured_at` is the time of the exposure, and not a bound or a stand-in for it."""
    return row.exposure_source in _KNOWN_BY and not _counts_from_arrival(row)


def describe_exposure(row: Inspection) -> str:
    """When the frame was exposed, and how that is known; or that it is not, and what is."""
    return f"{_statement(row)}{'' if row.clock_trusted else ', clock not trusted'}"


def exposure_entry(row: Inspection) -> str:
    """What happened at `captured_at`, for the timeline."""
    if is_exposure_known(row):
        return "exposed"
    if row.exposure_source is ExposureSource.EARLIEST:
        return "exposed at the earliest"
    if row.exposure_source is ExposureSource.FILE_TIME:
        return "its file was written; when it was exposed is not known"
    if row.exposure_source is None:
        return "time of the frame; whether of its exposure was not recorded"
    return "it came; when it was exposed is not known"


def _statement(row: Inspection) -> str:
    at = _moment(row.captured_at)
    if row.exposure_source in _KNOWN_BY and not _counts_from_arrival(row):
        return f"{at}, {_KNOWN_BY[row.exposure_source]}"
    if row.exposure_source is ExposureSource.EARLIEST:
        until = f", at the latest {_moment(row.retrieved_at)}" if row.retrieved_at else ""
        return f"not known exactly: at the earliest {at}{until}"
    if row.exposure_source is ExposureSource.FILE_TIME:
        return f"not known: its file was written {at}"
    if row.exposure_source is None:
        return f"not recorded: the row has only its time, {at}"
    return f"not known: the row has {at}"


def _counts_from_arrival(row: Inspection) -> bool:
    """A dropped file of unknown age that `incoming.age = "arrival"` counts from its arrival."""
    return row.exposure_source is ExposureSource.ARRIVAL and row.original_name is not None


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f} UTC"
