"""The pictures of an export: copies of the evidence, each held against the digest in its row."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from qc_edge.export.request import PICTURE_FOLDERS
from qc_edge.query import evidence
from qc_edge.query.evidence import EvidenceMatch
from qc_edge.query.published_files import sql_path
from qc_edge.query.published_log import PublishedCursor
from qc_edge.store.disk_errors import store_error

_KINDS = ("raw", "prepared", "map")


@dataclass(frozen=True, slots=True)
class NamedPicture:
    """A file of evidence that a row names: `kind` is raw, prepared or map, `path` from the
    station's state directory, `sha256` of its pixels (None: the row has none).
    """

    frame_id: str
    kind: str
    path: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class ExportedPicture:
    """What became of a named picture.

    `path` is where it is in the export, None if it could not be had; `match` how its pixels compare
    with the row (same, changed, missing, unreadable, unproven), `size` its bytes.
    """

    named: NamedPicture
    path: str | None
    match: EvidenceMatch
    size: int = 0


def copy_pictures(
    cursor: PublishedCursor,
    inspections: Path,
    state: Path,
    directory: Path,
    on_picture: Callable[[int, int], None],
) -> list[ExportedPicture]:
    """Copy what the rows in the file `inspections` name from `state` into `directory`, under the
    same names; what became of each. Raises StoreError if a copy cannot be written.
    """
    named = list(_named(cursor, inspections))
    pictures = []
    for number, picture in enumerate(named):
        on_picture(number, len(named))
        pictures.append(_copied(picture, state, directory))
    on_picture(len(named), len(named))
    return pictures


def _named(cursor: PublishedCursor, inspections: Path) -> Iterator[NamedPicture]:
    columns = ", ".join(f"{kind}_path, {kind}_sha256" for kind in _KINDS)
    query = f"SELECT frame_id, {columns} FROM read_parquet({sql_path(inspections)})"  # noqa: S608
    for portion in cursor.portions(query):
        for frame_id, *values in portion:
            for kind, path, sha256 in zip(_KINDS, values[::2], values[1::2], strict=True):
                if path is not None:
                    yield NamedPicture(frame_id, kind, path, sha256)


def _copied(picture: NamedPicture, state: Path, directory: Path) -> ExportedPicture:
    found = evidence.find(state, picture.path) if _is_evidence(picture.path) else None
    if found is None:
        return ExportedPicture(picture, None, EvidenceMatch.MISSING)
    name = found.relative_to(state).as_posix()
    target = directory / name
    try:
        # A node may drop a link or a pipe, which is in quarantine as it came: neither is followed.
        source = os.open(found, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as fault:
        gone = fault.errno == errno.ENOENT
        match = EvidenceMatch.MISSING if gone else EvidenceMatch.UNREADABLE
        return ExportedPicture(picture, None, match)
    with os.fdopen(source, "rb") as opened:
        if not stat.S_ISREG(os.fstat(source).st_mode):
            return ExportedPicture(picture, None, EvidenceMatch.UNREADABLE)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as copy:
                shutil.copyfileobj(opened, copy, 1 << 20)
                copy.flush()
                os.fsync(copy.fileno())
        except OSError as fault:
            raise store_error(fault, f"cannot copy {picture.path}") from fault
    # The copy and not the original: what is said is true of what the receiver gets.
    match = evidence.compare(directory, name, picture.sha256).match
    return ExportedPicture(picture, name, match, target.stat().st_size)


def _is_evidence(relative: str) -> bool:
    """A row is data: whatever path stands in it, only evidence leaves the station."""
    parts = PurePosixPath(relative).parts
    return len(parts) > 1 and parts[0] in PICTURE_FOLDERS and ".." not in parts
