"""How many frames pylon may hold while they wait to be grabbed."""

from __future__ import annotations

from typing import Any

from qc_edge.camera.driver import genicam
from qc_edge.camera.nodes import Nodes

_BUFFER_BYTES = 256 << 20
_FEWEST_BUFFERS = 10
"""pylon's own default for MaxNumBuffer."""

_MOST_BUFFERS = 64


def size_buffers(camera: Any, payload_bytes: int, chunk: str | None) -> int:
    """Give pylon as many buffers as 256 MiB hold, 10 to 64, and return their number.

    They take a burst while the disk is busy: capture fsyncs every frame before the next grab.
    `chunk` is the node of the frame counter chunk, None where frames are counted by block id.
    """
    fitting = _BUFFER_BYTES // max(payload_bytes, 1)
    buffers = min(_MOST_BUFFERS, max(_FEWEST_BUFFERS, fitting))
    instance = Nodes(camera.GetInstantCameraNodeMap(), genicam.GenericException)
    instance.set_if_available(buffers, "MaxNumBuffer")
    instance.set_if_available(True, "UseExtendedIdIfAvailable")  # GigE: 64 bits for 16
    instance.set_if_available(chunk is not None, "ChunkNodeMapsEnable")
    if chunk is not None:
        # One node map for each buffer: a smaller pool runs out while a burst waits.
        instance.set_if_available(buffers, "StaticChunkNodeMapPoolSize")
    return buffers
