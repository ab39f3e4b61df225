"""The directory in which records of labels wait for the station, and the masks that they name.

Members of the station's group may write here, so that the reader trusts neither a name nor a file.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from qc_edge.errors import RecordError, RightsError
from qc_edge.labels.record import RECORD_MAX, SaidLabel, decode, encode
from qc_edge.settings import StationPaths
from qc_edge.store.disk_errors import store_error
from qc_edge.store.durable import Disk, write_file
from qc_edge.store.safe_read import read_regular_file
from qc_edge.store.set_aside import move_aside
from qc_edge.vision import UnreadableFrameError

_MODE = 0o644
"""The station's user reads what a member of its group has written; nobody else gets so far."""

_SUFFIX = ".json"

MASK_MAX = 16 << 20
"""Bytes of a mask's file."""


def put(paths: StationPaths, labels: Sequence[SaidLabel], now: datetime) -> Path:
    """Write a record with these labels, durably, whole or not at all; where it waits.

    Raises RightsError, DiskFullError or StoreError.
    """
    check_writable(paths)
    return put_record(paths.labels, encode(paths.name, labels), now)


def put_record(directory: Path, content: bytes, now: datetime) -> Path:
    """Write a record durably into `directory`, whole or not at all; where it waits."""
    path = directory / f"{now:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(4)}{_SUFFIX}"
    write_file(path, content, mode=_MODE)
    return path


def keep_mask(paths: StationPaths, png: bytes) -> str:
    """Keep a mask durably under its digest, which is returned. Raises as `put`."""
    check_writable(paths)
    sha256 = hashlib.sha256(png).hexdigest()
    path = mask_path(paths, sha256)
    if not path.exists():
        write_file(path, png, mode=_MODE)
    return sha256


def mask_path(paths: StationPaths, sha256: str) -> Path:
    """Where the mask with that digest is kept."""
    return paths.masks / f"{sha256}.png"


def check_writable(paths: StationPaths, *, holds: bool = False) -> None:
    """Raise RightsError unless this user may write labels, or `holds`, of the station."""
    directory, noun = (paths.holds, "holds") if holds else (paths.labels, "labels")
    directory = directory if directory.exists() else paths.state
    if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
        raise RightsError(
            f"{directory}: this user may not write {noun} of the station; nothing was written"
        )


def waiting(directory: Path) -> list[Path]:
    """The records that wait in `directory`, oldest first. Raises StoreError if it does not list."""
    try:
        names = os.listdir(directory)  # noqa: PTH208 - once a second
    except FileNotFoundError:
        return []
    except OSError as fault:
        raise store_error(fault, f"cannot list {directory}") from fault
    # A hidden one is being written.
    return [directory / name for name in sorted(names) if not name.startswith(".")]


def read(path: Path, station: str) -> list[SaidLabel]:
    """The labels of a record. Raises RecordError or UnreadableFrameError for what is none,
    FileNotFoundError if it has gone.
    """
    return decode(read_regular_file(path, RECORD_MAX, "for a record of labels"), station)


def waiting_labels(paths: StationPaths) -> Iterator[SaidLabel]:
    """What was said and is no row yet, oldest first; what does not read is left out."""
    for path in waiting(paths.labels):
        with suppress(OSError, UnreadableFrameError, RecordError):
            yield from read(path, paths.name)


def set_aside(paths: StationPaths, path: Path) -> Path:
    """Move a record that is refused to the state's `set-aside/`. Raises StoreError."""
    target = paths.set_aside / f"{path.parent.name}-{path.name[:120]}"
    move_aside(path, target)
    return target


def retire(path: Path) -> None:
    """Remove a record whose labels are rows. Raises StoreError."""
    Disk().unlink(path)
