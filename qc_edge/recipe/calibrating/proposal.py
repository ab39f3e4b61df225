"""Proposes a calibration of a station's camera from frames of known-good parts; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from qc_edge.terminal.good_frames import GoodFrameFiles, nodes_with_frames

from qc_edge.domain.calibration import Calibration, starting_calibration
from qc_edge.errors import CalibrationError, UsageError
from qc_edge.records import calibrations
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, Settings, StationPaths, load_settings
from qc_edge.terminal.images import read_picture, require_camera
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.calibrate import Proposal, propose
from qc_edge.vision.frame_set import GoodFrame, sample
from qc_edge.vision.strays import grouped


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


def choose_camera(paths: StationPaths, settings: Settings, camera: str | None) -> str:
    """`camera`, or the only one of the station, or `incoming` where there is none.

    Raises UsageError for one that the station has not, and if there are several to choose from.
    """
    if camera is not None:
        is_own = camera in {INCOMING, *(configured.name for configured in settings.camera)}
        return camera if is_own else require_camera(settings, camera, nodes_with_frames(paths))
    names = [camera.name for camera in settings.camera]
    if len(names) > 1:
        raise UsageError(
            f"station {settings.station.name!r} has several cameras: {', '.join(names)}",
            hint=f"say which: --camera {names[0]}",
        )
    return names[0] if names else INCOMING


def propose_calibration(
    paths: StationPaths,
    camera: str,
    frames: GoodFrameFiles,
    *,
    made_by: str,
    valid_days: int,
    leave_out: bool = False,
) -> CalibrationProposal:
    """The calibration that `frames` ask for, in place of the one of `camera` that is in force.

    Strays are left out with `leave_out`, and where nobody has looked at the frames.
    """
    now = utc_now()
    current, warning = current_calibration(paths, camera, now)
    unreadable: list[tuple[str, str]] = []

    def samples() -> Iterator[GoodFrame]:
        # One frame at a time in memory: a thousand of them would not fit.
        for path in frames.files:
            try:
                picture = read_picture(path)
            except UnreadableFrameError as error:
                unreadable.append((path.name, f"{error.reason}: {error.detail}"))
            else:
                yield sample(path.name, picture.image, current)

    proposal = propose(
        samples(),
        current,
        now=now,
        made_by=made_by,
        source=frames.source,
        valid_days=valid_days,
        leave_out=leave_out or frames.unseen,
    )
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
