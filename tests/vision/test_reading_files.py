"""Foreign image files become exactly what OpenCV's imread gives, or are refused with the right
reason.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.image import decode, pixels_sha256
from tests.vision.samples import FILES, SIZE, coded, picture, png_chunk

MAX_PIXELS = 1_000_000
MAGIC = [
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"BM",
    b"P5\n",
    b"P6 ",
]
READING = {
    Reason.EMPTY_FILE,
    Reason.TORN_FILE,
    Reason.NOT_AN_IMAGE,
    Reason.TOO_LARGE,
    Reason.UNREADABLE,
    Reason.SEVERAL_IMAGES,
}


def refusal(data: bytes, max_pixels: int = MAX_PIXELS) -> Reason | None:
    try:
        decode(data, max_pixels=max_pixels)
    except UnreadableFrameError as refused:
        assert refused.reason in READING
        assert refused.detail
        return refused.reason
    return None


@pytest.mark.parametrize("name", FILES)
def test_the_gray_is_what_imread_gives_bit_for_bit(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    expected = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    image = decode(FILES[name], max_pixels=MAX_PIXELS)
    assert expected is not None
    assert np.array_equal(image.gray, expected)
    assert image.gray.dtype == np.uint8
    assert image.sha256 == pixels_sha256(image.pixels)


@pytest.mark.parametrize(
    "name", [name for name in FILES if not name.endswith(("jpg", "bilevel.png", "palette.png"))]
)
def test_a_lossless_file_gives_back_the_pixels_in_rgb_order(name: str) -> None:
    channels = 1 if "colour" not in name and "alpha" not in name and "plain" not in name else 3
    if "alpha" in name:
        channels = 4
    pixels = picture(channels, 16 if "16" in name else 8)
    expected = pixels if channels == 1 else pixels[:, :, 2::-1]
    image = decode(FILES[name], max_pixels=MAX_PIXELS)
    assert np.array_equal(image.pixels, expected)
    assert image.bit_depth == (16 if "16" in name else 8)


def test_a_rotated_jpeg_is_turned_upright() -> None:
    image = decode(FILES["rotated.jpg"], max_pixels=MAX_PIXELS)
    assert (image.width, image.height) == SIZE


@pytest.mark.parametrize("name", FILES)
def test_no_file_cut_short_anywhere_is_accepted(name: str) -> None:
    data = FILES[name]
    step = max(1, len(data) // 400)
    for length in {
        *range(1, len(data), step),
        *range(1, min(200, len(data))),
        *range(len(data) - 64, len(data)),
    }:
        assert refusal(data[:length]) in {Reason.TORN_FILE, Reason.NOT_AN_IMAGE}, length


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".png", ".jpg"))])
def test_a_file_whose_second_half_was_never_written_is_torn(name: str) -> None:
    data = FILES[name]
    half = len(data) // 2
    assert refusal(data[:half] + bytes(len(data) - half)) is Reason.TORN_FILE


def test_bytes_behind_the_image_do_no_harm() -> None:
    for name, data in FILES.items():
        image = decode(data + b"\0trailer", max_pixels=MAX_PIXELS)
        assert image.sha256 == decode(data, max_pixels=MAX_PIXELS).sha256, name


def test_an_empty_file_says_so() -> None:
    assert refusal(b"") is Reason.EMPTY_FILE


@pytest.mark.parametrize(
    "data",
    [
        b"part_id,result\n1,ok\n",
        b"%PDF-1.7 ...",
        b"GIF89a" + bytes(50),
        b"\x7fELF" + bytes(50),
        b"x",
    ],
)
def test_what_is_no_image_is_called_so(data: bytes) -> None:
    assert refusal(data) is Reason.NOT_AN_IMAGE


@pytest.mark.parametrize("name", FILES)
def test_an_image_larger_than_allowed_is_not_decoded(name: str) -> None:
    assert refusal(FILES[name], max_pixels=SIZE[0] * SIZE[1] - 1) is Reason.TOO_LARGE
    assert refusal(FILES[name], max_pixels=SIZE[0] * SIZE[1]) is None


def test_a_small_file_that_claims_a_huge_image_is_refused_by_its_header() -> None:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 0, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")
    assert refusal(bomb) is Reason.TOO_LARGE


def test_a_png_with_damaged_content_is_torn_not_half_grey() -> None:
    data = bytearray(FILES["gray.png"])
    data[len(data) // 2] ^= 0x10
    assert refusal(bytes(data)) is Reason.TORN_FILE


@pytest.mark.parametrize(
    "data",
    [
        coded(".tiff", picture().astype(np.float32)),
        b"BM"
        + struct.pack("<IHHIIiiHHIIIIII", 1078, 0, 0, 1078, 40, 8, 8, 1, 8, 1, 0, 0, 0, 0, 0)
        + bytes(1100),
        b"P5\n0 5\n255\n",
        b"P5\n5 5\n70000\n" + bytes(100),
        b"\xff\xd8\xff\xd9",
    ],
    ids=[
        "float TIFF",
        "run-length BMP",
        "PGM without columns",
        "PGM of 17 bits",
        "JPEG without image",
    ],
)
def test_variants_that_the_station_does_not_take_are_unreadable(data: bytes) -> None:
    assert refusal(data) is Reason.UNREADABLE


@pytest.mark.parametrize("bits", [9, 10, 12, 14])
def test_a_pgm_of_fewer_than_16_bits_follows_the_shift_rule(bits: int) -> None:
    values = picture(1, 16) >> (16 - bits)
    data = b"P5 %d %d %d\n" % (SIZE[1], SIZE[0], 2**bits - 1) + values.astype(">u2").tobytes()
    image = decode(data, max_pixels=MAX_PIXELS)
    assert image.bit_depth == bits
    assert np.array_equal(image.pixels, values)
    assert np.array_equal(image.gray, values >> (bits - 8))


def test_the_digest_is_that_of_the_file_s_tail() -> None:
    for name in ("gray.pgm", "colour.ppm", "gray16.pgm"):
        data = FILES[name]
        image = decode(data, max_pixels=MAX_PIXELS)
        body = data[len(data) - image.pixels.nbytes :]
        assert image.sha256 == hashlib.sha256(body).hexdigest()


def test_a_memoryview_is_read_like_bytes() -> None:
    image = decode(memoryview(FILES["gray.png"]), max_pixels=MAX_PIXELS)
    assert np.array_equal(image.gray, picture())


def test_bad_files_leave_the_terminal_alone(capfd: pytest.CaptureFixture[str]) -> None:
    for data in FILES.values():
        for length in range(0, len(data), 500):
            refusal(data[:length])
    assert capfd.readouterr() == ("", "")


@given(st.binary(max_size=300))
def test_any_bytes_are_an_image_or_refused(data: bytes) -> None:
    refusal(data)


@given(st.sampled_from(sorted(FILES)), st.data())
def test_any_damage_to_a_file_gives_an_image_or_a_refusal(name: str, drawn: st.DataObject) -> None:
    data = bytearray(FILES[name])
    for _ in range(drawn.draw(st.integers(1, 8))):
        data[drawn.draw(st.integers(0, min(len(data), 400) - 1))] = drawn.draw(st.integers(0, 255))
    refusal(bytes(data), max_pixels=20_000)


@given(st.sampled_from(MAGIC), st.binary(max_size=200))
def test_any_bytes_behind_a_magic_number_are_an_image_or_refused(magic: bytes, data: bytes) -> None:
    refusal(magic + data, max_pixels=20_000)
