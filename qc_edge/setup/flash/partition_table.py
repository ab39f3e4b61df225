"""The partition table (GPT) at the head of an image or a disk: read, and laid out for another disk.

Layout and checksums: UEFI specification 2.10, chapter 5.3. Sectors have 512 bytes here, as those of
every image of ours; a disk that has none of that size is refused by `disks`.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace

from qc_edge.errors import UpdateError

SECTOR = 512
HEAD = 34 * SECTOR
"""Bytes of the table at the head of a disk: protective MBR, header, 128 entries."""

_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_ENTRY = struct.Struct("<16s16sQQQ72s")
_ENTRIES = 128
_SIGNATURE = b"EFI PART"
_REVISION = 0x10000


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry: its sectors, first and last, and the bytes that say what it is."""

    label: str
    first: int
    last: int
    kind: bytes
    identity: bytes
    attributes: int = 0

    @property
    def start(self) -> int:
        """Its first byte."""
        return self.first * SECTOR

    @property
    def end(self) -> int:
        """The byte behind its last."""
        return (self.last + 1) * SECTOR


@dataclass(frozen=True, slots=True)
class PartitionTable:
    """The partitions of a disk of `sectors`, in the order of the entries."""

    sectors: int
    identity: bytes
    partitions: tuple[Partition, ...]

    @property
    def size(self) -> int:
        """Bytes of the disk that the table is made for."""
        return self.sectors * SECTOR

    def find(self, label: str) -> Partition | None:
        """The partition of this label; None if there is none."""
        return next((each for each in self.partitions if each.label == label), None)

    def with_partition(self, changed: Partition) -> PartitionTable:
        """The same with `changed` in the place of the one of its label."""
        both = (changed if each.label == changed.label else each for each in self.partitions)
        return replace(self, partitions=tuple(both))


def read_table(head: bytes) -> PartitionTable:
    """What the first HEAD bytes of a disk say. Raises UpdateError if there is no whole table."""
    try:
        header = _HEADER.unpack_from(head, SECTOR)
    except struct.error:
        raise _no_table("it is too short") from None
    signature, _, size, checksum, _, _, alternate, _, _, identity, at, count, step, entries = header
    if signature != _SIGNATURE:
        raise _no_table("its mark is missing")
    if zlib.crc32(_with_checksum(head[SECTOR : SECTOR + size], 0)) != checksum:
        raise _no_table("its checksum is wrong")
    listed = head[at * SECTOR : at * SECTOR + count * step]
    if step < _ENTRY.size or zlib.crc32(listed) != entries:
        raise _no_table("the checksum of its entries is wrong")
    partitions = []
    for number in range(count):
        kind, own, first, last, attributes, label = _ENTRY.unpack_from(listed, number * step)
        if any(kind):
            text = label.decode("utf-16-le", "replace").rstrip("\0")
            partitions.append(Partition(text, first, last, kind, own, attributes))
    return PartitionTable(alternate + 1, identity, tuple(partitions))


def lay_out(table: PartitionTable) -> tuple[bytes, bytes]:
    """The bytes at the head and at the end of the disk that `table` is for."""
    entries = b"".join(
        _ENTRY.pack(
            each.kind,
            each.identity,
            each.first,
            each.last,
            each.attributes,
            each.label.encode("utf-16-le"),
        )
        for each in table.partitions
    ).ljust(_ENTRIES * _ENTRY.size, b"\0")
    end, behind = table.sectors - 1, table.sectors - 33
    head = _header(table, entries, mine=1, other=end, at=2)
    back = _header(table, entries, mine=end, other=1, at=behind)
    return _protective(table.sectors) + head + entries, entries + back


def _header(table: PartitionTable, entries: bytes, *, mine: int, other: int, at: int) -> bytes:
    usable = 34, table.sectors - 34
    numbers = at, _ENTRIES, _ENTRY.size, zlib.crc32(entries)
    header = _HEADER.pack(
        _SIGNATURE, _REVISION, _HEADER.size, 0, 0, mine, other, *usable, table.identity, *numbers
    )
    return _with_checksum(header, zlib.crc32(header)).ljust(SECTOR, b"\0")


def _with_checksum(header: bytes, checksum: int) -> bytes:
    return header[:16] + struct.pack("<I", checksum) + header[20:]


def _protective(sectors: int) -> bytes:
    """A master boot record that tells old programs that the whole disk is taken."""
    taken = struct.pack("<8B2I", 0, 0, 2, 0, 0xEE, 255, 255, 255, 1, min(sectors - 1, 0xFFFFFFFF))
    return bytes(446) + taken + bytes(48) + b"\x55\xaa"


def _no_table(why: str) -> UpdateError:
    return UpdateError(f"there is no partition table: {why}", hint="is it the raw of an image?")
