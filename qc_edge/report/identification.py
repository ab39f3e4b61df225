"""What judged a part: names, versions, digests and times, as lines of a report."""

from __future__ import annotations

from qc_edge.domain.printable import printable
from qc_edge.domain.station_calendar import UTC_CALENDAR
from qc_edge.report.announcement import describe_announcement
from qc_edge.report.exposure import describe_exposure
from qc_edge.report.part_report import ExaminedInspection


def identification(inspection: ExaminedInspection) -> list[tuple[str, str]]:
    """What judged the part, where and by which settings, as (name, value)."""
    row, calibration = inspection.row, inspection.calibration
    serial = f", serial number {row.camera_serial}" if row.camera_serial else ""
    number = f", its frame {row.camera_frame_number}" if row.camera_frame_number is not None else ""
    in_date = "in date" if row.calibration_in_date else "PAST ITS DUE DATE"
    lines = [
        ("part", f"{printable(row.part_id)} ({_source(row.part_source)})"),
        ("lot", printable(row.lot or "not given")),
        ("station", row.station + (", simulated camera" if row.simulated else "")),
        ("camera", f"{row.camera}{serial}{number}"),
        ("exposed", describe_exposure(row)),
        ("recorded", f"{row.recorded_at:%Y-%m-%d %H:%M:%S.%f} UTC"),
        *_at_the_station(inspection),
        ("announced", describe_announcement(inspection.logged)),
        ("frame", row.frame_id),
        ("model", f"{row.model_name}@{row.model_version}, sha256 {row.model_sha256}"),
        ("engine", f"{row.engine_backend} {row.engine_version} on {row.engine_device}"),
        (
            "threshold",
            f"{row.threshold:g}, review within {row.review_band:g} of it; from {row.threshold_id}",
        ),
        ("calibration", f"{row.calibration_id}, {in_date}"),
    ]
    if calibration is not None:
        made, due = f"{calibration.made_at:%Y-%m-%d}", f"{calibration.due_at:%Y-%m-%d}"
        lines.append(("calibrated", f"{made} by {calibration.made_by}, due {due}"))
    since = {True: ", as today", False: ", changed since", None: ""}[inspection.settings_unchanged]
    lines += [
        ("preprocessing", row.preprocess_id),
        ("software", row.software_version),
        ("settings", f"sha256 {row.settings_digest}{since}"),
    ]
    if row.engine_plan_sha256:
        lines.append(("engine plan", f"sha256 {row.engine_plan_sha256}"))
    if row.original_name:
        lines.append(("delivered as", printable(row.original_name)))
    return lines


def _source(part_source: str) -> str:
    source, _, doubt = part_source.partition("_")
    words = "it brought no id" if source == "none" else f"id from the {source}"
    return f"{words}; its sidecar was set aside" if doubt else words


def _at_the_station(inspection: ExaminedInspection) -> list[tuple[str, str]]:
    """The local time and the shift, where the station's settings name a time zone or shifts."""
    calendar, moment = inspection.calendar, inspection.row.recorded_at
    if calendar == UTC_CALENDAR:
        return []
    shift = calendar.shift_at(moment)
    of_shift = f", shift {shift.name} of {shift.day}" if shift.name else ""
    return [("at the station", f"{calendar.local(moment):%Y-%m-%d %H:%M:%S %Z}{of_shift}")]
