"""Everything that is known of a part, gathered and held against itself; no layout, no words for
people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qc_edge.domain.calibration import Calibration
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Decision, Threshold, decide
from qc_edge.errors import CalibrationError, QcEdgeError, UsageError
from qc_edge.query import evidence as proof
from qc_edge.query.evidence import EvidenceFile, EvidenceMatch
from qc_edge.query.part_lookup import PartInspection, find_part, near_parts
from qc_edge.records.calibrations import load
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths, load_settings
from qc_edge.settings.change import settings_digest
from qc_edge.version import __version__
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.gates import GateFigures, GateReport, check_gates
from qc_edge.vision.image import Gray, pixels_sha256
from qc_edge.vision.prepare import DEFAULT, PrepareParameters, normalise, preprocess_id, resize


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What comes out when it is done once more today; None where it cannot be done, with the reason
    why.

    `figures` are the gates' on the frame, `prepared` the input made from it, `verdict` what score
    and threshold give, `linked` whether the row is what its hash in the chain was taken over.
    """

    figures: bool | None
    prepared: bool | None
    verdict: bool | None
    linked: bool | None
    why_not: str = ""

    @property
    def is_broken(self) -> bool:
        """True if anything came out otherwise."""
        return False in {self.figures, self.prepared, self.verdict, self.linked}


@dataclass(frozen=True, slots=True, eq=False)
class ExaminedInspection:
    """One inspection, its evidence as it is now, and what came out when it was done again.

    `calibration` is the record by which it was judged, None if it is gone (`why_not` of `again`
    says so). `settings_today`: the settings file still has the digest that was in force.
    """

    case: PartInspection
    raw: EvidenceFile
    prepared: EvidenceFile
    map: EvidenceFile
    gray: Gray | None
    calibration: Calibration | None
    again: Recomputed
    settings_today: bool | None

    @property
    def row(self) -> Inspection:
        """The row."""
        return self.case.row

    @property
    def holds(self) -> bool:
        """True if nothing speaks against this row: all evidence is there and the same, all came out
        again.
        """
        return not self.again.is_broken and not any(
            piece.match.is_fault for piece in (self.raw, self.prepared, self.map)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Dossier:
    """A part, everything that was seen of it, oldest first; where it was read, when, and by
    what.
    """

    station: str
    part_id: str
    examined: tuple[ExaminedInspection, ...]
    place: str
    made_at: datetime
    software: str = f"qc-edge {__version__}"

    @property
    def last(self) -> ExaminedInspection:
        """The inspection that counts."""
        return self.examined[-1]


def gather(paths: StationPaths, part_id: str, frame_id: str | None = None) -> Dossier:
    """The dossier of a part, or of one of its frames. Raises UsageError if the log does not know
    it.
    """
    digest = _settings_today(paths)
    found = find_part(paths, part_id, frame_id)
    if not found.cases:
        near = near_parts(paths, part_id)
        what = f"frame {frame_id} of part {part_id!r}" if frame_id else f"part {part_id!r}"
        raise UsageError(
            f"station {paths.name} has no inspection of {what} in {found.place}",
            hint=f"did you mean {', '.join(near)}?"
            if near and part_id not in near
            else f"leave --frame out to see all of part {part_id}"
            if near
            else "the part's id as the line writes it; QA finds parts by time in qa.duckdb "
            "(docs/qa.md)",
        )
    examined = tuple(_examine(paths, case, digest) for case in found.cases)
    return Dossier(paths.name, part_id, examined, found.place, utc_now())


def _settings_today(paths: StationPaths) -> str | None:
    try:
        return settings_digest(load_settings(paths.settings))
    except QcEdgeError:
        return None


def _examine(paths: StationPaths, case: PartInspection, digest: str | None) -> ExaminedInspection:
    row = case.row
    raw = proof.hold(paths.state, row.raw_path, row.raw_sha256)
    prepared = proof.hold(paths.state, row.prepared_path, row.prepared_sha256)
    defect_map = _map(paths, row)
    calibration, why_not = _calibration(paths, row)
    gray = None
    if raw.image is not None:
        own = row.original_name is None
        gray = proof.judged_gray(raw.image, row.pixel_format, row.bit_depth, own=own)
    return ExaminedInspection(
        case,
        raw,
        prepared,
        defect_map,
        gray,
        calibration,
        _again(case, raw, gray, calibration, why_not),
        None if digest is None else digest == row.settings_digest,
    )


def _map(paths: StationPaths, row: Inspection) -> EvidenceFile:
    """The map; rows of earlier versions have no digest of it: then it is there, and reads, or
    not.
    """
    piece = proof.hold(paths.state, row.map_path, row.map_sha256)
    if piece.path is None or piece.match is not EvidenceMatch.UNPROVEN:
        return piece
    try:
        image = proof.read(piece.path)
    except (OSError, UnreadableFrameError) as fault:
        return EvidenceFile(
            EvidenceMatch.UNREADABLE, piece.path, detail=f"{piece.path.name} does not read: {fault}"
        )
    return EvidenceFile(EvidenceMatch.UNPROVEN, piece.path, sha256=image.sha256, image=image)


def _calibration(paths: StationPaths, row: Inspection) -> tuple[Calibration | None, str]:
    identity = row.calibration_id
    try:
        return load(paths.calibration / identity.partition("Z-")[2] / f"{identity}.toml"), ""
    except CalibrationError as fault:
        return None, fault.message


def _again(
    case: PartInspection,
    raw: EvidenceFile,
    gray: Gray | None,
    calibration: Calibration | None,
    why_not: str,
) -> Recomputed:
    row, figures, made = case.row, None, None
    if raw.match is not EvidenceMatch.SAME or gray is None:
        why_not = raw.detail or "the frame was not kept"
    elif calibration is not None:
        parameters = DEFAULT if calibration.roi is None else PrepareParameters(roi=calibration.roi)
        resized = resize(gray, parameters)
        report = check_gates(gray, resized, row.bit_depth or 8, calibration)
        figures = None if row.focus is None else _same_figures(row, report)
        if row.prepared_sha256 is None:
            pass
        elif preprocess_id(parameters) == row.preprocess_id:
            made = pixels_sha256(normalise(resized, parameters)) == row.prepared_sha256
        else:
            why_not = (
                f"prepared by {row.preprocess_id}, this version knows {preprocess_id(parameters)}"
            )
    return Recomputed(figures, made, _verdict(row), case.is_linked, why_not)


def _same_figures(row: Inspection, report: GateReport) -> bool:
    names = GateFigures.__slots__
    return all(getattr(row, name) == getattr(report.figures, name) for name in names)


def _verdict(row: Inspection) -> bool | None:
    if row.score is None:
        return None
    threshold = Threshold(row.threshold, row.review_band, row.threshold_id)
    decision: Decision = decide(row.score, threshold, row.hold_reason)
    return (decision.verdict, decision.disposition, decision.reason) == (
        row.verdict,
        row.disposition,
        row.reason,
    )
