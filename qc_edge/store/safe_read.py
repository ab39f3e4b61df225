"""Reading what somebody else put there: a plain file of a bounded size, or a refusal."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError


def read_regular_file(path: Path, max_bytes: int, bound: str) -> bytes:
    """The bytes of `path`, at most `max_bytes`; `bound` says where that limit stands.

    Raises UnreadableFrameError for what is no plain file (links are not followed), is too large or
    cannot be read; FileNotFoundError if it has gone.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as fault:
        kind = Reason.REFUSED_PATH if path.is_symlink() else Reason.UNREADABLE
        raise UnreadableFrameError(
            kind, f"cannot open it: {fault.strerror}, expected a plain file"
        ) from fault
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableFrameError(Reason.REFUSED_PATH, "it is no plain file")
        if found.st_size > max_bytes:
            raise UnreadableFrameError(
                Reason.TOO_LARGE, f"{found.st_size} bytes, expected at most {max_bytes} ({bound})"
            )
        with os.fdopen(os.dup(fd), "rb", buffering=0) as file:
            return file.read()
    except OSError as fault:
        raise UnreadableFrameError(
            Reason.UNREADABLE, f"cannot read it: {fault.strerror}"
        ) from fault
    finally:
        os.close(fd)
