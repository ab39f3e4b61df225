"""Preprocessing in colour and by name: what it gives, and that its name says all of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from qc_edge.vision.image import Image, pixels_sha256, to_gray, to_rgb
from qc_edge.vision.prepare import (
    DEFAULT,
    PrepareParameters,
    named_parameters,
    picture_for,
    prepare,
    preprocess_id,
    recorded_parameters,
)

NAMES = ["gray512-minmax", "gray224", "gray320x256-minmax", "rgb224", "rgb224-minmax", "rgb64x32"]
RGB = np.random.default_rng(4).integers(20, 200, (301, 402, 3), np.uint8)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_says_all_of_the_parameters(name: str) -> None:
    parameters = named_parameters(name)
    identity = preprocess_id(parameters)
    assert identity.partition("@")[0] == name
    assert named_parameters(identity) == parameters
    region = named_parameters(name, (1, 2, 30, 40))
    assert recorded_parameters(preprocess_id(region), (1, 2, 30, 40)) == region


def test_every_name_has_its_own_digest() -> None:
    digests = {preprocess_id(named_parameters(name)).partition("@")[2] for name in NAMES}
    assert len(digests) == len(NAMES)
    assert preprocess_id(named_parameters("gray512-minmax")) == "gray512-minmax@dade6084"
    assert named_parameters("gray512-minmax").is_default


@pytest.mark.parametrize("name", ["", "rgb", "rgb0", "colour224", "rgb224-maxmin", "rgb224@12"])
def test_a_name_that_says_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no preprocessing that this version knows"):
        named_parameters(name)
    assert recorded_parameters(name, None) == DEFAULT


def test_each_channel_is_prepared_as_gray_is() -> None:
    colour = prepare(RGB, PrepareParameters(100, 80, normalise=False, colour=True))
    assert colour.shape == (80, 100, 3)
    for channel in range(3):
        alone = np.ascontiguousarray(RGB[..., channel])
        gray = prepare(alone, PrepareParameters(100, 80, normalise=False))
        assert np.array_equal(colour[..., channel], gray)


def test_the_channels_are_stretched_together() -> None:
    colour = prepare(RGB, PrepareParameters(60, 60, colour=True))
    flat = prepare(RGB, PrepareParameters(60, 60, normalise=False, colour=True))
    assert (colour.min(), colour.max()) == (0, 255)
    darkest, brightest = np.argmin(flat), np.argmax(flat)
    assert (colour.flat[darkest], colour.flat[brightest]) == (0, 255)


def test_the_bytes_are_these_on_every_machine() -> None:
    prepared = prepare(RGB, named_parameters("rgb224-minmax", (10, 20, 333, 250)))
    assert pixels_sha256(prepared) == GOLDEN


GOLDEN = "9b596fe94c62603b427df3c4215a9ea74650cb2ec5973120e1566d765cb779c2"


def test_a_bayer_frame_becomes_the_colour_that_its_gray_is_made_of() -> None:
    raw = np.random.default_rng(5).integers(0, 4096, (64, 80), np.uint16)
    colour = to_rgb(raw, "BayerRG12", 12)
    assert np.array_equal(
        colour, cv2.cvtColor((raw >> 4).astype(np.uint8), cv2.COLOR_BayerRGGB2RGB)
    )
    assert np.array_equal(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY), to_gray(raw, "BayerRG12", 12))


def test_a_mono_frame_has_its_gray_in_every_channel() -> None:
    gray = RGB[..., 0].copy()
    image = Image(gray, gray, 8, pixels_sha256(gray))
    shown = picture_for(named_parameters("rgb64"), image, "Mono8")
    assert np.array_equal(shown, np.dstack([gray] * 3))
    assert picture_for(DEFAULT, image, "Mono8") is gray
