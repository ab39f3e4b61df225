"""pylon's word that a camera has gone: heard on a thread of pylon's own."""

from __future__ import annotations

import threading
from typing import Any

from qc_edge.camera.driver import pylon


class RemovalWatch(pylon.ConfigurationEventHandler):  # type: ignore[misc]
    """Sets `removed` when pylon reports, on a thread of its own, that the device has gone.

    Asking IsCameraDeviceRemoved before every grab instead costs a millisecond a frame.
    """

    def __init__(self, removed: threading.Event) -> None:
        super().__init__()
        self._removed = removed

    def OnCameraDeviceRemoved(self, camera: Any) -> None:  # noqa: ARG002, N802
        """Called by pylon."""
        self._removed.set()
