"""Reading files that others have put there: a regular file of a bounded size, or a refusal."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError

PIECE = 1 << 20
"""Bytes that are read at once of a file of any size."""


@dataclass(frozen=True, slots=True)
class FileHead:
    """The beginning of a file that was too large to be copied whole, and what the whole was."""

    length: int
    size: int
    sha256: str


def read_regular_file(path: Path, max_bytes: int, bound: str) -> bytes:
    """The bytes of `path`, at most `max_bytes`; `bound` says in the error where that limit stands.

    Raises UnreadableFrameError for what is no regular file (links are not followed), is too large
    or cannot be read; FileNotFoundError if it has gone.
    """
    try:
        fd = open_for_reading(path)
    except FileNotFoundError:
        raise
    except OSError as fault:
        kind = Reason.REFUSED_PATH if path.is_symlink() else Reason.UNREADABLE
        raise UnreadableFrameError(
            kind, f"cannot open it: {fault.strerror}, expected a plain file"
        ) from fault
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFrameError(Reason.REFUSED_PATH, "it is no plain file")
        if status.st_size > max_bytes:
            raise UnreadableFrameError(
                Reason.TOO_LARGE, f"{status.st_size} bytes, expected at most {max_bytes} ({bound})"
            )
        with os.fdopen(os.dup(fd), "rb", buffering=0) as file:
            # Not to its end: whoever holds it open may write more than there was a moment ago.
            return file.read(max(status.st_size, 1)) or b""
    except OSError as fault:
        raise UnreadableFrameError(
            Reason.UNREADABLE, f"cannot read it: {fault.strerror}"
        ) from fault
    finally:
        os.close(fd)


def open_for_reading(path: Path) -> int:
    """A descriptor of `path`, to be asked what it is and closed. Raises OSError.

    A link could lead to any file that the station may read; opening a pipe would wait for its other
    end. The rest is asked of the descriptor: what the name stands for may change meanwhile.
    """
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)


def read_pieces(fd: int, beat: Callable[[], object]) -> Iterator[bytes]:
    """What `fd` holds from where it stands, in pieces; `beat` is called after each of them.

    A file may have any size: neither the memory nor the watchdog of a worker bears it as a whole.
    """
    while piece := os.read(fd, PIECE):
        yield piece
        beat()


def digest_behind(head: bytes, fd: int, beat: Callable[[], object]) -> FileHead:
    """What the whole file is that begins with `head`; the rest is still to be read from `fd`."""
    size, digest = len(head), hashlib.sha256(head)
    for piece in read_pieces(fd, beat):
        size += len(piece)
        digest.update(piece)
    return FileHead(len(head), size, digest.hexdigest())
