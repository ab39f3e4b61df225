"""Loads pypylon, without GenICam's cache on disk: one full disk would spoil it for good.

GenICam keeps each camera's parsed description in $HOME, and neither forces it to the disk nor looks
whether it was written whole. A file that a full disk or a power cut has torn is read again at every
start, and the camera never opens any more. Without it the emulator opens as fast as with it.
"""

from __future__ import annotations

import os
import warnings

from qc_edge.errors import CameraError

_IMPOSSIBLE_DIRECTORY = "/dev/null/no-genicam-cache"
"""A directory that cannot be made: pylon then keeps no cache at all."""

# The variable's name has GenICam's version in it, which moves with pypylon. A value that is set
# already is somebody's choice of a place and stays.
for _minor in range(10):
    os.environ.setdefault(f"GENICAM_CACHE_V3_{_minor}", _IMPOSSIBLE_DIRECTORY)

try:
    # SWIG's types warn (DeprecationWarning) while they are made; where a warning is an error, that
    # ends the process with a segmentation fault.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pypylon import genicam, pylon
# Everything: pylon starts while it is imported, and what it raises then is of types that the
# import has not made yet.
except Exception as fault:
    raise CameraError(
        f"pypylon cannot be loaded: {' '.join(str(fault).split())}",
        hint="pip install 'qc-edge[basler]'; without it, `backend = \"folder\"` plays image files",
    ) from fault

__all__ = ["genicam", "pylon"]
