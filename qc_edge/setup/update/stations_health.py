"""Whether the stations are good after a change of the software; a dark camera is no reason.

A station that says to systemd that it is active has read its settings, opened its log, found the
last records in force and scored the golden frames of its model: it starts no sooner. One that
ended, or is not there in time, says why in its status line.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from qc_edge.setup.changeover import Unit, units

START_S = 300.0
"""Longest for a start: a model may be compiled for the graphics processor first."""

_LOOK_S, _LOOK_MOST_S = 0.5, 4.0
"""Each look is a process of its own: on a box that was just switched on, time that its stations
wait for.
"""


def wait_for_health(
    names: Iterable[str],
    limit_s: float = START_S,
    look: Callable[[], Mapping[str, Unit]] = units,
) -> dict[str, str]:
    """What is wrong with each of the stations `names`, in words, once all have started or failed,
    or the time is over; empty if all are good.
    """
    wanted, pause, end = list(names), threading.Event(), time.monotonic() + limit_s
    look_s = _LOOK_S
    while True:
        now = look()
        if time.monotonic() >= end or all(_is_settled(now.get(name)) for name in wanted):
            return {name: why for name in wanted if (why := _fault(now.get(name)))}
        pause.wait(look_s)
        look_s = min(1.3 * look_s, _LOOK_MOST_S)


def _is_settled(unit: Unit | None) -> bool:
    return unit is not None and (unit.fails or unit.state == "active")


def _fault(unit: Unit | None) -> str:
    if unit is None:
        return "it was not started"
    if unit.fails:
        return f"it ended with exit code {unit.exit_code}: {unit.words or 'without a word'}"
    if unit.state != "active":
        return f"it has not started in time: {unit.words or unit.state}"
    return ""
