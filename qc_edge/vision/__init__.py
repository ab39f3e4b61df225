"""Everything that looks at pixels without a model: reading, digests, gates, preparation,
calibration.

Pure functions of bytes and parameters; nothing here touches the disk, the clock or a setting.
"""

from __future__ import annotations

import cv2

from qc_edge.domain.verdict import Reason

# OpenCV would write to stderr about every bad file; the station says it in its own words, in the
# row.
if hasattr(cv2, "setLogLevel"):  # OpenCV 4
    cv2.setLogLevel(0)
else:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class UnreadableFrameError(Exception):
    """These bytes are no frame: data about one file, never a fault of the station.

    `reason` is the stable code that goes into the row, `detail` says what was found and expected.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
