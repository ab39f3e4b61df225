"""Checks of the box's temperature, and whether its processor was slowed down for it."""

from __future__ import annotations

from collections.abc import Iterator

from qc_edge.diagnostics.finding import Finding, ok, warning
from qc_edge.diagnostics.host import Host

_NEAR_C = 5.0
_HOT_C = 90.0
"""Where a zone tells no point at which it is slowed down."""

_SLOWING = {"passive", "hot", "critical"}
_HINT = "clean its fans and filters; more air, or a cooler place: a slower processor is late"


def check_heat(host: Host) -> Iterator[Finding]:
    """The hottest zone against the point at which the kernel slows the box down."""
    zones = [
        zone
        for path in host.matching("sys/class/thermal/thermal_zone*")
        if (zone := _zone(host, path.name))
    ]
    if not zones:
        yield ok("no thermometer to ask")
    else:
        name, degrees, bound = min(zones, key=lambda zone: zone[2] - zone[1])
        words = f"{name} has {degrees:.0f} °C, slowed down from {bound:.0f} °C on"
        if degrees > bound - _NEAR_C:
            yield warning(words, _HINT)
        else:
            yield ok(words)
    yield from _throttled(host)


def _zone(host: Host, name: str) -> tuple[str, float, float] | None:
    """Name, degrees and bound (Celsius) of a zone; None if it tells no temperature."""
    zone = f"sys/class/thermal/{name}"
    temperature = host.number(f"{zone}/temp")
    if temperature is None or temperature <= 0:
        return None  # Jetson has zones of parts that are switched off
    points = [
        point / 1000
        for path in host.matching(f"{zone}/trip_point_*_type")
        if host.read(f"{zone}/{path.name}") in _SLOWING
        and (point := host.number(f"{zone}/{path.name.replace('_type', '_temp')}"))
        and point > 0
    ]
    return host.read(f"{zone}/type") or name, temperature / 1000, min(points, default=_HOT_C)


def _throttled(host: Host) -> Iterator[Finding]:
    """How often since the boot the processor was slowed down: Intel's counters, and Jetson's of
    too much current (soctherm).
    """
    counters = [
        *host.matching("sys/devices/system/cpu/cpu*/thermal_throttle/package_throttle_count"),
        *host.matching("sys/class/hwmon/hwmon*/oc*_event_cnt"),
    ]
    counts = [host.number(str(path.relative_to(host.base))) or 0 for path in counters]
    if not counters:
        return
    if most := max(counts):
        yield warning(f"slowed down {most:,} times since the boot", _HINT)
    else:
        yield ok("never slowed down since the boot")
