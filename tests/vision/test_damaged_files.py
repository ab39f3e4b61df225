"""What a decoder paints over, or never looks at, is refused: damage inside, a second picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.image import MAX_SIDE, decode
from tests.vision.samples import FILES, SEVERAL, SIZE, coded, picture

CODED = [name for name in FILES if name.endswith(".jpg") or name in {"deflate.tiff", "lzw.tiff"}]
MAX_PIXELS = 10_000_000


def refused(data: bytes, **limits: int) -> UnreadableFrameError | None:
    try:
        decode(data, max_pixels=limits.pop("max_pixels", MAX_PIXELS), **limits)
    except UnreadableFrameError as fault:
        return fault
    return None


def scan_data(data: bytes) -> int:
    """Where the entropy-coded data of a JPEG begin."""
    at = data.rindex(b"\xff\xda")
    return at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".jpg")])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.86])
def test_a_jpeg_whose_data_end_early_behind_a_proper_end_mark_is_torn(
    name: str, share: float
) -> None:
    data = FILES[name]
    start = scan_data(data)
    cut = data[: start + int((len(data) - start) * share)] + b"\xff\xd9"
    assert cv2.imdecode(np.frombuffer(cut, np.uint8), 0) is not None, "what OpenCV makes of it"
    fault = refused(cut)
    assert fault is not None
    assert fault.reason is Reason.TORN_FILE
    assert "damaged or end early" in fault.detail


@pytest.mark.parametrize("name", [name for name in CODED if name != "progressive.jpg"])
def test_a_hole_in_the_middle_of_the_coded_data_is_torn(name: str) -> None:
    data = FILES[name]
    start = scan_data(data) if name.endswith(".jpg") else 8
    middle = start + (len(data) - start) // 2
    fault = refused(data[:middle] + b"\0" * 64 + data[middle + 64 :])
    assert fault is not None
    assert fault.reason is Reason.TORN_FILE


def test_a_packbits_strip_that_unpacks_to_too_little_is_torn() -> None:
    data = bytearray(FILES["packbits.tiff"])
    data[8] = 0  # the first run becomes one of a single byte
    fault = refused(bytes(data))
    assert fault is not None
    assert fault.reason is Reason.TORN_FILE


@pytest.mark.parametrize("name", SEVERAL)
def test_a_file_with_more_than_one_picture_is_refused(name: str) -> None:
    fault = refused(SEVERAL[name])
    assert fault is not None
    assert fault.reason is Reason.SEVERAL_IMAGES


@pytest.mark.parametrize(
    "trailer",
    [b"BM is how this trailer begins", b"P5 notes", b"\0" * 5000, b"II*\0", b"x" * 99, b"\xff\xd9"],
)
def test_a_trailer_that_is_no_picture_is_let_be(trailer: bytes) -> None:
    for name, data in FILES.items():
        assert refused(data + trailer) is None, name


def test_a_thumbnail_inside_a_jpeg_is_part_of_it() -> None:
    thumbnail = coded(".jpg", picture()[:8, :8].copy())
    note = b"Exif\0\0" + thumbnail
    plain = FILES["colour.jpg"]
    header = b"\xff\xe1" + (len(note) + 2).to_bytes(2, "big") + note
    image = decode(plain[:2] + header + plain[2:], max_pixels=MAX_PIXELS)
    assert (image.height, image.width) == SIZE


@pytest.mark.parametrize(
    ("name", "channels", "value_bytes"),
    [
        ("gray.png", 1, 1),
        ("colour16.png", 3, 2),
        ("alpha.png", 4, 1),
        ("palette.png", 3, 1),
        ("gray16.tiff", 1, 2),
        ("colour.tiff", 3, 1),
        ("colour.jpg", 3, 1),
        ("gray16.pgm", 1, 2),
        ("colour16.ppm", 3, 2),
        ("alpha.bmp", 4, 1),
    ],
)
def test_a_picture_is_measured_by_the_bytes_it_takes_once_decoded(
    name: str, channels: int, value_bytes: int
) -> None:
    size = SIZE[0] * SIZE[1] * channels * value_bytes
    assert refused(FILES[name], max_decoded_bytes=size) is None
    fault = refused(FILES[name], max_decoded_bytes=size - 1)
    assert fault is not None
    assert fault.reason is Reason.TOO_LARGE
    assert "decoded it takes" in fault.detail


def test_a_side_that_opencv_would_not_take_is_refused_in_our_own_words() -> None:
    header = b"P5 %d 1 255\n" % (MAX_SIDE + 1)
    fault = refused(header + bytes(MAX_SIDE + 1))
    assert fault is not None
    assert fault.reason is Reason.TOO_LARGE
    assert f"a side has at most {MAX_SIDE} pixels" in fault.detail
