"""Damage that decoders paint over: found before the pixels are believed.

OpenCV's decoders for JPEG and compressed TIFF go on after a fault in the coded data, fill what they
cannot read with grey or with what was there before, and report it on the process's standard error
alone. PNG needs no look here: libpng refuses, and every chunk has its checksum. Uncompressed pixels
(BMP, PGM, TIFF) carry nothing by which damage could be told.
"""

from __future__ import annotations

import io
import re
import zlib
from typing import Literal

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image as PillowImage

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.tiff import Strips

_LZW, _JPEG_IN_TIFF, _DEFLATE, _DEFLATE_OLD, _PACKBITS = 5, 7, 8, 32946, 32773
_NONE = 1


def damaged(kind: str, detail: str) -> UnreadableFrameError:
    """The refusal of a file whose coded data do not decode as a whole."""
    return UnreadableFrameError(
        Reason.TORN_FILE, f"{kind}: its coded data are damaged or end early: {detail}"
    )


def decode_jpeg(data: bytes, colour_space: Literal["GRAY", "RGB"]) -> npt.NDArray[np.uint8]:
    """The pixels of a JPEG, H x W or H x W x 3, uint8; its EXIF orientation is not applied.

    The same libjpeg as in OpenCV with the same settings, hence the same values, but it says what it
    warns of: raises UnreadableFrameError TORN_FILE for that, UNREADABLE for colour spaces that it
    does not convert (CMYK).
    """
    try:
        pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colour_space, strict=True)
    except ValueError as fault:
        raise _jpeg_fault(fault) from None
    return pixels[:, :, 0] if colour_space == "GRAY" else pixels


def check_jpeg(data: bytes) -> None:
    """Raise UnreadableFrameError TORN_FILE if libjpeg warns of anything in these coded data.

    All of the entropy-coded data are read, the pixels only at an eighth of their size: at 5 MP that
    takes two thirds of the time of decoding.
    """
    try:
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as fault:
        refused = _jpeg_fault(fault)
        if refused.reason is Reason.TORN_FILE:
            raise refused from None


def _jpeg_fault(fault: ValueError) -> UnreadableFrameError:
    if "olorspace" in str(fault) or "color conversion" in str(fault):
        return UnreadableFrameError(Reason.UNREADABLE, f"JPEG: {fault}")
    return damaged("JPEG", str(fault))


def check_tiff(data: bytes, strips: Strips) -> None:
    """Raise UnreadableFrameError TORN_FILE if a strip or tile of the image does not decode whole.

    Deflate is held to its own checksum. LZW and JPEG have none: what libtiff reports through Pillow
    counts. PackBits must give at least the bytes that its strip stands for.
    """
    if strips.compression in {_DEFLATE, _DEFLATE_OLD}:
        _check_deflate(data, strips)
    elif strips.compression == _PACKBITS:
        _check_packbits(data, strips)
    elif strips.compression != _NONE:
        _check_with_pillow(data)


def _check_deflate(data: bytes, strips: Strips) -> None:
    for index, (offset, length) in enumerate(strips.places):
        reader = zlib.decompressobj()
        try:
            size = len(reader.decompress(data[offset : offset + length], strips.most_bytes + 1))
        except zlib.error as fault:
            raise damaged("TIFF", f"strip at byte {offset}: {fault}") from None
        # Some writers fill the last strip up to the height of the others.
        if not reader.eof or size not in {strips.bytes_of(index), strips.most_bytes}:
            raise damaged(
                "TIFF",
                f"strip at byte {offset} unpacks to {size} bytes, "
                f"expected {strips.bytes_of(index)}",
            )


def _check_packbits(data: bytes, strips: Strips) -> None:
    for index, (offset, length) in enumerate(strips.places):
        at, end, size = offset, offset + length, 0
        while at < end:
            code = data[at]
            if code < 128:
                at, size = at + code + 2, size + code + 1
            else:
                at, size = at + (2 if code > 128 else 1), size + (257 - code if code > 128 else 0)
        expected = strips.bytes_of(index)
        if at > end or size != expected:
            raise damaged(
                "TIFF", f"strip at byte {offset} unpacks to {size} bytes, expected {expected}"
            )


def _check_with_pillow(data: bytes) -> None:
    try:
        with PillowImage.open(io.BytesIO(data)) as image:
            image.load()
    except (OSError, ValueError, SyntaxError, EOFError) as fault:
        raise damaged("TIFF", re.sub(r"\s+", " ", str(fault))) from None
