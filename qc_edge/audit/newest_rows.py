"""Whether the newest rows are still there, by what the station notes beside its log.

A log that was cut at its end agrees with itself. Ids that were given out and frames that were taken
say that it went on; who cuts the log and these notes as well is found by an anchor only
(`verify --anchors`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable

from qc_edge.audit.finding import AuditReport
from qc_edge.audit.frame_ids import FrameIds
from qc_edge.domain.frame import FrameId, frame_id, frame_id_micros
from qc_edge.query.audit_queries import NEWEST_ID, fetch
from qc_edge.query.rows import Rows
from qc_edge.settings import StationPaths

_CUT = "the newest rows were cut off the log: look at the anchors (verify --anchors) and upstream"
_ID = re.compile(rb"\d{8}T\d{12}Z-[a-z0-9-]+")
_LISTED = 3


def check_newest(
    report: AuditReport, paths: StationPaths, rows: Rows, frames: FrameIds, known: Collection[str]
) -> None:
    """Hold what a station at rest has noted against its log; `frames` are the ids of all
    inspections, `known` those of other rows and of what was set aside.
    """
    waiting = {name.partition("~")[0].partition(".")[0] for name in _names(paths)}
    _check_given_out(report, paths, rows, waiting)
    taken = [each for each in _taken(paths) if each not in frames]
    lost = sorted(set(taken) - waiting - set(known))
    if lost:
        shown = ", ".join(lost[:_LISTED]) + (" …" if len(lost) > _LISTED else "")
        report.fault(
            "taken_without_row",
            f"{len(lost)} frames were taken to be inspected and have no row: {shown}",
            "taken-frames",
            _CUT,
        )


def _check_given_out(
    report: AuditReport, paths: StationPaths, rows: Rows, waiting: Iterable[str]
) -> None:
    """The high-water mark of the ids: each was given to a frame, a gap or an event."""
    path = paths.state / "frame-clock"
    try:
        mark = int(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        # A power cut leaves it empty; the next start writes it anew.
        report.note("frame_clock", "does not read", path.name, "the next start writes it anew")
        return
    newest = max([*map(_micros, waiting), *_newest_in(rows)], default=0)
    if newest and mark > newest:
        at, last = frame_id(mark, "").partition("-")[0], frame_id(newest, "").partition("-")[0]
        report.fault(
            "ids_without_row",
            f"ids were given out up to {at}, the newest row has {last}",
            path.name,
            f"{_CUT}; a station that was killed may have lost a frame that it was just writing",
        )


def _newest_in(rows: Rows) -> Iterable[int]:
    for table, name in (
        ("inspections", "frame_id"),
        ("gaps", "gap_id"),
        ("events", "event_id"),
        ("labels", "label_id"),
    ):
        for (newest,) in fetch(rows, NEWEST_ID.replace("{name}", name), table, 0, 2**62):
            if newest:
                yield _micros(newest)


def _taken(paths: StationPaths) -> list[str]:
    try:
        content = (paths.state / "taken-frames").read_bytes()
    except OSError:
        return []
    return [found.decode() for found in _ID.findall(content)]


def _names(paths: StationPaths) -> list[str]:
    try:
        return os.listdir(paths.frames)  # noqa: PTH208 (no Path object for each of 20,000)
    except FileNotFoundError:
        return []


def _micros(name: str) -> int:
    try:
        return frame_id_micros(FrameId(name))
    except ValueError:
        return 0
