"""Proposes a calibration of a station's camera from frames of known-good parts; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from qc_edge.domain.calibration import Calibration, starting_calibration
from qc_edge.errors import CalibrationError
from qc_edge.recipe.calibrating.good_frames import GoodFrameFiles
from qc_edge.recipe.calibrating.image_file import read_picture
from qc_edge.records import calibrations
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths, load_settings
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.calibrate import VALID_DAYS, Proposal, propose
from qc_edge.vision.frame_set import GoodFrame, sample
from qc_edge.vision.strays import grouped

Region = tuple[int, int, int, int]
"""x, y, width, height (pixels of the full frame)."""


@dataclass(frozen=True, slots=True)
class CalibrationTerms:
    """What a person says of a calibration beside its frames.

    `region` is what is to be inspected, None for the whole frame; it stays as it is unless
    `has_region`. Strays are left out with `leave_out`. `made_at` (aware UTC) is now if it is None.
    """

    made_by: str
    why: str | None = None
    valid_days: int = VALID_DAYS
    leave_out: bool = False
    has_region: bool = False
    region: Region | None = None
    made_at: datetime | None = None

    def in_region(self, record: Calibration) -> Calibration:
        """The record with the region of these terms."""
        return replace(record, roi=self.region) if self.has_region else record


@dataclass(frozen=True, slots=True)
class CalibrationProposal:
    """A proposed calibration beside the current one, and the frames that it comes from.

    `proposal.calibration` is None if these frames give none; `warnings` are all that a person
    should read before putting it in force.
    """

    current: Calibration
    frames: GoodFrameFiles
    proposal: Proposal
    warnings: tuple[str, ...]


def propose_calibration(
    paths: StationPaths,
    camera: str,
    frames: GoodFrameFiles,
    terms: CalibrationTerms,
    beat: Callable[[], object] = lambda: None,
) -> CalibrationProposal:
    """The calibration that `frames` ask for, in place of the one of `camera` that is in force.

    Strays are left out also where nobody has looked at the frames. `beat` is called after each
    frame: a thousand of them take a while.
    """
    now = terms.made_at or utc_now()
    current, warning = current_calibration(paths, camera, now)
    current = terms.in_region(current)
    unreadable: list[tuple[str, str]] = []
    judged = {path: row.raw_sha256 for path, row in zip(frames.files, frames.rows, strict=False)}

    def samples() -> Iterator[GoodFrame]:
        # One frame at a time in memory: a thousand of them would not fit.
        for path in frames.files:
            try:
                picture = read_picture(path)
            except UnreadableFrameError as error:
                unreadable.append((path.name, f"{error.reason}: {error.detail}"))
            else:
                if judged.get(path) not in (None, picture.image.sha256):
                    unreadable.append((path.name, "not the picture that was judged"))
                else:
                    yield sample(path.name, picture.image, current)
            beat()

    proposal = propose(
        samples(),
        current,
        now=now,
        made_by=terms.made_by,
        source=frames.source,
        valid_days=terms.valid_days,
        leave_out=terms.leave_out or frames.unseen,
    )
    if proposal.calibration is not None:
        record = replace(proposal.calibration, why=terms.why)
        proposal = replace(proposal, calibration=record)
    # A frame that does not read is not left out in silence: the person has named it as good.
    if unreadable:
        proposal = Proposal(None, (), (*grouped(unreadable), *proposal.faults), ())
    warnings = [warning] if warning else []
    if frames.missing:
        warnings.append(f"{frames.missing} newer frames are no longer among the evidence")
    if current.learning and (more := current.learning - len(frames.files)) > 0 and frames.unseen:
        warnings.append(f"{len(frames.files)} of {current.learning} frames seen: {more} to come")
    return CalibrationProposal(current, frames, proposal, (*warnings, *proposal.warnings))


def current_calibration(paths: StationPaths, camera: str, now: datetime) -> tuple[Calibration, str]:
    """The record in force and "", or the starting bounds and a warning if there is no sound one."""
    try:
        record = calibrations.load_current(paths.calibration, camera)
        return load_settings(paths.settings).as_seen(record, camera), ""
    except CalibrationError as error:
        warning = f"{error.message}; this one starts anew, without a region or a scale"
        return starting_calibration(paths.name, camera, now), warning
