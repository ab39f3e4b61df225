"""The clock in a Basler camera: how long a tick of its timestamps is. Never reads the clock."""

from __future__ import annotations

from qc_edge.camera.nodes import Nodes

_NANOSECOND = 1.0


def tick_ns(nodes: Nodes) -> float:
    """The length of a tick (ns) of the opened camera's timestamps.

    GigE cameras tell their clock's frequency: 125 MHz for ace Classic, 1 GHz while PTP sets it.
    USB 3 cameras, ace 2 and boost have no such node and count nanoseconds (Basler's product
    documentation, Timestamp). The emulator has neither: it stamps its frames with 0, which is none.
    """
    frequency_hz = nodes.read_optional("GevTimestampTickFrequency")
    return 1e9 / float(frequency_hz) if frequency_hz else _NANOSECOND
