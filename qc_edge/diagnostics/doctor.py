"""All of the doctor's looks at one station, in the order in which a technician wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qc_edge.diagnostics import box, disk, liveness
from qc_edge.diagnostics.check import check_station
from qc_edge.diagnostics.finding import Finding, Level, Seen
from qc_edge.diagnostics.host import Host
from qc_edge.errors import QcEdgeError
from qc_edge.settings import Settings, StationPaths, load_settings

_COLOURS = {Level.OK: "green", Level.WARNING: "amber", Level.FAULT: "red"}
_EXIT = {Level.OK: 0, Level.WARNING: 1, Level.FAULT: 2}
_NOT_ALLOWED = "some of it could not be looked at as this user"

Look = Callable[[], Iterator[Seen]]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was found at one station."""

    station: str
    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Level:
        """The gravest level."""
        return max(
            (finding.level for finding in self.findings), key=_EXIT.__getitem__, default=Level.OK
        )

    @property
    def colour(self) -> str:
        """green, amber or red."""
        return colour_of(self.worst)

    @property
    def exit_code(self) -> int:
        """0 green, 1 amber, 2 red: what monitoring plug-ins end with."""
        return _EXIT[self.worst]


def colour_of(level: Level) -> str:
    """green, amber or red."""
    return _COLOURS[level]


def examine(root: Path, name: str, host: Host | None = None) -> Diagnosis:
    """Look at station `name` under the absolute prefix `root` and at its box; never raises for a
    fault.

    Takes a few seconds: the model runs its golden frames, a free camera is opened, the disk is
    timed.
    """
    host, paths = host or Host(), StationPaths(root, name)
    try:
        settings: Settings | None = load_settings(paths.settings)
    except QcEdgeError:
        settings = None
    found: list[Finding] = []
    for area, look in _life(host, paths, settings):
        found += _looked(name, area, look)
    found += check_station(root, name)
    for area, look in _box(host, paths, settings):
        found += _looked(name, area, look)
    return Diagnosis(name, tuple(_about_rights(found)))


def _life(host: Host, paths: StationPaths, settings: Settings | None) -> Iterator[tuple[str, Look]]:
    if settings is not None:
        yield "station", partial(liveness.check_status, paths, settings)
        yield "spool", partial(liveness.check_spool, paths, settings)
    if paths.root == Path("/"):
        yield "service", partial(liveness.check_unit, host, paths.name)
    yield "errors", partial(liveness.check_errors, host, paths)
    yield "log", partial(liveness.check_damage, paths)


def _box(host: Host, paths: StationPaths, settings: Settings | None) -> Iterator[tuple[str, Look]]:
    if settings is not None:
        yield "disk speed", partial(disk.check_latency, paths)
        yield "disk room", partial(disk.check_trend, paths, settings.storage)
        yield "disk health", partial(disk.check_health, host, paths.state)
        yield "network", partial(box.check_network, host, settings.camera)
        yield "usb", partial(box.check_usb, host, settings.camera)
    yield "gpu", partial(box.check_gpu, host)
    yield "clock", box.check_clock
    yield "software", box.check_software


def _looked(station: str, area: str, look: Look) -> list[Finding]:
    found = []
    try:
        for level, said, hint in look():
            found.append(Finding(station, area, level, said, hint))
    except PermissionError as fault:
        found.append(
            Finding(
                station, area, Level.WARNING, f"{fault.filename}: not allowed", _rights(station)
            )
        )
    except QcEdgeError as fault:
        found.append(
            Finding(station, area, Level.FAULT, fault.message, fault.hint, fault.exit_code)
        )
    except (OSError, LookupError, TypeError, ValueError) as fault:
        # Another program's answer that reads otherwise than expected must not hide the other
        # findings.
        said = f"could not be looked at: {type(fault).__name__}: {fault}"
        found.append(
            Finding(station, area, Level.WARNING, said, "report it with: qc-edge support-bundle")
        )
    return found


def _about_rights(found: list[Finding]) -> Iterator[Finding]:
    """A look that this user may not take says nothing against the station."""
    for finding in found:
        refused = finding.level is Level.FAULT and "Permission denied" in finding.said
        if refused:
            yield Finding(
                finding.station, finding.area, Level.WARNING, finding.said, _rights(finding.station)
            )
        else:
            yield finding


def _rights(station: str) -> str:
    return f"{_NOT_ALLOWED}: sudo qc-edge doctor {station}"
