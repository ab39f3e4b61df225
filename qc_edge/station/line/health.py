"""How a station is in the eyes of its line: the status as fault bits. Pure."""

from __future__ import annotations

from qc_edge.output.handshake.words import Fault
from qc_edge.output.health import LineHealth
from qc_edge.station.status import Status


def health_of(
    status: Status, recipe: int, *, disk_is_full: bool, clock_is_trusted: bool
) -> LineHealth:
    """`recipe` is the number of the recipe in force, 0 if it has none."""
    found = {
        Fault.CAMERA: any(not camera.connected for camera in status.cameras),
        Fault.ENGINE: status.engine is None,
        Fault.CALIBRATION: any(each.due_in_days <= 0 for each in status.calibrations),
        Fault.DISK: disk_is_full,
        Fault.CLOCK: not clock_is_trusted,
        Fault.CHALLENGE: bool(status.challenge and status.challenge.trouble),
        Fault.BEHIND: bool(status.behind),
        Fault.STATION: not status.ready,
    }
    faults = Fault(0)
    for fault, is_found in found.items():
        faults |= fault if is_found else Fault(0)
    return LineHealth(status.ready, faults, recipe, status.monotonic_ns)
