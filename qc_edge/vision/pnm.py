"""The format of spooled frames: a binary PGM or PPM with the metadata in one comment line.

Any image viewer opens it, and damage shows: the comment holds the digest of the pixels. It is not
compressed, because capture must keep up: 5 megapixels take 0.9 ms, as PNG 46 ms. Never touches the
disk.

    P5
    # qc-edge {"camera": "top", ..., "pixels_sha256": "9f86d0..."}
    2448 2048
    255
    <pixels>
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numpy as np

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError, formats
from qc_edge.vision.image import Image, Pixels, pixels_sha256, pnm_body, to_gray

_MARK = b"# qc-edge "
_DIGEST = "pixels_sha256"


def encode(meta: dict[str, Any] | None, pixels: Pixels, bit_depth: int) -> tuple[bytes, memoryview]:
    """Header and body of the file; written one after the other they are the file.

    `meta` is JSON-ready (a Frame's `to_json`); None makes a plain image without the comment.
    `pixels` are H x W or H x W x 3, `bit_depth` 8..16 their significant bits (8 for uint8,
    ValueError otherwise). The body is a view of uint8 pixels, not a copy; 16-bit pixels are copied
    to big-endian as the format demands.
    """
    if (bit_depth == 8) != (pixels.dtype == np.uint8):
        raise ValueError(f"{pixels.dtype} pixels cannot have {bit_depth} significant bits")
    body = pnm_body(pixels)
    comment = b""
    if meta is not None:
        proven = {**meta, _DIGEST: pixels_sha256(pixels)}
        comment = (
            _MARK
            + json.dumps(proven, ensure_ascii=True, separators=(",", ":")).encode("ascii")
            + b"\n"
        )
    magic = b"P6" if pixels.ndim == 3 else b"P5"
    height, width = pixels.shape[:2]
    return b"%b\n%b%d %d\n%d\n" % (magic, comment, width, height, (1 << bit_depth) - 1), body


def decode_frame(data: bytes | memoryview) -> tuple[dict[str, Any], Image]:
    """The metadata and the image in a spool file; uint8 pixels are a view of `data`.

    Raises UnreadableFrameError: EMPTY_FILE, TORN_FILE (too short), DIGEST_MISMATCH (the pixels are
    not those that were written), NOT_AN_IMAGE or UNREADABLE (no file of this spool).
    """
    view = memoryview(data)
    if not view:
        raise UnreadableFrameError(Reason.EMPTY_FILE, "the file has no bytes")
    meta, start = _meta(view)
    # The header without the comment, so that one pattern serves; 64 bytes hold any size.
    header = formats.PNM_HEADER.match(b"P%c\n" % view[1] + bytes(view[start : start + 64]))
    if header is None:
        raise formats.torn("the file ends inside its header")
    width, height, maxval = int(header[2]), int(header[3]), int(header[4])
    bit_depth = maxval.bit_length()
    if not (width and height and 8 <= bit_depth <= 16 and maxval == (1 << bit_depth) - 1):
        raise UnreadableFrameError(Reason.UNREADABLE, f"{width} x {height} pixels, maxval {maxval}")
    shape = (height, width) if header[1] == b"5" else (height, width, 3)
    body = view[start + header.end() - 3 :]
    pixels = _pixels(body, shape, bit_depth)
    digest = hashlib.sha256(body).hexdigest()
    if digest != meta.pop(_DIGEST, None):
        raise UnreadableFrameError(
            Reason.DIGEST_MISMATCH,
            f"the pixels have sha256 {digest}, not the one in the file's header",
        )
    return meta, Image(
        pixels, to_gray(pixels, meta.get("pixel_format"), bit_depth), bit_depth, digest
    )


def _meta(view: memoryview) -> tuple[dict[str, Any], int]:
    """The metadata in the comment line and the offset of the byte behind it."""
    opening = bytes(view[: 3 + len(_MARK)])
    expected = tuple(magic + _MARK for magic in (b"P5\n", b"P6\n"))
    if opening not in expected:
        if any(whole.startswith(opening) for whole in expected):
            raise formats.torn("the file ends inside its header")
        raise UnreadableFrameError(
            Reason.NOT_AN_IMAGE, f"starts with {opening!r}, expected a frame of this spool"
        )
    head = bytes(view[len(opening) : len(opening) + 65536])
    text, newline, _ = head.partition(b"\n")
    if not newline:
        raise formats.torn("the file ends inside its metadata")
    try:
        meta = json.loads(text)
    except ValueError as fault:
        raise UnreadableFrameError(Reason.UNREADABLE, f"its metadata is no JSON: {fault}") from None
    if not isinstance(meta, dict):
        raise UnreadableFrameError(Reason.UNREADABLE, "its metadata is no JSON object")
    return meta, len(opening) + len(text) + 1


def _pixels(view: memoryview, shape: tuple[int, ...], bit_depth: int) -> Pixels:
    expected = math.prod(shape) * (1 if bit_depth == 8 else 2)
    if len(view) != expected:
        raise formats.torn(f"{len(view)} bytes of pixels, the header says {expected}")
    if bit_depth == 8:
        return np.frombuffer(view, np.uint8).reshape(shape)
    return np.frombuffer(view, ">u2").astype(np.uint16).reshape(shape)
