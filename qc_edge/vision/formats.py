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
from qc_edge.vision.several import refuse_second_image, several

PNM_HEADER = re.compile(
    rb"P([56])(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,5})\s"
)
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 4, 6: 4}
"""Channels of the decoded picture by colour type (PNG specification, section 11.2.2)."""
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_JPEG_MAX_SCANS = 500


@dataclass(frozen=True, slots=True)
class Header:
    """What an image file says of itself before it is decoded.

    `kind` in words, size in pixels, bits per value (8..16; 16 where the file does not say less),
    `channels` and `value_bytes` (1 or 2) of the decoded picture, `end`: the byte behind the image,
    `strips` of a TIFF, `has_exif` of a JPEG.
    """

    kind: str
    width: int
    height: int
    bit_depth: int = 16
    channels: int = 1
    value_bytes: int = 1
    end: int = 0
    strips: tiff.Strips | None = None
    has_exif: bool = False

    @property
    def decoded_bytes(self) -> int:
        """What the decoded picture takes in memory."""
        return self.width * self.height * self.channels * self.value_bytes


def examine(data: bytes | memoryview) -> Header:
    """The header of a whole PNG, JPEG, TIFF, BMP or binary PGM/PPM file.

    Raises UnreadableFrameError: EMPTY_FILE, NOT_AN_IMAGE, TORN_FILE, SEVERAL_IMAGES if the file
    holds a second picture, or UNREADABLE for the variants that the station does not take.
    """
    header = _examine(data)
    if header.end:
        refuse_second_image(bytes(data), header.end, header.kind, _examine)
    return header


def _examine(data: bytes | memoryview) -> Header:
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
            return _tiff(whole)
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


def _tiff(data: bytes) -> Header:
    strips = tiff.examine(data)
    return Header(
        "TIFF",
        strips.width,
        strips.height,
        channels=3 if strips.samples in {2, 3} else strips.samples,
        value_bytes=2 if strips.bits > 8 else 1,
        strips=strips,
    )


def _png(data: bytes) -> Header:
    width = height = channels = value_bytes = 0
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
            bits, colour = struct.unpack_from(">BB", data, at + 16)
            channels, value_bytes = _PNG_CHANNELS.get(colour, 4), 2 if bits > 8 else 1
        if kind == b"acTL":
            raise several("PNG", "it is animated")
        if kind == b"IEND":
            return Header("PNG", width, height, 16, channels, value_bytes, end)
        at = end


def _jpeg(data: bytes) -> Header:
    width = height = scans = channels = 0
    has_exif = False
    at = 2
    while True:
        match = _JPEG_MARKER.search(data, at)
        if match is None:
            raise torn("JPEG: the file ends before its end mark")
        marker, at = data[match.end() - 1], match.end()
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
            height, width, channels = struct.unpack_from(">HHB", data, at + 3)
        has_exif = has_exif or (marker == 0xE1 and data[at + 2 : at + 6] == b"Exif")
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
    return Header("JPEG", width, height, 8, channels, end=at, has_exif=has_exif)


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
    return Header("BMP", width, abs(height), channels=4 if bits == 32 else 3, end=expected)


def _pnm(data: bytes) -> Header:
    header = PNM_HEADER.match(data)
    if header is None:
        raise torn("PGM/PPM: the header is not complete")
    channels = 3 if header[1] == b"6" else 1
    width, height, maxval = int(header[2]), int(header[3]), int(header[4])
    if not (width and height and 0 < maxval < 65536):
        raise UnreadableFrameError(
            Reason.UNREADABLE, f"PNM of {width} x {height} pixels, maxval {maxval}"
        )
    expected = header.end() + width * height * channels * (2 if maxval > 255 else 1)
    if len(data) < expected:
        raise torn(f"PGM/PPM: {len(data)} bytes, its header says {expected}")
    depth, kind = max(8, maxval.bit_length()), "PPM" if channels == 3 else "PGM"
    return Header(kind, width, height, depth, channels, 2 if maxval > 255 else 1, expected)
