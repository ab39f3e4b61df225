"""pypylon, loaded as a station must have it: without the cache that one full disk would make a
trap.

GenICam keeps each camera's parsed description in $HOME, and neither forces it to the disk nor looks
whether it was written whole. A file that a full disk or a power cut has torn is read again at every
start, and the camera never opens any more. Without it the emulator opens as fast as with it.
"""

from __future__ import annotations

import os
import warnings

from qc_edge.errors import CameraError

_NOWHERE = "/dev/null/no-genicam-cache"
"""A directory that cannot be: pylon then keeps no cache at all."""

# the name has GenICam's version in it; whoever sets one has chosen a place
for _minor in range(10):
    os.environ.setdefault(f"GENICAM_CACHE_V3_{_minor}", _NOWHERE)

try:
    # pylon's types warn (DeprecationWarning, SWIG) while they are made; turned into an error, that
    # ends the process with a segmentation fault.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pypylon import genicam, pylon
except (
    Exception
) as fault:  # pylon starts while it is imported, and raises types that are not there yet
    raise CameraError(
        f"pypylon cannot be loaded: {' '.join(str(fault).split())}",
        hint="pip install 'qc-edge[basler]'; without it, `backend = \"folder\"` plays image files",
    ) from fault

__all__ = ["genicam", "pylon"]
