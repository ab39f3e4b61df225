"""The system's errors at the disk, as the station's: what, where, what to do."""

from __future__ import annotations

import errno
from pathlib import Path

from qc_edge.errors import StoreError
from qc_edge.store.disk_room import no_room, read_only

_FULL = {errno.ENOSPC, errno.EDQUOT}
_IN_THE_WAY = "a file stands where a directory belongs: move it elsewhere"
_NOT_ALLOWED = "run as the station's user; chown the station's files if they were copied"
_HINTS = {
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.EISDIR: "a directory stands where a file belongs: move it elsewhere",
}


def store_error(fault: OSError, what: str) -> StoreError:
    """The station's error for the system's; `what` says what could not be done.

    DiskFullError where there is no room, DiskReadOnlyError where nothing can be written: the
    station waits for both; else StoreError.
    """
    if fault.errno in _FULL:
        # Only a call that names a file, and so makes one, can want for inodes.
        return no_room(what, Path(fault.filename).parent if fault.filename else None)
    if fault.errno == errno.EROFS:
        return read_only(what)
    hint = _HINTS.get(fault.errno or 0, "look at the disk: dmesg, smartctl, mount options")
    return StoreError(f"{what}: {fault.strerror or fault}", hint=hint)
