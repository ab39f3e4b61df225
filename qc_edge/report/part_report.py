"""All that is known of a part: its inspections, their evidence as it is now, and what came out when
they were done again. No layout, and no words for people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from qc_edge.domain.calibration import Calibration
from qc_edge.domain.evidence.classes import EvidenceClass
from qc_edge.domain.inspection import Inspection, Part
from qc_edge.domain.station_calendar import UTC_CALENDAR, StationCalendar
from qc_edge.errors import CalibrationError, QcEdgeError, UsageError
from qc_edge.query import evidence
from qc_edge.query.evidence import EvidenceFile, EvidenceMatch
from qc_edge.query.kept.deletion_rows import as_deleted
from qc_edge.query.part_lookup import PartInspection, find_part, near_parts
from qc_edge.records.calibrations import load
from qc_edge.records.view_regions import as_it_judged
from qc_edge.report.recheck import Recheck, recheck_inspection
from qc_edge.report.recomputation import MapRecomputer, RecomputedMap
from qc_edge.service.clock import utc_now
from qc_edge.settings import Settings, StationPaths, load_settings
from qc_edge.settings.change import settings_digest
from qc_edge.version import __version__
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.image import Gray


@dataclass(frozen=True, slots=True, eq=False)
class ExaminedInspection:
    """One inspection of a part, held against its evidence and done again.

    `gray` is the frame as it was inspected (H x W, uint8), None if it cannot be had. `calibration`
    is the record by which it was judged, None if it is gone. `settings_unchanged`: the settings
    file still has the digest that was in force; None if it does not read. `recomputed` stands in
    for a defect map that was never stored, where one was asked for. `calendar` is the station's of
    today.
    """

    logged: PartInspection
    raw: EvidenceFile
    prepared: EvidenceFile
    defect_map: EvidenceFile
    gray: Gray | None
    calibration: Calibration | None
    recheck: Recheck
    settings_unchanged: bool | None
    recomputed: RecomputedMap | None = None
    calendar: StationCalendar = UTC_CALENDAR

    @property
    def row(self) -> Inspection:
        """The row of the log."""
        return self.logged.row

    @property
    def holds(self) -> bool:
        """True if nothing speaks against the row: no evidence is lost or changed, and whatever
        could be done again came out the same.
        """
        files = (self.raw, self.prepared, self.defect_map)
        return not self.recheck.is_broken and not any(file.match.is_fault for file in files)


@dataclass(frozen=True, slots=True, eq=False)
class PartReport:
    """A part and its inspections, oldest first.

    `attempts` are what the line was told of it where several views see it; without, each inspection
    is what was told. `place` says in words where the rows were read, `made_at` (aware UTC) and
    `software` when and by what the report was made.
    """

    station: str
    part_id: str
    inspections: tuple[ExaminedInspection, ...]
    place: str
    made_at: datetime
    software: str = f"qc-edge {__version__}"
    attempts: tuple[Part, ...] = ()

    @property
    def last(self) -> ExaminedInspection:
        """The newest inspection, which is the one that counts."""
        return self.inspections[-1]

    @property
    def told(self) -> Inspection | Part:
        """What the line was told last: the row of the part, else of the one inspection."""
        return self.attempts[-1] if self.attempts else self.last.row

    @property
    def holds(self) -> bool:
        """True if nothing speaks against any of the rows."""
        return all(inspection.holds for inspection in self.inspections)


def examine_part(
    paths: StationPaths,
    part_id: str,
    frame_id: str | None = None,
    *,
    recompute: bool = False,
    published_only: bool = False,
) -> PartReport:
    """Find a part in the log and examine all its inspections, or only the one of `frame_id`.

    `recompute` has its model, if that is still there, make the defect maps that were not stored.
    `published_only` as in `find_part`. Raises UsageError if the log does not have it, StoreError if
    it does not read.
    """
    settings = _current_settings(paths)
    lookup = find_part(paths, part_id, frame_id, published_only=published_only)
    if not lookup.cases:
        similar = near_parts(paths, part_id, published_only=published_only)
        raise _unknown_part(paths, part_id, frame_id, lookup.place, similar)
    inspections = tuple(_examine(paths, logged, settings) for logged in lookup.cases)
    if recompute:
        with MapRecomputer(paths) as recomputer:
            inspections = tuple(_with_map(recomputer, each) for each in inspections)
    return PartReport(
        paths.name, part_id, inspections, lookup.place, utc_now(), attempts=lookup.attempts
    )


def _unknown_part(
    paths: StationPaths, part_id: str, frame_id: str | None, place: str, similar: list[str]
) -> UsageError:
    what = f"frame {frame_id} of part {part_id!r}" if frame_id else f"part {part_id!r}"
    if part_id in similar:
        hint = f"leave --frame out to see all of part {part_id}"
    elif similar:
        hint = f"did you mean {', '.join(similar)}?"
    else:
        hint = (
            "the part's id as the line writes it; QA finds parts by time in qa.duckdb (docs/qa.md)"
        )
    return UsageError(f"station {paths.name} has no inspection of {what} in {place}", hint=hint)


def _current_settings(paths: StationPaths) -> Settings | None:
    try:
        return load_settings(paths.settings)
    except QcEdgeError:
        # The report is about the past: settings that do not read today are no reason to refuse it.
        return None


def _examine(
    paths: StationPaths, logged: PartInspection, settings: Settings | None
) -> ExaminedInspection:
    row = logged.row
    gone = logged.deletions
    raw = evidence.compare(paths.state, row.raw_path, row.raw_sha256)
    raw = as_deleted(raw, EvidenceClass.RAW, gone)
    prepared = evidence.compare(paths.state, row.prepared_path, row.prepared_sha256)
    calibration, no_calibration = _calibration(paths, row)
    if calibration is not None:
        calibration = as_it_judged(calibration, row.preprocess_id, paths.settings_history)
    gray = None
    if raw.image is not None:
        # A frame of another node was inspected as its file decodes, an own one by the pixel format
        # of its camera.
        own = row.original_name is None
        gray = evidence.inspected_gray(raw.image, row.pixel_format, row.bit_depth, own=own)
    unchanged = None if settings is None else settings_digest(settings) == row.settings_digest
    return ExaminedInspection(
        logged=logged,
        raw=raw,
        prepared=as_deleted(prepared, EvidenceClass.PREPARED, gone),
        defect_map=as_deleted(_defect_map(paths, row), EvidenceClass.MAP, gone),
        gray=gray,
        calibration=calibration,
        recheck=recheck_inspection(logged, raw, gray, calibration, no_calibration),
        settings_unchanged=unchanged,
        calendar=settings.station.calendar if settings else UTC_CALENDAR,
    )


def _with_map(recomputer: MapRecomputer, inspection: ExaminedInspection) -> ExaminedInspection:
    """The same, with the defect map that the station had no reason to store."""
    row = inspection.row
    if row.score is None or row.map_path is not None:
        return inspection
    model_input, why_not = inspection.recheck.model_input, inspection.recheck.why_not
    if inspection.prepared.match is EvidenceMatch.SAME and inspection.prepared.image is not None:
        model_input = inspection.prepared.image.pixels  # type: ignore[assignment]
    if model_input is None and not why_not:
        why_not = "the model's input is not what was judged"
    return replace(inspection, recomputed=recomputer.recompute(row, model_input, why_not))


def _defect_map(paths: StationPaths, row: Inspection) -> EvidenceFile:
    """The defect map. Rows of earlier versions have no digest of it: then all that can be said is
    whether it is there and reads.
    """
    file = evidence.compare(paths.state, row.map_path, row.map_sha256)
    if file.path is None or file.match is not EvidenceMatch.UNPROVEN:
        return file
    try:
        image = evidence.read(file.path)
    except (OSError, UnreadableFrameError) as fault:
        return EvidenceFile(
            EvidenceMatch.UNREADABLE, file.path, detail=f"{file.path.name} does not read: {fault}"
        )
    return EvidenceFile(EvidenceMatch.UNPROVEN, file.path, sha256=image.sha256, image=image)


def _calibration(paths: StationPaths, row: Inspection) -> tuple[Calibration | None, str]:
    """The calibration record of a row; None, and why, if it is gone."""
    identity = row.calibration_id
    try:
        return load(paths.calibration / identity.partition("Z-")[2] / f"{identity}.toml"), ""
    except CalibrationError as fault:
        return None, fault.message
