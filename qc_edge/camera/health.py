"""How an opened camera is: its temperature and its link, as far as it tells. Sets nothing, judges
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.camera.nodes import Nodes

_BITS = 8


@dataclass(frozen=True, slots=True)
class Health:
    """None where the camera does not say.

    `temperature_c` is that of the core board (degrees Celsius), `temperature_state` the camera's
    own word for it (Ok, Critical, Error), `link_mbps` the negotiated speed (Mbit/s).
    """

    temperature_c: float | None = None
    temperature_state: str | None = None
    link_mbps: float | None = None


UNKNOWN = Health()


def read_health(nodes: Nodes) -> Health:
    """By the names of SFNC (DeviceLinkSpeed: bytes/s) and of older cameras (GevLinkSpeed:
    Mbit/s).
    """
    temperature = nodes.ask("DeviceTemperature", "TemperatureAbs")
    state = nodes.ask("BslTemperatureStatus", "TemperatureState")
    link, old_link = nodes.ask("DeviceLinkSpeed"), nodes.ask("GevLinkSpeed")
    if link is not None:
        mbps: float | None = float(link) * _BITS / 1e6
    else:
        mbps = None if old_link is None else float(old_link)
    return Health(
        temperature_c=None if temperature is None else round(float(temperature), 1),
        temperature_state=None if state is None else str(state),
        link_mbps=mbps,
    )
