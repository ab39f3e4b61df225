"""Addresses in the settings of outputs: numbers, so that the unit can open them and no others."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Place = tuple[str, int]
"""An address and a TCP port."""


def split_place(place: str) -> Place:
    """ADDRESS:PORT, an IPv6 address in brackets or not, as two values."""
    host, _, port = place.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def check_place(place: str, what: str, least_port: int) -> str:
    """`place` itself. Raises ValueError unless it is one address and a port from `least_port` on;
    `what` completes "expected the one at which ...".
    """
    host, _, port = place.rpartition(":")
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError(f'got {place!r}, expected "192.168.10.2:5020"') from None
    if address.is_unspecified or address.is_multicast:
        raise ValueError(f"{host} is no address of one interface; expected the one at which {what}")
    if not (port.isdecimal() and least_port <= int(port) <= 65535):
        raise ValueError(f"got port {port!r}, expected {least_port} to 65535")
    return place


def check_machines(machines: Sequence[str]) -> None:
    """Raises ValueError at one that is no address of a machine."""
    for machine in machines:
        try:
            ipaddress.ip_address(machine)
        except ValueError:
            raise ValueError(f"got {machine!r}, expected the address of a machine") from None
