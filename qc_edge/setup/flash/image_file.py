"""A whole disk as a signed file: all of its bytes are checked before a disk is touched."""

from __future__ import annotations

import gzip
import hashlib
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

    def pieces(self) -> Iterator[bytes]:
        """All bytes of the disk, in pieces of PIECE; the last may be shorter.

        Raises StoreError if the medium does not give them any more.
        """
        left = self.table.size
        try:
            with gzip.open(self.path) as file:
                while left and (piece := file.read(min(PIECE, left))):
                    left -= len(piece)
                    yield piece
                file.read(1)  # the checksum behind the last byte is compared
        except (OSError, EOFError, zlib.error) as fault:
            raise StoreError(
                f"{self.path} cannot be read any more: {fault}", hint="another stick; begin again"
            ) from None
        if left:
            raise StoreError(
                f"{self.path} ends {left:,} bytes too early", hint="build and sign the image again"
            )


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
    return DiskImage(path, offer.manifest.version, offer.signer, table)


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
