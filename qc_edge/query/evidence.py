"""Evidence read back: where it is now, and whether it is still what its row says.

Writes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

import numpy as np

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.history import StoredInput
from qc_edge.vision import UnreadableFrameError, formats
from qc_edge.vision.image import Colour, Gray, Image, decode, to_gray, to_rgb

PIXELS_MAX = 2**28
"""No frame of a station is larger: a forged header must not make a decoder fill the memory."""

_PREPARED_MAX = 2**24
"""Pixels; no model takes more."""

_HEADER_MAX = 1 << 16
"""Bytes in which the header of a PNM file ends, comments included."""


class EvidenceMatch(str, Enum):
    """How an evidence file compares with the row that names it."""

    SAME = "same"
    CHANGED = "changed"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    NOT_KEPT = "not kept"
    DELETED = "deleted"  # by a rule, with a row that says so
    UNPROVEN = "unproven"  # the row has no digest for it: only its presence can be seen

    __str__ = str.__str__

    @property
    def is_fault(self) -> bool:
        """True if the row can no longer be proven with this file."""
        return self in {EvidenceMatch.CHANGED, EvidenceMatch.MISSING, EvidenceMatch.UNREADABLE}


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceFile:
    """One evidence file compared with its row; `detail` says in words how they differ.

    `path` is where it is now (None if it is nowhere), `compressed` True if that is not where the
    row says; `expected` is the row's sha256 (hex) of the pixels, `sha256` that of the pixels found.
    `image` is None if they do not read or were not read, as there was nothing to compare with.
    `leftover` is a file beside the right one, under the name in the row, that holds something else.
    """

    match: EvidenceMatch
    path: Path | None
    expected: str | None = None
    sha256: str | None = None
    detail: str = ""
    image: Image | None = None
    compressed: bool = False
    leftover: Path | None = None


NOT_KEPT = EvidenceFile(EvidenceMatch.NOT_KEPT, None)


def find(state: Path, relative: str) -> Path | None:
    """The file that a row names by `relative`, compressed since or not; None if it is nowhere."""
    return next(iter(candidates(state, relative)), None)


def candidates(state: Path, relative: str) -> list[Path]:
    """As `find`, and behind it the other one where both are there."""
    path = state / relative
    # Frames are kept as they came and compressed losslessly when the machine is idle; a row, which
    # is never changed, goes on naming the first file.
    smaller = [path.with_suffix(".png")] if path.suffix in {".pgm", ".ppm"} else []
    named = [path] if path.exists() or path.is_symlink() else []  # a link to nothing does not read
    return [*named, *(each for each in smaller if each.exists())]


def compare(state: Path, relative: str | None, expected: str | None) -> EvidenceFile:
    """The image that a row names, compared with the digest of its pixels in the row."""
    if relative is None:
        return NOT_KEPT
    found = candidates(state, relative)
    if not found:
        return EvidenceFile(
            EvidenceMatch.MISSING, None, expected, detail=f"{relative} does not exist"
        )
    first = _compare_file(found[0], expected, moved=found[0] != state / relative)
    if not first.match.is_fault or len(found) == 1:
        return first
    # A power cut under data=writeback brings a frame that was compressed and removed back with
    # foreign content: the picture is the one that has the row's digest.
    second = _compare_file(found[1], expected, moved=True)
    return replace(second, leftover=found[0]) if second.match is EvidenceMatch.SAME else first


def _compare_file(path: Path, expected: str | None, *, moved: bool) -> EvidenceFile:
    if expected is None:
        return EvidenceFile(EvidenceMatch.UNPROVEN, path, compressed=moved)
    try:
        image = read(path)
    except (OSError, UnreadableFrameError) as fault:
        reason = fault.detail if isinstance(fault, UnreadableFrameError) else fault.strerror
        return EvidenceFile(
            EvidenceMatch.UNREADABLE, path, expected, detail=f"{path.name} does not read: {reason}"
        )
    if image.sha256 != expected:
        detail = (
            f"the pixels of {path.name} have sha256 {image.sha256[:12]}, the row says "
            f"{expected[:12]}"
        )
        return EvidenceFile(
            EvidenceMatch.CHANGED, path, expected, image.sha256, detail, image, moved
        )
    return EvidenceFile(EvidenceMatch.SAME, path, expected, image.sha256, "", image, moved)


def read(path: Path) -> Image:
    """The image in an evidence file. Raises OSError, or UnreadableFrameError if it holds none.

    The digest in a spool file's own comment is ignored: whoever changed the pixels could change it.
    """
    return picture_in(path.read_bytes())


def picture_in(data: bytes) -> Image:
    """The image in the bytes of an evidence file, as `read`. Raises UnreadableFrameError."""
    return _read_pgm(data) or decode(data, max_pixels=PIXELS_MAX)


def _read_pgm(data: bytes) -> Image | None:
    """A PGM of 8 bits, the common case, without a decoder: a header and the pixels. None for any
    other file.
    """
    header = formats.PNM_HEADER.match(data[:_HEADER_MAX])
    if header is None or header[1] != b"5" or header[4] != b"255":
        return None
    body = memoryview(data)[header.end() :]
    width, height = int(header[2]), int(header[3])
    if not width or len(body) != width * height:
        return None
    pixels = np.frombuffer(body, np.uint8).reshape(height, width)
    return Image(pixels, pixels, 8, hashlib.sha256(body).hexdigest())


def read_stored_input(state: Path, part: StoredInput, bundle: Bundle) -> Gray | Colour | str:
    """The prepared input (uint8, H x W or H x W x 3) of an inspection for the model of `bundle`, or
    in words why it cannot be had: deleted by a rule (then it has no path), gone, changed since, of
    another size, or prepared otherwise.
    """
    if not part.prepared_path:
        return "the prepared input was deleted by a rule"
    try:
        data = (state / part.prepared_path).read_bytes()
        image = decode(data, max_pixels=_PREPARED_MAX)
    except FileNotFoundError:
        return "the prepared input is gone"
    except (OSError, UnreadableFrameError):
        return "the prepared input does not read"
    if image.sha256 != part.prepared_sha256 or image.bit_depth != 8:
        return "the prepared input is not what was judged"
    prepared: Gray | Colour = image.pixels  # type: ignore[assignment]
    if prepared.shape != bundle.input_shape:
        return "the model takes another size"
    if part.preprocess_id is not None and not bundle.takes(part.preprocess_id):
        return "the model takes inputs that are prepared otherwise"
    return prepared


def inspected_picture(
    image: Image, pixel_format: str | None, bit_depth: int | None, *, own: bool, colour: bool
) -> Gray | Colour:
    """What the model's input was made from: the frame in `colour` (RGB), or the gray."""
    if colour:
        return to_rgb(image.pixels, pixel_format, bit_depth or image.bit_depth)
    return inspected_gray(image, pixel_format, bit_depth, own=own)


def inspected_gray(
    image: Image, pixel_format: str | None, bit_depth: int | None, *, own: bool
) -> Gray:
    """The 8-bit gray that was inspected: of a frame of this station's cameras (`own`) by its pixel
    format, of another node's file as that file decodes.
    """
    return to_gray(image.pixels, pixel_format, bit_depth or image.bit_depth) if own else image.gray
