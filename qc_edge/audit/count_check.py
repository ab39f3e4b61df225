"""Whether the count closes: every number that a camera gave to an exposure is a row, or a row of
gaps says that its frame was lost.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field

from qc_edge.audit.finding import AuditReport
from qc_edge.query.audit_queries import JUMPS, LOSSES, NUMBERLESS, OPENED, UNCOUNTED, fetch
from qc_edge.query.rows import Rows

_HOLES_LISTED = 3


@dataclass(slots=True)
class _Session:
    """One camera from one opening to the next: within it its frame numbers rise by one.

    `missing` numbers have no inspection, `accounted` frames have no number or are in a gap.
    `holes` are (first and last missing number, frame before, frame after); `losses` the numbers
    (first, last) of gaps.
    """

    missing: int = 0
    accounted: int = 0
    holes: list[tuple[int, int, str, str]] = field(default_factory=list)
    losses: list[tuple[int, int]] = field(default_factory=list)


def check_count(report: AuditReport, rows: Rows, first: int, last: int) -> None:
    """Triggers = PASS + FAIL + INVALID + lost, by the cameras' own numbers, in rows `first` to
    `last`. Where nothing counts, nobody can say: the report names those cameras.
    """
    for camera, uncounted, frames in fetch(rows, UNCOUNTED, "inspections", first, last):
        if uncounted == frames:
            report.without_counter.append(camera)
    # Ids begin with the time, so they tell on which side of an opening a frame lies.
    openings: dict[str, list[str]] = defaultdict(list)
    for camera, event in fetch(rows, OPENED, "events", first, last):
        openings[camera].append(event)
    sessions: dict[tuple[str, int], _Session] = defaultdict(_Session)
    for camera, before, after, low, high in fetch(rows, JUMPS, "inspections", first, last):
        number = bisect_right(openings[camera], after)
        # A jump across an opening says nothing: the camera counts from anew.
        if bisect_left(openings[camera], before) == number:
            session = sessions[camera, number]
            session.missing += high - low + 1
            session.holes.append((low, high, before, after))
    for camera, gap, lost, low, high in fetch(rows, LOSSES, "gaps", first, last):
        session = sessions[camera, bisect_right(openings[camera], gap)]
        session.accounted += lost
        session.losses.append((low, high))
    # A frame whose number did not come with it leaves a hole, but is inspected.
    for camera, frame in fetch(rows, NUMBERLESS, "inspections", first, last):
        sessions[camera, bisect_right(openings[camera], frame)].accounted += 1
    for (camera, _), session in sorted(sessions.items()):
        if session.missing > session.accounted:
            _report_open_count(report, rows.place, camera, session)


def _report_open_count(report: AuditReport, place: str, camera: str, session: _Session) -> None:
    unexplained = [
        hole
        for hole in session.holes
        if not any(low <= hole[1] and high >= hole[0] for low, high in session.losses)
    ] or session.holes
    numbers = ", ".join(
        f"{low}" if low == high else f"{low} to {high}"
        for low, high, _, _ in unexplained[:_HOLES_LISTED]
    )
    more = len(unexplained) - _HOLES_LISTED
    count = session.missing - session.accounted
    report.fault(
        "count_open",
        f"{count} exposure{'s' * (count != 1)} of camera {camera} neither inspected nor told as "
        f"lost: camera frame number {numbers}{f' and {more} other places' if more > 0 else ''}",
        f"{place}, between {unexplained[0][2]} and {unexplained[-1][3]}",
        "find the parts of that time; was a row deleted, or a frame taken out of the spool?",
    )
