"""The count: every number that a camera gave is a row, or a row of gaps tells that its frame is
lost.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field

from qc_edge.audit.finding import AuditReport
from qc_edge.query.audit_queries import JUMPS, LOSSES, NUMBERLESS, OPENED, ask
from qc_edge.query.rows import Rows

_SHOWN = 3


@dataclass(slots=True)
class _Session:
    """One camera from one opening to the next: in it, numbers only rise by one."""

    missing: int = 0
    told: int = 0
    holes: list[tuple[int, int, str, str]] = field(default_factory=list)
    losses: list[tuple[int, int]] = field(default_factory=list)


def check_closure(report: AuditReport, rows: Rows, first: int, last: int) -> None:
    """Triggers = PASS + FAIL + INVALID + lost, by the cameras' own numbers."""
    opened: dict[str, list[str]] = defaultdict(list)
    for camera, event in ask(rows, OPENED, "events", first, last):
        opened[camera].append(event)
    sessions: dict[tuple[str, int], _Session] = defaultdict(_Session)
    for camera, before, after, low, high in ask(rows, JUMPS, "inspections", first, last):
        openings = opened[camera]
        number = bisect_right(openings, after)
        if bisect_left(openings, before) == number:
            session = sessions[camera, number]
            session.missing += high - low + 1
            session.holes.append((low, high, before, after))
    for camera, gap, lost, low, high in ask(rows, LOSSES, "gaps", first, last):
        session = sessions[camera, bisect_right(opened[camera], gap)]
        session.told += lost
        session.losses.append((low, high))
    for camera, frame in ask(rows, NUMBERLESS, "inspections", first, last):
        sessions[camera, bisect_right(opened[camera], frame)].told += 1
    for (camera, _), session in sorted(sessions.items()):
        if session.missing > session.told:
            _say(report, rows.place, camera, session)


def _say(report: AuditReport, place: str, camera: str, session: _Session) -> None:
    untold = [
        hole
        for hole in session.holes
        if not any(low <= hole[1] and high >= hole[0] for low, high in session.losses)
    ] or session.holes
    words = [f"{low}" if low == high else f"{low} to {high}" for low, high, _, _ in untold[:_SHOWN]]
    more = f" and {len(untold) - _SHOWN} other places" if len(untold) > _SHOWN else ""
    count = session.missing - session.told
    report.fault(
        "count_open",
        f"{count} exposure{'s' * (count != 1)} of camera {camera} neither inspected nor told as "
        "lost: "
        f"camera frame number {', '.join(words)}{more}",
        f"{place}, between {untold[0][2]} and {untold[-1][3]}",
        "find the parts of that time; was a row deleted, or a frame taken out of the spool?",
    )
