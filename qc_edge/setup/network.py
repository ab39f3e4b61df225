"""Whether a station needs the box's network, by its settings."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qc_edge.settings import Settings


class NetworkAccess(str, Enum):
    """What an installation does about a station's network; AUTO closes it if nothing needs it."""

    AUTO = "auto"
    CLOSED = "closed"
    OPEN = "open"

    __str__ = str.__str__


def network_needs(settings: Settings) -> list[str]:
    """Everything in the settings that needs the network, in words; empty if it can be closed."""
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
