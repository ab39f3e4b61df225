"""A frame's pixels in memory: their digest, their 8-bit gray, and how foreign files become both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError, damage, formats

Gray = npt.NDArray[np.uint8]
"""H x W, uint8."""

Colour = npt.NDArray[np.uint8]
"""H x W x 3, uint8, in the order red, green, blue."""

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""H x W (mono, raw Bayer) or H x W x 3 (RGB order), uint8 or uint16 in native byte order."""

_BAYER = {
    "RG": cv2.COLOR_BayerRGGB2RGB,
    "GR": cv2.COLOR_BayerGRBG2RGB,
    "GB": cv2.COLOR_BayerGBRG2RGB,
    "BG": cv2.COLOR_BayerBGGR2RGB,
}


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One frame's pixels as delivered, the 8-bit gray that is inspected, and the pixels' digest.

    `bit_depth` is 8..16 (8 for uint8), `sha256` the hex digest of `pixels_sha256`. The arrays may
    be read-only views of the bytes they came from.
    """

    pixels: Pixels
    gray: Gray
    bit_depth: int
    sha256: str

    @property
    def width(self) -> int:
        """Columns (pixels)."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows (pixels)."""
        return int(self.pixels.shape[0])


def pnm_body(pixels: Pixels) -> memoryview:
    """The bytes of `pixels` as the body of a binary PGM or PPM: rows, RGB, 16 bits big-endian.

    A view of the pixels themselves where they are contiguous uint8, else a copy.
    """
    order = pixels if pixels.dtype == np.uint8 else pixels.astype(">u2")
    return np.ascontiguousarray(order).reshape(-1).view(np.uint8).data


def pixels_sha256(pixels: Pixels) -> str:
    """Hex SHA-256 of `pnm_body(pixels)`: `tail -c BYTES frame.pgm | sha256sum` gives the same."""
    return hashlib.sha256(pnm_body(pixels)).hexdigest()


def to_gray(pixels: Pixels, pixel_format: str | None, bit_depth: int) -> Gray:
    """The 8-bit gray (H x W) that is inspected, made from pixels as the camera delivered them.

    More than 8 bits are first reduced by `value >> (bit_depth - 8)`; values above the depth's range
    count as white. Then `BayerRG..` and its kin (the name gives the first two pixels of the first
    row) are demosaiced (bilinear), and H x W x 3 is weighed as RGB (0.299 R + 0.587 G + 0.114 B,
    OpenCV's rounding). Mono uint8 is returned as it is, without a copy.
    """
    eight = _eight_bits(pixels, pixel_format, bit_depth)
    if eight.ndim == 3:
        return cv2.cvtColor(eight, cv2.COLOR_RGB2GRAY)  # type: ignore[return-value]
    return eight


def to_rgb(pixels: Pixels, pixel_format: str | None, bit_depth: int) -> Colour:
    """The 8-bit colour (H x W x 3, RGB) of the same pixels, by the same steps as `to_gray`, which
    weighs what this gives; of a mono frame the gray three times.
    """
    eight = _eight_bits(pixels, pixel_format, bit_depth)
    if eight.ndim == 3:
        return eight
    return cv2.cvtColor(eight, cv2.COLOR_GRAY2RGB)  # type: ignore[return-value]


def _eight_bits(pixels: Pixels, pixel_format: str | None, bit_depth: int) -> Gray | Colour:
    """Reduced to 8 bits, then demosaiced if it is a Bayer format; H x W or H x W x 3."""
    if pixels.dtype == np.uint8:
        eight: Gray = pixels  # type: ignore[assignment]
    else:
        eight = cv2.convertScaleAbs(pixels >> (bit_depth - 8))  # type: ignore[assignment]
    if pixel_format is not None and pixel_format.startswith("Bayer"):
        # Not straight to gray: OpenCV's Bayer-to-gray rounds otherwise on aarch64 than on x86-64.
        eight = cv2.cvtColor(eight, _BAYER[pixel_format[5:7]])  # type: ignore[assignment]
    return eight


MAX_SIDE = 1 << 20
"""Columns or rows; OpenCV's own bound (CV_IO_MAX_IMAGE_WIDTH and _HEIGHT)."""


def decode(
    data: bytes | memoryview, *, max_pixels: int, max_decoded_bytes: int | None = None
) -> Image:
    """The image in a foreign PNG, JPEG, TIFF, BMP, PGM or PPM file.

    `gray` is what `cv2.imread(file, cv2.IMREAD_GRAYSCALE)` gives, bit for bit; only PGM and PPM of
    9 to 15 bits, which imread would leave nearly black, follow the rule of `to_gray`. `pixels` are
    gray or RGB, without alpha and with JPEG orientation applied. Raises UnreadableFrameError:
    EMPTY_FILE, NOT_AN_IMAGE, TOO_LARGE (more than `max_pixels`, or more than `max_decoded_bytes`
    once decoded, by its header), SEVERAL_IMAGES, TORN_FILE (shorter than its own structure says, or
    damaged inside) or UNREADABLE.
    """
    header = formats.examine(data)
    _refuse_large(header, max_pixels, max_decoded_bytes)
    if header.kind == "JPEG":
        if not header.has_exif and header.channels in {1, 3}:
            return _plain_jpeg(bytes(data), header)
        damage.check_jpeg(bytes(data))
    elif header.strips is not None:
        damage.check_tiff(bytes(data), header.strips)
    coded = np.frombuffer(data, np.uint8)
    pixels = _imdecode(coded, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH, header)
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)  # type: ignore[assignment]
    bit_depth = 8 if pixels.dtype == np.uint8 else header.bit_depth
    if pixels.dtype == np.uint8 and pixels.ndim == 2:
        gray: Gray = pixels  # type: ignore[assignment]
    elif 8 < bit_depth < 16:
        gray = to_gray(pixels, None, bit_depth)
    else:
        gray = _imdecode(coded, cv2.IMREAD_GRAYSCALE, header)  # type: ignore[assignment]
    return Image(pixels, gray, bit_depth, pixels_sha256(pixels))


def _plain_jpeg(data: bytes, header: formats.Header) -> Image:
    """A gray or colour JPEG that is not to be turned: decoded once, by what reports damage."""
    gray = damage.decode_jpeg(data, "GRAY")
    pixels = gray if header.channels == 1 else damage.decode_jpeg(data, "RGB")
    return Image(pixels, gray, 8, pixels_sha256(pixels))


def _refuse_large(header: formats.Header, max_pixels: int, max_decoded_bytes: int | None) -> None:
    size = f"{header.kind} of {header.width} x {header.height} pixels"
    if max(header.width, header.height) > MAX_SIDE:
        raise UnreadableFrameError(
            Reason.TOO_LARGE, f"{size}: a side has at most {MAX_SIDE} pixels"
        )
    if header.width * header.height > max_pixels:
        raise UnreadableFrameError(Reason.TOO_LARGE, f"{size}, at most {max_pixels} are taken")
    if max_decoded_bytes is not None and header.decoded_bytes > max_decoded_bytes:
        raise UnreadableFrameError(
            Reason.TOO_LARGE,
            f"{size}: decoded it takes {header.decoded_bytes / 1e6:,.0f} MB, "
            f"at most {max_decoded_bytes / 1e6:,.0f} MB are taken",
        )


def _imdecode(coded: npt.NDArray[np.uint8], flags: int, header: formats.Header) -> Pixels:
    try:
        pixels = cv2.imdecode(coded, flags)
    except cv2.error as fault:
        raise UnreadableFrameError(
            Reason.UNREADABLE, f"{header.kind}: {_first_line(fault)}"
        ) from None
    if pixels is None:
        raise UnreadableFrameError(
            Reason.UNREADABLE, f"{header.kind}: its content cannot be decoded"
        )
    if pixels.shape[0] * pixels.shape[1] != header.width * header.height:
        raise UnreadableFrameError(
            Reason.UNREADABLE,
            f"{header.kind}: decoded to {pixels.shape[1]} x {pixels.shape[0]} pixels, "
            f"its header says {header.width} x {header.height}",
        )
    if pixels.dtype not in (np.uint8, np.uint16):
        raise UnreadableFrameError(
            Reason.UNREADABLE, f"{header.kind} of {pixels.dtype}, expected 8 or 16 bits unsigned"
        )
    return pixels  # type: ignore[return-value]


def _first_line(fault: cv2.error) -> str:
    return str(fault).strip().splitlines()[0][:200]
