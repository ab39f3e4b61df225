"""Whether a TIFF file holds every byte that its directories point to. Never decodes a pixel.

Layout: Adobe TIFF 6.0 section 2; BigTIFF as in libtiff's specification.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.several import several

_WIDTH, _HEIGHT, _BITS, _COMPRESSION = 256, 257, 258, 259
_SAMPLES, _ROWS_PER_STRIP, _PLANAR = 277, 278, 284
_TILE_WIDTH, _TILE_HEIGHT, _SUB_DIRECTORIES = 322, 323, 330
_CHUNKS = {273: 279, 324: 325}
"""Tag of the offsets of the strips (of the tiles) -> tag of their lengths in bytes."""
_TYPE_CODES = ("B", "B", "H", "I", "II", "b", "B", "h", "i", "ii", "f", "d", "I", "Q", "q", "Q")
_TYPES = dict(zip((*range(1, 14), *range(16, 19)), _TYPE_CODES, strict=True))
"""Type of a directory entry -> its struct code; a fraction (5, 10) is two numbers."""
_NEEDED = {
    *(_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _ROWS_PER_STRIP, _PLANAR),
    *(_TILE_WIDTH, _TILE_HEIGHT, _SUB_DIRECTORIES, *_CHUNKS, *_CHUNKS.values()),
}
_Directory = dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Strips:
    """The one image of a TIFF: its size in pixels, and its strips or tiles as they lie in the file.

    `bits` of one value, `samples` of one pixel, `places` are (offset, length in bytes),
    `row_bytes` of one row of a strip or tile uncompressed, `rows` in each (the last strip may have
    fewer).
    """

    width: int
    height: int
    bits: int
    samples: int
    compression: int
    places: tuple[tuple[int, int], ...]
    row_bytes: int
    rows: int
    is_tiled: bool

    @property
    def most_bytes(self) -> int:
        """Bytes of a whole strip or tile, uncompressed."""
        return self.row_bytes * self.rows

    def bytes_of(self, index: int) -> int:
        """Bytes of strip or tile `index`, uncompressed."""
        if self.is_tiled:
            return self.most_bytes
        a_plane = -(-self.height // self.rows)
        return self.row_bytes * min(self.rows, self.height - index % a_plane * self.rows)


def examine(data: bytes) -> Strips:
    """The one image of a whole classic or big TIFF.

    Raises UnreadableFrameError: TORN_FILE if a directory, a value, a strip or a tile lies beyond
    the end, SEVERAL_IMAGES if there is a second directory, UNREADABLE if the first has no image;
    struct.error if the file ends inside its header.
    """
    order = "<" if data[:1] == b"I" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    at = int(struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0])
    directory, following = _directory(data, at, order, big)
    _check_chunks(data, directory)
    if following:
        _check_chunks(data, _directory(data, following, order, big)[0])
        raise several("TIFF", "it has more than one page")
    if directory.get(_SUB_DIRECTORIES):
        raise several("TIFF", "its page holds further pictures (SubIFDs)")
    return _strips(directory)


def _directory(data: bytes, at: int, order: str, big: bool) -> tuple[_Directory, int]:
    """The needed tags of the directory at byte `at`, and where the next one begins (0: none)."""
    entry, word, inline = (20, "Q", 8) if big else (12, "I", 4)
    count_format = order + ("Q" if big else "H")
    _within(data, at + struct.calcsize(count_format), "directory")
    count = int(struct.unpack_from(count_format, data, at)[0])
    at += struct.calcsize(count_format)
    _within(data, at + count * entry + inline, "directory")
    tags: _Directory = {}
    for _ in range(count):
        tag, kind, number = struct.unpack_from(f"{order}HH{word}", data, at)
        code = _TYPES.get(kind, "B")
        length = number * struct.calcsize(order + code)
        place = at + entry - inline
        if length > inline:
            place = int(struct.unpack_from(order + word, data, place)[0])
        _within(data, place + length, f"the value of tag {tag}")
        if tag in _NEEDED:
            tags[tag] = struct.unpack_from(f"{order}{number * len(code)}{code[0]}", data, place)
        at += entry
    return tags, int(struct.unpack_from(order + word, data, at)[0])


def _check_chunks(data: bytes, directory: _Directory) -> None:
    for offsets, lengths in _CHUNKS.items():
        for offset, length in zip(
            directory.get(offsets, ()), directory.get(lengths, ()), strict=False
        ):
            _within(data, offset + length, "image data")


def _strips(directory: _Directory) -> Strips:
    def value(tag: int, otherwise: int) -> int:
        return (directory.get(tag) or (otherwise,))[0]

    width, height = value(_WIDTH, 0), value(_HEIGHT, 0)
    places = tuple(
        place
        for offsets, lengths in _CHUNKS.items()
        for place in zip(directory.get(offsets, ()), directory.get(lengths, ()), strict=False)
    )
    if not (width > 0 and height > 0 and places):
        raise UnreadableFrameError(
            Reason.UNREADABLE, "TIFF: its first directory holds no image with sizes and lengths"
        )
    bits, samples = value(_BITS, 1), value(_SAMPLES, 1)
    is_tiled = bool(directory.get(_TILE_WIDTH))
    columns = value(_TILE_WIDTH, width)
    rows = value(_TILE_HEIGHT, height) if is_tiled else min(value(_ROWS_PER_STRIP, height), height)
    # Planes apart (2): a strip holds one sample of each pixel.
    row_bytes = (columns * bits * (1 if value(_PLANAR, 1) == 2 else samples) + 7) // 8
    compression = value(_COMPRESSION, 1)
    return Strips(
        width, height, bits, samples, compression, places, row_bytes, max(1, rows), is_tiled
    )


def _within(data: bytes, end: int, what: str) -> None:
    if end > len(data):
        raise UnreadableFrameError(
            Reason.TORN_FILE, f"TIFF: {what} ends at byte {end}, the file has {len(data)}"
        )
