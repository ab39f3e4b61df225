"""One at a time at the small files of a directory, whichever process it is."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qc_edge.store.directories import make_directories


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Nobody else changes a file of `directory` in here, who asks in this way. Raises StoreError
    if it cannot be made.
    """
    make_directories([directory])
    # The directory and not the file, which is replaced.
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
