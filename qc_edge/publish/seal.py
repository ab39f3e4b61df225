"""The seal of a finished day: a manifest with the digest of every published file and the end of
the chain.

`published/seal/date=2026-11-22.json`. Once it is there, no row is recorded on that day and none of
its files changes; what is sealed is what goes upstream. Nothing here writes a Parquet file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from qc_edge.errors import StoreError
from qc_edge.query.published_files import SEAL_FILE, SEALS
from qc_edge.query.published_files import seal_path as seal_path
from qc_edge.store.durable import Disk

FORMAT = 1
"""Version of the manifest; a reader refuses any other."""


@dataclass(frozen=True, slots=True)
class SealedFile:
    """One published file of a sealed day: its path relative to the published log, the number of its
    rows, the first and last number in the chain (None without rows), and the sha256 (hex) of its
    bytes.
    """

    path: str
    rows: int
    first_seq: int | None
    last_seq: int | None
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Seal:
    """The manifest of a day. `last_hash` is the chain's hash (hex) of the row with the highest
    number: by it the seal vouches for all rows before it, too.

    Numbers are None and the hash is empty for a day without rows.
    """

    day: date
    station: str
    sealed_at: datetime
    rows: int
    first_seq: int | None
    last_seq: int | None
    last_hash: str
    files: tuple[SealedFile, ...]

    def to_json(self) -> bytes:
        """The bytes of the manifest file."""
        return (
            json.dumps({"format": FORMAT, **asdict(self)}, indent=1, default=str).encode() + b"\n"
        )


def make_seal(
    day: date, station: str, sealed_at: datetime, files: Sequence[tuple[SealedFile, str]]
) -> Seal:
    """The manifest of `day` over its files, each with the hash of its last row."""
    with_rows = [(file, last_hash) for file, last_hash in files if file.rows]
    last, last_hash = max(with_rows, key=lambda end: end[0].last_seq or 0, default=(None, ""))
    return Seal(
        day=day,
        station=station,
        sealed_at=sealed_at,
        rows=sum(file.rows for file, _ in files),
        first_seq=min((file.first_seq or 0 for file, _ in with_rows), default=None),
        last_seq=last.last_seq if last else None,
        last_hash=last_hash,
        files=tuple(file for file, _ in files),
    )


def sealed_days(published: Path) -> set[date]:
    """The days that are sealed."""
    days = set()
    for path in (published / SEALS).glob("date=????-??-??.json"):
        with suppress(ValueError):  # no day: a stranger's file
            days.add(datetime.strptime(path.name, SEAL_FILE).date())  # noqa: DTZ007
    return days


def read_seal(published: Path, day: date) -> Seal:
    """The manifest of a sealed day. Raises StoreError if it is missing or does not read."""
    path = seal_path(published, day)
    try:
        return parse_seal(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise StoreError(
            f"cannot read the seal {path}: {fault}",
            hint="a seal is never edited: restore it from upstream or a backup",
        ) from None


def parse_seal(data: bytes) -> Seal:
    """A manifest from its bytes. Raises ValueError if they are none."""
    try:
        values: dict[str, Any] = json.loads(data)
        if values.pop("format") != FORMAT:
            raise ValueError(f"expected format {FORMAT}")
        files = tuple(SealedFile(**file) for file in values.pop("files"))
        values |= {
            "day": date.fromisoformat(values["day"]),
            "sealed_at": datetime.fromisoformat(values["sealed_at"]),
        }
        return Seal(**values, files=files)
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"no manifest: {fault!r}") from None


def manifest_sha256(seal: Seal) -> str:
    """Digest (hex) of the manifest's bytes, as they are or will be in its file."""
    return hashlib.sha256(seal.to_json()).hexdigest()


def write_seal(published: Path, seal: Seal, disk: Disk) -> None:
    """Write the manifest, durably, and make it and the day's files read-only. Raises StoreError."""
    path = seal_path(published, seal.day)
    path.parent.mkdir(parents=True, exist_ok=True)
    disk.write(path, [seal.to_json()], path.with_name(f".{path.name}.tmp"))
    disk.sync_directory(path.parent)
    make_read_only(published, seal)


def make_read_only(published: Path, seal: Seal) -> None:
    """Take the right to write from the manifest and the day's files.

    A reminder, not a guard: root, or the owner by chmod, can still write. That is seen by the
    digests, whose own digest is in the `sealed` event of the chain. Raises OSError.
    """
    for sealed in (seal_path(published, seal.day), *(published / file.path for file in seal.files)):
        mode = sealed.stat().st_mode
        if mode & 0o222:
            sealed.chmod(mode & ~0o222)


def is_as_sealed(published: Path, day: date, file: str) -> bool:
    """True if `file` (relative to the published log) has the bytes that its day's manifest names.

    Raises StoreError if the manifest is missing or does not read.
    """
    digests = {sealed.path: sealed.sha256 for sealed in read_seal(published, day).files}
    return file_sha256(published / file) == digests.get(file)


def file_sha256(path: Path) -> str:
    """Digest (hex) of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
