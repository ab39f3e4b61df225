"""Whether a station gets the box's network, decided from its settings."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qc_edge.settings import Settings


class NetworkAccess(str, Enum):
    """Whether a station gets the box's network."""

    AUTO = "auto"
    CLOSED = "closed"
    OPEN = "open"

    __str__ = str.__str__


def network_needs(settings: Settings) -> list[str]:
    """What in the settings needs the network, in words; nothing: it can be closed."""
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
