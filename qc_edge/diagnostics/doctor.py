"""What `qc-edge doctor` looks at: a station's check, how it runs, and the box that it runs on.

The doctor looks from outside, at files, locks and other programs' answers: it works when the
station hangs or does not start, which is when a technician needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qc_edge.diagnostics import disk_health, host_checks, liveness, recent_errors, service
from qc_edge.diagnostics.box import certificates, heat, ports, updates
from qc_edge.diagnostics.check import check_station
from qc_edge.diagnostics.finding import Finding, Level
from qc_edge.diagnostics.host import Host
from qc_edge.diagnostics.rights import may_look, without_denied_looks
from qc_edge.diagnostics.runner import Check, run_checks
from qc_edge.diagnostics.upstream import released
from qc_edge.errors import QcEdgeError
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import Settings, StationPaths, load_settings


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was found at one station, in the order in which a technician wants it."""

    station: str
    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Level:
        """The gravest level."""
        return max(
            (finding.level for finding in self.findings),
            key=lambda level: level.rank,
            default=Level.OK,
        )

    @property
    def colour(self) -> str:
        """green, amber or red."""
        return self.worst.colour

    @property
    def exit_code(self) -> int:
        """0 green, 1 amber, 2 red: what monitoring plug-ins end with."""
        return self.worst.rank


def examine(root: Path, name: str, host: Host | None = None) -> Diagnosis:
    """Look at station `name` under the absolute prefix `root`, and at its box.

    Never raises for a fault. Takes a few seconds: the model runs its golden frames, a free camera
    is opened, the disk is timed.
    """
    host, paths = host or Host(), StationPaths(root, name)
    with acting_as_owner(paths.state):
        try:
            settings: Settings | None = load_settings(paths.settings)
        except QcEdgeError:
            settings = None  # check_station reports the reason
        findings = [
            *run_checks(name, _running_station(host, paths, settings)),
            *check_station(root, name),
            *run_checks(name, _box(host, paths, settings)),
        ]
    if not may_look(paths.state):
        findings = without_denied_looks(findings)
    return Diagnosis(name, tuple(findings))


def _running_station(host: Host, paths: StationPaths, settings: Settings | None) -> Iterator[Check]:
    if settings is not None:
        yield Check("station", partial(liveness.check_status, paths, settings), about_host=True)
        yield Check("spool", partial(liveness.check_spool, paths, settings), about_host=True)
    # Under another prefix the units on this machine are not this station's.
    if paths.root == Path("/"):
        yield Check("service", partial(service.check_unit, host, paths.name), about_host=True)
    yield Check("errors", partial(recent_errors.check_errors, host, paths), about_host=True)
    yield Check("log", partial(recent_errors.check_set_aside, paths), about_host=True)


def _box(host: Host, paths: StationPaths, settings: Settings | None) -> Iterator[Check]:
    if settings is not None:
        cameras, storage = settings.camera, settings.storage
        yield Check("disk speed", partial(disk_health.check_latency, paths), about_host=True)
        yield Check("disk room", partial(disk_health.check_trend, paths, storage), about_host=True)
        yield Check(
            "disk health", partial(disk_health.check_health, host, paths.state), about_host=True
        )
        if settings.upstream.url:
            send = partial(liveness.check_upstream, paths, settings.upstream.url)
            yield Check("upstream", send, about_host=True)
        yield Check("releases", partial(released.check_released, paths), about_host=True)
        yield Check("network", partial(host_checks.check_network, host, cameras), about_host=True)
        yield Check("usb", partial(host_checks.check_usb, host, cameras), about_host=True)
        yield Check("ports", partial(ports.check_ports, host, settings), about_host=True)
        if settings.page.tls == "own":
            look = partial(certificates.check_certificate, paths.page)
            yield Check("certificate", look, about_host=True)
    yield Check("gpu", partial(host_checks.check_gpu, host), about_host=True)
    yield Check("heat", partial(heat.check_heat, host), about_host=True)
    yield Check("clock", host_checks.check_clock, about_host=True)
    yield Check("update", partial(updates.check_last_update, paths.root), about_host=True)
    yield Check("slots", partial(updates.check_slots, host), about_host=True)
    yield Check("software", host_checks.check_software, about_host=True)
