"""Small pictures of a shift's worst parts, from the evidence, which is only read."""

from __future__ import annotations

from qc_edge.domain.inspection import Inspection
from qc_edge.errors import CalibrationError
from qc_edge.plot.embedded import EmbeddedPicture, embed
from qc_edge.query import evidence
from qc_edge.query.evidence import EvidenceMatch
from qc_edge.records.calibrations import load
from qc_edge.report.pictures import DefectLocation
from qc_edge.settings import StationPaths
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.image import Gray

_SIDE = 420


def worst_picture(paths: StationPaths, row: Inspection) -> tuple[EmbeddedPicture | None, str]:
    """The frame, with the heat of its defect map where that is kept; or None, and why there is
    none.
    """
    file = evidence.compare(paths.state, row.raw_path, row.raw_sha256)
    if file.image is None:
        gone = {
            EvidenceMatch.NOT_KEPT: "its frame was not kept",
            EvidenceMatch.MISSING: "its frame is gone",
        }
        return None, gone.get(file.match, "its frame does not read")
    changed = "its frame is NOT the one that was judged" if file.match.is_fault else ""
    gray = evidence.inspected_gray(
        file.image, row.pixel_format, row.bit_depth, own=row.original_name is None
    )
    levels = None if changed else _levels(paths, row)
    if levels is None:
        return embed(gray, _SIDE), changed
    return embed(DefectLocation(gray, levels, _roi(paths, row), row.threshold).heat(), _SIDE), ""


def _levels(paths: StationPaths, row: Inspection) -> Gray | None:
    """The defect map (h x w, uint8); None if it is not kept, or not what the row says."""
    found = evidence.compare(paths.state, row.map_path, row.map_sha256)
    if found.image is not None and not found.match.is_fault:
        return found.image.gray
    if found.match is EvidenceMatch.UNPROVEN and found.path is not None:
        try:
            return evidence.read(found.path).gray
        except (OSError, UnreadableFrameError):
            return None
    return None


def _roi(paths: StationPaths, row: Inspection) -> tuple[int, int, int, int] | None:
    identity = row.calibration_id
    try:
        return load(paths.calibration / identity.partition("Z-")[2] / f"{identity}.toml").roi
    except CalibrationError:
        return None
