"""Whether a station needs the box's network, by its settings, and what of it its unit opens."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qc_edge.settings import OutputSettings, Settings


class NetworkAccess(str, Enum):
    """What an installation does about a station's network; AUTO closes it if nothing needs it."""

    AUTO = "auto"
    CLOSED = "closed"
    OPEN = "open"

    __str__ = str.__str__


_CLOSED = """\
# Nothing in this station's settings needs a network.
[Service]
PrivateNetwork=yes
RestrictAddressFamilies=
RestrictAddressFamilies=AF_UNIX AF_NETLINK
IPAddressAllow=
"""

_LINES_ALONE = """\
# Of the network this station's outputs alone: their ports, and the machines at the other end.
[Service]
IPAddressAllow=
IPAddressAllow=localhost {peers}
SocketBindDeny=any
{ports}
"""

_PEERS_TOO = """\
# The line's machines outside the private networks, which the unit allows by itself.
[Service]
IPAddressAllow={peers}
"""

_OF_THE_UNIT = ("127.0.0.0/8", "169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


def network_needs(settings: Settings) -> list[str]:
    """Everything in the settings that needs the network, in words; empty if it can be closed."""
    return [*_other_needs(settings), *_line_needs(settings)]


def network_drop_in(settings: Settings, access: NetworkAccess) -> str | None:
    """What an installation adds to the station's unit; None if the unit opens what is needed.

    Closed as asked for are cameras and metrics: an output of the settings is asked for there.
    """
    outputs = [output for output in settings.output if output.listens or output.machines]
    is_open = access is NetworkAccess.OPEN or (
        access is NetworkAccess.AUTO and bool(_other_needs(settings))
    )
    peers = sorted({peer for output in outputs for peer in output.machines})
    if is_open:
        more = [peer for peer in peers if not _is_of_the_unit(peer)]
        return _PEERS_TOO.format(peers=" ".join(more)) if more else None
    if not outputs:
        return _CLOSED
    ports = "\n".join(f"SocketBindAllow=tcp:{port}" for port in sorted(_ports(outputs)))
    return _LINES_ALONE.format(peers=" ".join(peers), ports=ports)


def _other_needs(settings: Settings) -> list[str]:
    # The settings do not say whether a Basler camera is USB or GigE: rather open than without it.
    needs = [
        f"camera {camera.name} may be a GigE camera (a USB camera: --network closed)"
        for camera in settings.camera
        if camera.backend == "basler"
    ]
    if settings.metrics.listen not in {"none", "unix"}:
        needs.append(
            f'metrics are read at {settings.metrics.listen} (without a network: listen = "unix")'
        )
    return needs


def _line_needs(settings: Settings) -> list[str]:
    return [
        f"output {output.name} {'listens at' if output.listens else 'calls'} {output.place}"
        + (f" for {', '.join(output.machines)}" if output.listens else "")
        for output in settings.output
        if output.listens or output.machines
    ]


def _ports(outputs: Sequence[OutputSettings]) -> set[int]:
    return {port for output in outputs for _, port in output.listens}


def _is_of_the_unit(peer: str) -> bool:
    address = ipaddress.ip_address(peer)
    if address.version == 6:
        return address.is_loopback or address.is_link_local or address in _UNIQUE_LOCAL
    return any(address in ipaddress.ip_network(each) for each in _OF_THE_UNIT)


_UNIQUE_LOCAL = ipaddress.ip_network("fc00::/7")
