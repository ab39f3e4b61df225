"""An opened camera's temperature and link speed, as far as it reports them.

Sets nothing and decides nothing: `qc-edge check` has the limits.
"""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.camera.nodes import Nodes

_BITS_PER_BYTE = 8


@dataclass(frozen=True, slots=True)
class Health:
    """What a camera reports of its own condition; None where it does not.

    `temperature_c` is that of the core board (degrees Celsius), `temperature_state` the camera's
    own word for it (Ok, Critical, Error), `link_mbps` the negotiated speed (Mbit/s).
    """

    temperature_c: float | None = None
    temperature_state: str | None = None
    link_mbps: float | None = None


UNKNOWN = Health()


def read_health(nodes: Nodes) -> Health:
    """The health of the camera with these nodes; a node that it lacks or refuses gives None.

    Newer cameras have the names of GenICam's SFNC (DeviceLinkSpeed, bytes/s), older ones their own
    (GevLinkSpeed, Mbit/s).
    """
    temperature = nodes.read_optional("DeviceTemperature", "TemperatureAbs")
    state = nodes.read_optional("BslTemperatureStatus", "TemperatureState")
    link, old_link = nodes.read_optional("DeviceLinkSpeed"), nodes.read_optional("GevLinkSpeed")
    if link is not None:
        mbps: float | None = float(link) * _BITS_PER_BYTE / 1e6
    else:
        mbps = None if old_link is None else float(old_link)
    return Health(
        temperature_c=None if temperature is None else round(float(temperature), 1),
        temperature_state=None if state is None else str(state),
        link_mbps=mbps,
    )
