"""Making a station's directories."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from qc_edge.store.disk_errors import store_error

_SHARED_MODE = 0o770


def make_directories(directories: Iterable[Path], shared: Iterable[Path] = ()) -> None:
    """Make the directories that are missing; in those of `shared` the group may write.

    Raises DiskFullError or StoreError.
    """
    for directory in directories:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise store_error(fault, f"cannot make the directory {directory}") from fault
    for directory in shared:
        # Another's directory stays as it is: whoever made it so knows why.
        with suppress(PermissionError):
            directory.chmod(_SHARED_MODE)
