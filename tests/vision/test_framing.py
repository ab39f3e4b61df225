"""PartPosition finds where the part is, whatever the light."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from qc_edge.domain.calibration import FramingReference
from qc_edge.vision.framing import MARGIN, SIDE, PartPosition, locate, reference, thumbnail
from qc_edge.vision.image import Gray


def plate(right: float = 0.0, down: float = 0.0) -> Gray:
    """A plate with a hole off its middle, moved by fractions of a pixel of the 512 x 512
    picture.
    """
    scene = np.full((512, 512), 50, np.uint8)
    cv2.rectangle(scene, (140, 150), (380, 350), 170, -1)
    cv2.circle(scene, (200, 210), 35, 50, -1)
    move = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return np.asarray(
        cv2.warpAffine(scene, move, (512, 512), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


HOME = reference(thumbnail(plate()))


def seen(picture: Gray, home: FramingReference = HOME) -> PartPosition:
    return locate(thumbnail(picture), home)


def test_a_part_at_home_scores_one_and_has_not_moved() -> None:
    assert seen(plate()) == PartPosition(1.0, 0.0, 0.0)


@pytest.mark.parametrize(("right", "down"), [(13, -7), (-30, 22), (3, 2), (-1, 40), (55, -55)])
def test_the_shift_is_found_to_a_fraction_of_a_pixel(right: float, down: float) -> None:
    place = seen(plate(right, down))
    assert place.right * 512 == pytest.approx(right, abs=1.5)
    assert place.down * 512 == pytest.approx(down, abs=1.5)
    assert place.score > 0.95


@pytest.mark.parametrize(("gain", "offset"), [(0.2, 0), (0.5, 60), (1.2, -30), (-1.0, 255)])
def test_light_and_gain_do_not_move_it(gain: float, offset: float) -> None:
    place = seen(np.clip(plate(10, 10) * gain + offset, 0, 255).astype(np.uint8))
    if gain < 0:
        assert place.score < 0.5
    else:
        assert place.score > 0.95
        assert place.right * 512 == pytest.approx(10, abs=1.5)


def test_an_empty_fixture_does_not_look_like_a_part() -> None:
    rng = np.random.default_rng(3)
    empty = np.clip(50 + rng.normal(0, 6, (512, 512)), 0, 255).astype(np.uint8)
    assert seen(empty).score < 0.5


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_one_value_scores_nothing(value: int) -> None:
    flat = np.full((512, 512), value, np.uint8)
    assert seen(flat).score == 0.0
    assert seen(plate(), reference(thumbnail(flat))).score == 0.0


def test_a_reference_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 4096"):
        FramingReference(SIDE, SIDE, bytes(5))


def test_the_search_reaches_an_eighth_of_the_region() -> None:
    assert MARGIN / SIDE == 0.125
    assert abs(seen(plate(63, 0)).right * 512) == pytest.approx(63, abs=2)
