"""Image files of every kind that a foreign node may drop, made from one noisy picture."""

from __future__ import annotations

import struct
import tempfile
import zlib
from pathlib import Path

import cv2
import numpy as np

SIZE = (61, 83)
"""Height and width of every sample: odd, so that rows need padding."""


def picture(channels: int = 1, depth: int = 8) -> np.ndarray:
    """H x W or H x W x C of uint8 or uint16: a ramp with noise."""
    rng = np.random.default_rng([channels, depth])
    shape = SIZE if channels == 1 else (*SIZE, channels)
    ramp = np.linspace(0, 1, SIZE[1]).reshape((1, -1) + (1,) * (channels > 1))
    values = np.clip(ramp + rng.normal(0, 0.1, shape), 0, 1) * (2**depth - 1)
    return np.asarray(values, np.uint8 if depth == 8 else np.uint16)


def coded(suffix: str, pixels: np.ndarray, *flags: int) -> bytes:
    done, data = cv2.imencode(suffix, pixels, flags)
    assert done
    return data.tobytes()


def rotated_jpeg(orientation: int) -> bytes:
    """A colour JPEG whose EXIF says how the camera was held."""
    tiff = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    plain = coded(".jpg", picture(3))
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]


def palette_png() -> bytes:
    """A colour PNG of 8-bit indices into a palette."""
    height, width = SIZE
    indices = picture() // 4
    palette = np.random.default_rng(7).integers(0, 256, 64 * 3, np.uint8).tobytes()
    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in chunks)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def two_page_tiff() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "pages.tiff")
        assert cv2.imwritemulti(str(path), [picture(), picture()[::-1].copy()])
        return path.read_bytes()


def animated_png() -> bytes:
    """A still PNG that says of itself that it has two frames."""
    plain = coded(".png", picture())
    return plain[:33] + png_chunk(b"acTL", struct.pack(">II", 2, 0)) + plain[33:]


FILES: dict[str, bytes] = {
    "gray.png": coded(".png", picture()),
    "colour.png": coded(".png", picture(3)),
    "alpha.png": coded(".png", picture(4)),
    "gray16.png": coded(".png", picture(1, 16)),
    "colour16.png": coded(".png", picture(3, 16)),
    "palette.png": palette_png(),
    "bilevel.png": coded(".png", picture(), cv2.IMWRITE_PNG_BILEVEL, 1),
    "gray.jpg": coded(".jpg", picture()),
    "colour.jpg": coded(".jpg", picture(3)),
    "progressive.jpg": coded(".jpg", picture(3), cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restarts.jpg": coded(".jpg", picture(3), cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    "rotated.jpg": rotated_jpeg(6),
    "mirrored.jpg": rotated_jpeg(2),
    "gray.tiff": coded(".tiff", picture()),
    "colour.tiff": coded(".tiff", picture(3)),
    "plain.tiff": coded(".tiff", picture(3), cv2.IMWRITE_TIFF_COMPRESSION, 1),
    "deflate.tiff": coded(".tiff", picture(), cv2.IMWRITE_TIFF_COMPRESSION, 8),
    "lzw.tiff": coded(".tiff", picture(), cv2.IMWRITE_TIFF_COMPRESSION, 5),
    "packbits.tiff": coded(".tiff", picture(), cv2.IMWRITE_TIFF_COMPRESSION, 32773),
    "gray16.tiff": coded(".tiff", picture(1, 16)),
    "colour16.tiff": coded(".tiff", picture(3, 16)),
    "gray.bmp": coded(".bmp", picture()),
    "colour.bmp": coded(".bmp", picture(3)),
    "alpha.bmp": coded(".bmp", picture(4)),
    "gray.pgm": coded(".pgm", picture()),
    "colour.ppm": coded(".ppm", picture(3)),
    "gray16.pgm": coded(".pgm", picture(1, 16)),
    "colour16.ppm": coded(".ppm", picture(3, 16)),
}

SEVERAL: dict[str, bytes] = {
    "pages.tiff": two_page_tiff(),
    "animated.png": animated_png(),
    **{
        f"{first} and {second}": FILES[first] + between + FILES[second]
        for first, second, between in (
            ("gray.jpg", "gray.jpg", b""),
            ("gray.jpg", "colour.jpg", b"\0\0\0"),
            ("gray.png", "gray.png", b""),
            ("gray.png", "gray.jpg", b"a trailer"),
            ("gray.pgm", "gray.pgm", b"\n"),
            ("colour.ppm", "gray.pgm", b""),
            ("gray.bmp", "gray.bmp", b""),
            ("gray.bmp", "gray.png", b"\0"),
        )
    },
    "gray.jpg and half of one": FILES["gray.jpg"] + FILES["gray.jpg"][:1500],
}
"""Files that hold more than one picture."""
