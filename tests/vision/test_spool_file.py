"""The spool's own file opens in any viewer, proves its pixels, and is refused when it does not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError, pnm
from qc_edge.vision.image import pixels_sha256
from tests.vision.samples import picture

META = {
    "frame_id": "20261122T234540123456Z-top",
    "part_id": 'ä\n"\\\x00\x7f',
    "pixel_format": "Mono8",
}
KINDS = [(1, 8), (3, 8), (1, 10), (1, 12), (1, 16), (3, 16)]


def pixels_of(channels: int, bits: int) -> np.ndarray:
    if bits == 8:
        return picture(channels)
    return picture(channels, 16) >> (16 - bits)


def file_of(pixels: np.ndarray, bits: int, meta: dict[str, object] | None = None) -> bytes:
    header, body = pnm.encode(META if meta is None else meta, pixels, bits)
    return header + bytes(body)


def refusal(data: bytes) -> Reason:
    with pytest.raises(UnreadableFrameError) as refused:
        pnm.decode_frame(data)
    return refused.value.reason


@pytest.mark.parametrize(("channels", "bits"), KINDS)
def test_metadata_and_pixels_come_back(channels: int, bits: int) -> None:
    pixels = pixels_of(channels, bits)
    meta, image = pnm.decode_frame(file_of(pixels, bits))
    assert meta == META
    assert np.array_equal(image.pixels, pixels)
    assert image.pixels.dtype == pixels.dtype
    assert image.bit_depth == bits
    assert image.sha256 == pixels_sha256(pixels)


@pytest.mark.parametrize(("channels", "bits"), KINDS)
def test_opencv_opens_the_file_and_sees_the_same_pixels(
    channels: int, bits: int, tmp_path: Path
) -> None:
    pixels = pixels_of(channels, bits)
    path = tmp_path / "frame.pnm"
    path.write_bytes(file_of(pixels, bits))
    seen = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert seen is not None
    assert np.array_equal(seen if channels == 1 else seen[:, :, ::-1], pixels)


@pytest.mark.parametrize(("channels", "bits"), KINDS)
def test_the_digest_can_be_checked_with_tail_and_sha256sum(channels: int, bits: int) -> None:
    pixels = pixels_of(channels, bits)
    data = file_of(pixels, bits)
    tail = data[len(data) - pixels.nbytes :]
    assert pnm.decode_frame(data)[1].sha256 == hashlib.sha256(tail).hexdigest()


def test_eight_bit_pixels_are_never_copied() -> None:
    pixels = picture()
    header, body = pnm.encode(META, pixels, 8)
    assert np.shares_memory(np.frombuffer(body, np.uint8), pixels)
    data = header + bytes(body)
    image = pnm.decode_frame(data)[1]
    assert np.shares_memory(np.frombuffer(data, np.uint8), image.pixels)
    assert image.gray is image.pixels


def test_a_view_of_a_larger_picture_is_written_whole() -> None:
    region = picture()[5:40, 7:60]
    assert np.array_equal(pnm.decode_frame(file_of(region, 8))[1].pixels, region)


def test_the_header_stays_one_line_of_ascii_whatever_the_metadata_says() -> None:
    header, _ = pnm.encode(META, picture(), 8)
    assert header.count(b"\n") == 4
    assert header.isascii()


def test_a_prepared_frame_is_a_plain_image() -> None:
    header, body = pnm.encode(None, picture(), 8)
    assert header == b"P5\n83 61\n255\n"
    assert refusal(header + bytes(body)) is Reason.NOT_AN_IMAGE


def test_depth_and_type_of_the_pixels_must_agree() -> None:
    with pytest.raises(ValueError, match="uint16"):
        pnm.encode(None, picture(1, 16), 8)


def test_a_file_cut_anywhere_is_torn() -> None:
    data = file_of(picture(), 8)
    assert refusal(b"") is Reason.EMPTY_FILE
    for length in {*range(1, 400), *range(400, len(data), 50), len(data) - 1}:
        assert refusal(data[:length]) is Reason.TORN_FILE, length


def test_a_file_with_bytes_too_many_is_torn() -> None:
    assert refusal(file_of(picture(), 8) + b"\0") is Reason.TORN_FILE


def test_one_changed_pixel_is_a_digest_mismatch() -> None:
    data = bytearray(file_of(picture(), 8))
    data[-100] ^= 1
    assert refusal(bytes(data)) is Reason.DIGEST_MISMATCH


@pytest.mark.parametrize(
    "data",
    [b"P5\n# qc-edge {}\n2 2\n255\n1234", b'P5\n# qc-edge {"pixels_sha256":7}\n2 2\n255\n1234'],
)
def test_a_file_without_its_digest_proves_nothing(data: bytes) -> None:
    assert refusal(data) is Reason.DIGEST_MISMATCH


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"P5\n# qc-edge [1]\n2 2\n255\n1234", Reason.UNREADABLE),
        (b"P5\n# qc-edge {nonsense\n2 2\n255\n1234", Reason.UNREADABLE),
        (b"P5\n# qc-edge {}\n2 2\n200\n1234", Reason.UNREADABLE),
        (b"P5\n# qc-edge {}\n0 2\n255\n", Reason.UNREADABLE),
        (b"P5\n# made by hand\n2 2\n255\n1234", Reason.NOT_AN_IMAGE),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), Reason.NOT_AN_IMAGE),
    ],
)
def test_what_is_no_file_of_this_spool_is_refused(data: bytes, reason: Reason) -> None:
    assert refusal(data) is reason


def test_a_bayer_frame_is_inspected_demosaiced() -> None:
    red = np.zeros((8, 8), np.uint8)
    red[::2, ::2] = 255
    image = pnm.decode_frame(file_of(red, 8, {"pixel_format": "BayerRG8"}))[1]
    assert np.array_equal(image.pixels, red)
    assert np.all(image.gray == 76)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_refused_without_a_crash(data: bytes, opened: bool) -> None:
    with pytest.raises(UnreadableFrameError):
        pnm.decode_frame(b"P5\n# qc-edge " * opened + data)
