"""A whole disk as a signed file: all of its bytes are checked before a disk is touched."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qc_edge.errors import StoreError, UpdateError
from qc_edge.setup.flash.partition_table import HEAD, PartitionTable, read_table
from qc_edge.setup.update.manifest import UpdateFile
from qc_edge.setup.update.source import DirectorySource
from qc_edge.setup.update.staging import look

PIECE = 4 << 20
"""Bytes that are read, written and compared at once."""

FOLDER = "image"
"""Where it lies on a stick."""

Progress = Callable[[str, int, int], object]
"""Told what is being done, how many bytes of it are, and of how many."""


@dataclass(frozen=True, slots=True)
class DiskImage:
    """A file that is what was signed: which version, by whom, and the partitions in it."""

    path: Path
    version: str
    signer: str
    table: PartitionTable
    sha256: str

    def pieces(self) -> Iterator[bytes]:
        """All bytes of the disk, in pieces of PIECE; the last may be shorter.

        Raises StoreError, behind the last piece, if the file is not any more what was signed when
        it was checked, or if the medium does not give it.
        """
        left = self.table.size
        try:
            with _Digesting(self.path) as raw, gzip.open(raw) as file:
                while left and (piece := file.read(min(PIECE, left))):
                    left -= len(piece)
                    yield piece
                file.read(1)  # the checksum behind the last byte is compared
                while raw.read(PIECE):
                    pass
                is_signed = raw.digest.hexdigest() == self.sha256
        except (OSError, EOFError, zlib.error) as fault:
            raise StoreError(
                f"{self.path} cannot be read any more: {fault}", hint="another stick; begin again"
            ) from None
        if not is_signed:
            raise StoreError(
                f"{self.path} has changed while it was written",
                hint="another stick; begin again, what is on the disk now is of no use",
            )
        if left:
            raise StoreError(
                f"{self.path} ends {left:,} bytes too early", hint="build and sign the image again"
            )


class _Digesting(io.FileIO):
    """A file that is read once, front to end, and the digest of what was read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.digest = hashlib.sha256()

    def read(self, size: int | None = -1, /) -> bytes:
        """As FileIO."""
        data = super().read(size) or b""
        self.digest.update(data)
        return data


def open_image(directory: Path, trusted: Sequence[str], progress: Progress) -> DiskImage:
    """The image in `directory`, signed by one of `trusted` and whole.

    Raises UpdateError if it is not; a signature has no date, so that a clock in 1970 does not
    matter.
    """
    if not trusted:
        raise UpdateError(
            "nobody's signature is trusted: no key is known",
            hint="trusted_keys in [update] of the seed, or --key, as qc-edge model keygen prints",
        )
    offer = look(DirectorySource(directory), trusted)
    if offer.manifest.kind != "disk":
        raise UpdateError(
            f"what lies in {directory} is an update ({offer.manifest.kind}) and no whole disk",
            hint="expected one qc-edge_VERSION.raw.gz, signed by qc-edge update sign",
        )
    (file,) = offer.manifest.files
    path = directory / file.name
    _check(path, file, progress)
    try:
        with gzip.open(path) as opened:
            table = read_table(opened.read(HEAD))
    except (OSError, EOFError, zlib.error) as fault:
        raise UpdateError(f"{path} is no image: {fault}", hint="gzip of a .raw?") from None
    return DiskImage(path, offer.manifest.version, offer.signer, table, file.sha256)


def _check(path: Path, file: UpdateFile, progress: Progress) -> None:
    digest, done = hashlib.sha256(), 0
    try:
        with path.open("rb") as opened:
            while piece := opened.read(PIECE):
                digest.update(piece)
                done += len(piece)
                progress("checking the image", done, file.size)
    except OSError as fault:
        raise UpdateError(
            f"cannot read {path}: {fault.strerror}", hint="copy the image anew"
        ) from None
    if done != file.size:
        raise UpdateError(
            f"{file.name} is truncated: {done:,} bytes of {file.size:,}; nothing was written",
            hint="copy it onto the stick again, and unmount the stick before it is pulled out",
        )
    if digest.hexdigest() != file.sha256:
        raise UpdateError(
            f"{file.name} is not the one that was signed; nothing was written",
            hint="copy it onto the stick again; if that does not help, take another stick",
        )
