"""Writes down what a person says of an inspection, once it is clear which one and that it fits.

The verdict stays what it is, whatever is said of it.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from qc_edge.domain.label import (
    LabelSource,
    Mask,
    PersonRole,
    Region,
    Said,
    misplaced,
    regions_json,
)
from qc_edge.errors import RecordError, UsageError
from qc_edge.labels import drop
from qc_edge.labels.record import SaidLabel
from qc_edge.labels.request import LabelRequest, MaskImage
from qc_edge.labels.targets import fault_of_class, find_one
from qc_edge.query.evidence import EvidenceMatch, compare
from qc_edge.query.inspection_lookup import InspectionFound
from qc_edge.service.clock import utc_now
from qc_edge.service.lock import holder_of
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import Role, StationPaths

TAKEN_UP_S = 3.0
"""A running station looks every second."""


@dataclass(frozen=True, slots=True)
class WrittenLabel:
    """A label that was written: the record that waits for the station, and what it says."""

    record: Path
    label: SaidLabel
    inspection: InspectionFound


def write(
    paths: StationPaths, request: LabelRequest, inspection: InspectionFound | None = None
) -> WrittenLabel:
    """Write the label, durably; the station makes a row of it within a second, or at its start.

    `inspection` is the one that `request.target` names, where the caller has it already. Raises
    UsageError (no such part, several inspections of it, a class that the bundle does not know, a
    region outside of the frame), RecordError (the picture is not the one that was judged),
    RightsError, DiskFullError or StoreError; then nothing was written.
    """
    request.check()
    found = inspection or find_one(paths, request.target)
    _check_class(paths, found, request.defect_class)
    _check_picture(paths, found, request)
    now = utc_now()
    with acting_as_owner(paths.state):
        regions = tuple(_kept(paths, found, region) for region in request.regions)
        if words := _misplaced(regions, found):
            raise UsageError(words, hint="regions are in pixels of the raw frame")
        label = SaidLabel(
            label_key=request.key or uuid.uuid4().hex,
            frame_id=found.frame_id,
            part_id=found.part_id,
            label=request.said,
            defect_class=request.defect_class,
            who=request.who.strip(),
            role=request.role,
            source=request.source,
            said_at=now,
            why=request.why,
            regions=regions_json(regions),
            seen_sha256=request.seen_sha256,
            took_s=request.took_s,
            blind=request.blind,
        )
        return WrittenLabel(drop.put(paths, [label], now), label, found)


def dispute(
    paths: StationPaths, target: str, who: str, why: str, role: PersonRole = PersonRole.OPERATOR
) -> WrittenLabel:
    """Mark the part as disputed: somebody is to look at it again. Raises as `write`."""
    if not why.strip():
        raise UsageError("why it is disputed is missing", hint='--why "burr at the edge"')
    request = LabelRequest(target, Said.DISPUTED, who, role, LabelSource.DISPUTE, why=why)
    return write(paths, request)


def wait_until_taken_up(paths: StationPaths, written: WrittenLabel) -> bool | None:
    """Whether the running station has taken the record up within a few seconds; None if it does not
    run.
    """
    pause, end = threading.Event(), time.monotonic() + TAKEN_UP_S
    while written.record.exists():
        if holder_of(paths.lock(Role.INSPECT)) is None:
            return None
        if time.monotonic() > end:
            return False
        pause.wait(0.05)
    return not (paths.set_aside / f"labels-{written.record.name}").exists()


def to_json_values(written: WrittenLabel) -> dict[str, Any]:
    """What was written, as JSON has it."""
    values = asdict(written.label) | {"said_at": written.label.said_at.isoformat()}
    regions = values["regions"]
    return {
        **values,
        "regions": json.loads(regions) if regions else [],
        "verdict": written.inspection.verdict,
        "score": written.inspection.score,
        "record": str(written.record),
    }


def _check_class(paths: StationPaths, found: InspectionFound, name: str | None) -> None:
    if words := fault_of_class(paths, found, name):
        raise UsageError(words, hint="leave --class out for a defect that it does not know")


def _check_picture(paths: StationPaths, found: InspectionFound, request: LabelRequest) -> None:
    """Raise RecordError unless the picture is what was judged, and what was shown."""
    if request.said is Said.DISPUTED:
        return
    with acting_as_owner(paths.state):
        file = compare(paths.state, found.raw_path, found.raw_sha256)
    if file.match in {EvidenceMatch.CHANGED, EvidenceMatch.UNREADABLE}:
        raise RecordError(
            f"the picture of {found.frame_id} is not the one that was judged: {file.detail}",
            hint=f"dispute the part, and look at qc-edge part {paths.name} {found.part_id}",
        )
    if request.seen_sha256 not in (None, found.raw_sha256):
        raise RecordError(
            f"the picture that was shown is not that of {found.frame_id}",
            hint="open the part again",
        )


def _kept(paths: StationPaths, found: InspectionFound, region: Region | MaskImage) -> Region:
    if not isinstance(region, MaskImage):
        return region
    pixels = None
    if len(region.png) <= drop.MASK_MAX and region.png.startswith(b"\x89PNG"):
        pixels = cv2.imdecode(np.frombuffer(region.png, np.uint8), cv2.IMREAD_UNCHANGED)
    size = (found.height, found.width)
    if pixels is None or pixels.ndim != 2 or (None not in size and pixels.shape != size):
        raise UsageError(
            f"the mask does not fit {found.frame_id}",
            hint=f"a PNG with one channel of {found.width} x {found.height} pixels",
        )
    return Mask(drop.keep_mask(paths, region.png))


def _misplaced(regions: tuple[Region, ...], found: InspectionFound) -> str:
    if found.width is None or found.height is None:
        return f"the size of {found.frame_id} is not known" if regions else ""
    return misplaced(regions, found.width, found.height)
