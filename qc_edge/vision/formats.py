"""What an image file's own structure says: its kind, its size, and whether all of it is there.

Reads headers and lengths only and never decodes a pixel. It stands before the decoder because
decoders make half-grey images of torn files, and allocate what a hostile header asks for.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError, tiff

PNM_HEADER = re.compile(
    rb"P([56])(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,5})\s"
)
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_JPEG_MAX_SCANS = 500


@dataclass(frozen=True, slots=True)
class Header:
    """`kind` in words, size in pixels, bits per value (8..16; 16 where the file does not say
    less).
    """

    kind: str
    width: int
    height: int
    bit_depth: int = 16


def examine(data: bytes | memoryview) -> Header:
    """The header of a whole PNG, JPEG, TIFF, BMP or binary PGM/PPM file.

    Raises UnreadableFrameError: EMPTY_FILE, NOT_AN_IMAGE, TORN_FILE, or UNREADABLE for the variants
    that the station does not take.
    """
    if not data:
        raise UnreadableFrameError(Reason.EMPTY_FILE, "the file has no bytes")
    whole = bytes(data)
    start = whole[:8]
    try:
        if start == _PNG:
            return _png(whole)
        if start.startswith(b"\xff\xd8\xff"):
            return _jpeg(whole)
        if start.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
            return Header("TIFF", *tiff.examine(whole))
        if start.startswith(b"BM"):
            return _bmp(whole)
        if re.match(rb"P[56][\s#]", start):
            return _pnm(whole)
    except (struct.error, IndexError):
        raise torn("the file ends inside its header") from None
    if len(whole) < 8 and any(
        magic.startswith(whole) for magic in (_PNG, b"\xff\xd8\xff", b"P5\n", b"P6\n")
    ):
        raise torn(f"the file ends after {len(whole)} bytes")
    raise UnreadableFrameError(
        Reason.NOT_AN_IMAGE,
        f"starts with {start!r}, expected PNG, JPEG, TIFF, BMP or binary PGM/PPM",
    )


def torn(detail: str) -> UnreadableFrameError:
    """A file that stops before its own structure says it should."""
    return UnreadableFrameError(Reason.TORN_FILE, detail)


def _png(data: bytes) -> Header:
    width = height = 0
    at = len(_PNG)
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise torn(f"PNG: chunk {kind!r} ends at byte {end}, the file has {len(data)}")
        if zlib.crc32(data[at + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise torn(f"PNG: chunk {kind!r} at byte {at} does not match its checksum")
        if not width:
            if kind != b"IHDR":
                raise UnreadableFrameError(Reason.UNREADABLE, "PNG: does not begin with its header")
            width, height = struct.unpack_from(">II", data, at + 8)
            if not (width and height):
                raise UnreadableFrameError(Reason.UNREADABLE, f"PNG of {width} x {height} pixels")
        if kind == b"IEND":
            return Header("PNG", width, height)
        at = end


def _jpeg(data: bytes) -> Header:
    width = height = scans = 0
    at = 2
    while True:
        found = _JPEG_MARKER.search(data, at)
        if found is None:
            raise torn("JPEG: the file ends before its end mark")
        marker, at = data[found.end() - 1], found.end()
        if marker == 0xD9:
            break
        if marker in {0x01, 0xD8}:
            continue
        length = struct.unpack_from(">H", data, at)[0]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            if width:
                raise UnreadableFrameError(
                    Reason.UNREADABLE, "JPEG with more than one frame header"
                )
            height, width = struct.unpack_from(">HH", data, at + 3)
        scans += marker == 0xDA
        if scans > _JPEG_MAX_SCANS:
            raise UnreadableFrameError(
                Reason.UNREADABLE, f"JPEG of more than {_JPEG_MAX_SCANS} scans"
            )
        at += length
    if not (width and height and scans):
        raise UnreadableFrameError(
            Reason.UNREADABLE, f"JPEG of {width} x {height} pixels, {scans} scans"
        )
    return Header("JPEG", width, height)


def _bmp(data: bytes) -> Header:
    offset, size = struct.unpack_from("<II", data, 10)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    elif 40 <= size <= 124:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    else:
        raise UnreadableFrameError(
            Reason.NOT_AN_IMAGE, f"BMP: its header is {size} bytes, expected 12 or 40..124"
        )
    if compression not in {0, 3} or bits not in {1, 4, 8, 16, 24, 32}:
        raise UnreadableFrameError(
            Reason.UNREADABLE,
            f"BMP of {bits} bits, compression {compression}: only plain ones are taken",
        )
    if width <= 0 or height == 0:
        raise UnreadableFrameError(Reason.UNREADABLE, f"BMP of {width} x {height} pixels")
    expected = offset + (width * bits + 31) // 32 * 4 * abs(height)
    if len(data) < expected:
        raise torn(f"BMP: {len(data)} bytes, its header says {expected}")
    return Header("BMP", width, abs(height))


def _pnm(data: bytes) -> Header:
    found = PNM_HEADER.match(data)
    if found is None:
        raise torn("PGM/PPM: the header is not complete")
    channels = 3 if found[1] == b"6" else 1
    width, height, maxval = int(found[2]), int(found[3]), int(found[4])
    if not (width and height and 0 < maxval < 65536):
        raise UnreadableFrameError(
            Reason.UNREADABLE, f"PNM of {width} x {height} pixels, maxval {maxval}"
        )
    expected = found.end() + width * height * channels * (2 if maxval > 255 else 1)
    if len(data) < expected:
        raise torn(f"PGM/PPM: {len(data)} bytes, its header says {expected}")
    return Header("PPM" if channels == 3 else "PGM", width, height, max(8, maxval.bit_length()))
