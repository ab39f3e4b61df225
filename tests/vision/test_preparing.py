"""Preparation is exactly three OpenCV calls, and the same bytes on every machine."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_edge.vision.area import is_summed, shrink, shrink_unfused
from qc_edge.vision.image import to_gray
from qc_edge.vision.prepare import (
    DEFAULT,
    PrepareParameters,
    crop,
    normalise,
    prepare,
    preprocess_id,
    resize,
)

CPU_AVX2 = 11
"""OpenCV's number of it; its kernels for AVX2 fuse multiply and add."""

GOLDEN = {
    "waves 1280x1024": "a81b87969d106aee3c413a51c178bd73a7e60659f13e41f1f286a69966c1afe3",
    "noise 1280x1024": "3946dc4b519dbcdbe2d20d1e9481546dcdf455943f3004565a90d77218bf3c25",
    "waves 2448x2048": "38202f61d871a55ceb6c80f5f94a9f8057b68a914f4b1f99d168233c667ab24c",
    "noise 2448x2048": "4f8d4effa501920ac0fe723fd61a982323541ba4756d91e9e6b67e5d8f281cd5",
    "noise 640x480": "e1149a9c9c4e7b0cd5a6610513d1f8a8e1c92db014222ecd483dfdc2b1d05918",
    "waves 511x1023": "34b99f91bfd15d7d307e61597f867f8fdf4a9e8b470e48e12adf3fc1ac06957d",
    "noise 512x512": "b559de73420e08852efe431062bed54cfd11225f11bd83aa21aba0a90facebeb",
    "waves 300x200": "21981f62d80a49efd3d080bbaf746d791eb47ab8cc920fa56c5817547e5eadbd",
    "constant": "8a39d2abd3999ab73c34db2476849cddf303ce389b35826850f9a700589b4a90",
}


BAYER_GOLDEN = "1ad6d80f0e882d5632047984f8d75d10998eff5559392edbbc91278b643da26d"


def synthetic(name: str) -> npt.NDArray[np.uint8]:
    """Pictures made of integers alone, so that every machine makes the same."""
    if name.startswith("constant"):
        return np.full((480, 640), 7, np.uint8)
    width, height = (int(number) for number in name.split()[-1].split("x"))
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    if name.startswith("waves"):
        values = (x * x // 97 + y * y // 61 + (x * y) // 113) % 211 + 20
    else:
        values = (x * 2654435761 + y * 40503 + (x * y * 69069 >> 3)) >> 7 & 255
    return np.asarray(values, np.uint8)


def sha256(pixels: np.ndarray) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()


@pytest.mark.parametrize("name", GOLDEN)
def test_the_prepared_bytes_are_those_of_the_golden_digest(name: str) -> None:
    assert sha256(prepare(synthetic(name))) == GOLDEN[name]


@pytest.mark.parametrize("name", GOLDEN)
def test_the_default_profile_is_resize_by_area_then_min_max(name: str) -> None:
    gray = synthetic(name)
    small = cv2.resize(gray, (512, 512), interpolation=cv2.INTER_AREA)
    assert_equal_to_opencv(resize(gray), small)
    expected = cv2.normalize(small, np.empty_like(small), 0, 255, cv2.NORM_MINMAX)
    assert_equal_to_opencv(prepare(gray), expected)
    assert_equal_to_opencv(normalise(resize(gray)), expected)


def test_normalising_is_opencv_s_for_every_darkest_and_brightest_value() -> None:
    for lowest in range(256):
        for highest in range(lowest, 256):
            gray = np.resize(np.arange(lowest, highest + 1, dtype=np.uint8), (1, 256))
            expected = cv2.normalize(gray, np.empty_like(gray), 0, 255, cv2.NORM_MINMAX)
            assert_equal_to_opencv(normalise(gray), expected)


def assert_equal_to_opencv(prepared: np.ndarray, expected: np.ndarray) -> None:
    """Equal on x86-64 with AVX2; elsewhere OpenCV's own rounding is off by one in some pixels."""
    off = np.abs(prepared.astype(int) - expected)
    assert off.max() <= (0 if cv2.checkHardwareSupport(CPU_AVX2) else 1)


@given(st.integers(512, 1400), st.integers(512, 1400), st.integers(0, 2**32))
def test_sums_made_again_without_fusing_are_opencv_s_on_x86(
    width: int, height: int, seed: int
) -> None:
    gray = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    if is_summed(gray.shape, 512, 512):
        expected = shrink(gray, 512, 512)
        assert np.array_equal(shrink_unfused(gray, 512, 512), expected)


@pytest.mark.parametrize(
    "switches",
    [
        {"OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,AVX,FP16,FMA3,SSE4.2,SSE4.1,SSSE3"},
        {"OPENCV_IPP": "disabled"},
        {"OPENCV_FOR_THREADS_NUM": "1"},
    ],
    ids=["oldest CPU", "no vendor library", "one thread"],
)
def test_neither_cpu_nor_library_nor_threads_change_a_byte(switches: dict[str, str]) -> None:
    script = (
        "from tests.vision.test_preparing import GOLDEN, prepare, sha256, synthetic\n"
        "from tests.vision.test_measuring import FOCUS, focus\n"
        "for name in ('noise 640x480', 'waves 511x1023', 'noise 512x512', 'waves 300x200'):\n"
        "    assert sha256(prepare(synthetic(name))) == GOLDEN[name], name\n"
        "    assert focus(synthetic(name)) == FOCUS[name], name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **switches},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_pixels_given_are_left_alone() -> None:
    gray = synthetic("noise 640x480")
    gray.flags.writeable = False
    prepare(gray)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 255))
def test_any_size_is_prepared_to_512_by_512(height: int, width: int, value: int) -> None:
    gray = np.full((height, width), value, np.uint8)
    gray[0, 0] = 255 - value
    prepared = prepare(gray)
    assert prepared.shape == (512, 512)
    assert prepared.dtype == np.uint8


def test_a_picture_of_one_value_becomes_black() -> None:
    assert not prepare(np.full((100, 100), 200, np.uint8)).any()


def test_a_region_is_cut_out_before_anything_else() -> None:
    gray = synthetic("noise 640x480")
    parameters = PrepareParameters(roi=(50, 60, 300, 200))
    assert np.array_equal(prepare(gray, parameters), prepare(gray[60:260, 50:350].copy()))


def test_a_frame_too_small_for_its_region_does_not_break() -> None:
    gray = synthetic("noise 640x480")
    assert crop(gray, (600, 400, 300, 200)).shape == (80, 40)
    assert crop(gray, (5000, 5000, 300, 200)) is gray


def test_without_normalising_the_resized_picture_is_the_prepared_one() -> None:
    gray = synthetic("noise 640x480")
    assert np.array_equal(prepare(gray, PrepareParameters(normalise=False)), resize(gray))


def test_the_id_names_the_parameters_and_changes_with_each() -> None:
    assert preprocess_id() == "gray512-minmax@dade6084"
    others = [
        PrepareParameters(width=256, height=256),
        PrepareParameters(height=256),
        PrepareParameters(normalise=False),
        PrepareParameters(roi=(0, 0, 10, 10)),
        PrepareParameters(roi=(0, 0, 10, 11)),
    ]
    ids = {preprocess_id(parameters) for parameters in (DEFAULT, *others)}
    assert len(ids) == 6
    assert preprocess_id(PrepareParameters(height=256, roi=(0, 0, 9, 9))).startswith(
        "gray512x256-roi-minmax@"
    )


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_more_than_8_bits_are_shifted_down(bits: int) -> None:
    values = np.arange(2**bits, dtype=np.uint16).reshape(32, -1)
    gray = to_gray(values, f"Mono{bits}", bits)
    assert gray.dtype == np.uint8
    assert np.array_equal(gray, values >> (bits - 8))


def test_a_value_beyond_its_depth_is_white_not_wrapped() -> None:
    assert to_gray(np.array([[4096, 65535]], np.uint16), "Mono12", 12).tolist() == [[255, 255]]


def test_eight_bit_mono_is_taken_as_it_is() -> None:
    gray = synthetic("noise 640x480")
    assert to_gray(gray, "Mono8", 8) is gray


@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize(
    ("pattern", "row", "column"), [("RG", 0, 0), ("GR", 0, 1), ("GB", 1, 0), ("BG", 1, 1)]
)
def test_a_bayer_name_says_where_red_is(pattern: str, row: int, column: int, bits: int) -> None:
    mosaic = np.zeros((16, 16), np.uint8 if bits == 8 else np.uint16)
    mosaic[row::2, column::2] = 2**bits - 1
    assert np.all(to_gray(mosaic, f"Bayer{pattern}{bits}", bits) == 76)


def test_a_demosaiced_frame_has_its_golden_digest() -> None:
    mosaic = synthetic("noise 640x480")
    assert sha256(to_gray(mosaic, "BayerRG8", 8)) == BAYER_GOLDEN


def test_colour_is_weighed_as_rgb() -> None:
    red_green_blue = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert to_gray(red_green_blue, "RGB8", 8).tolist() == [[76, 150, 29]]
