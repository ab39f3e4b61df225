"""Whether a TIFF file holds every byte that its directories point to. Never decodes a pixel.

Layout: Adobe TIFF 6.0 section 2; BigTIFF as in libtiff's specification.
"""

from __future__ import annotations

import struct

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError

_WIDTH, _HEIGHT = 256, 257
_CHUNKS = {273: 279, 324: 325}
"""Tag of the offsets of the strips (of the tiles) -> tag of their lengths in bytes."""
_TYPES = {
    1: "B",
    2: "B",
    3: "H",
    4: "I",
    5: "II",
    6: "b",
    7: "B",
    8: "h",
    9: "i",
    10: "ii",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}
_NEEDED = {_WIDTH, _HEIGHT, *_CHUNKS, *_CHUNKS.values()}
_MAX_DIRECTORIES = 1000

_Directory = dict[int, tuple[int, ...]]


def examine(data: bytes) -> tuple[int, int]:
    """Width and height (pixels) of the first image of a whole classic or big TIFF.

    Raises UnreadableFrameError: TORN_FILE if a directory, a value, a strip or a tile of any image
    lies beyond the end, UNREADABLE if the first directory has no image; struct.error if the file
    ends inside its header.
    """
    order = "<" if data[:1] == b"I" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    at = int(struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0])
    size: tuple[int, int] | None = None
    for _ in range(_MAX_DIRECTORIES):
        directory, at = _directory(data, at, order, big)
        _check_chunks(data, directory)
        if size is None:
            size = _size(directory)
        if at == 0:
            return size
    raise UnreadableFrameError(
        Reason.UNREADABLE, f"TIFF of more than {_MAX_DIRECTORIES} directories"
    )


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


def _size(directory: _Directory) -> tuple[int, int]:
    width, height = directory.get(_WIDTH, (0,)), directory.get(_HEIGHT, (0,))
    chunks = any(
        directory.get(offsets) and directory.get(lengths) for offsets, lengths in _CHUNKS.items()
    )
    if not (width and height and width[0] > 0 and height[0] > 0 and chunks):
        raise UnreadableFrameError(
            Reason.UNREADABLE, "TIFF: its first directory holds no image with sizes and lengths"
        )
    return width[0], height[0]


def _within(data: bytes, end: int, what: str) -> None:
    if end > len(data):
        raise UnreadableFrameError(
            Reason.TORN_FILE, f"TIFF: {what} ends at byte {end}, the file has {len(data)}"
        )
