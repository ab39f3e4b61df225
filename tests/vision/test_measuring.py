"""The gates' figures are exact, and a frame is refused by its true cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qc_edge.domain.calibration import Calibration, GateBounds, starting_calibration
from qc_edge.domain.verdict import Reason
from qc_edge.vision.calibrate import propose
from qc_edge.vision.frame_set import sample
from qc_edge.vision.gates import GateReport, apply_bounds, check_gates, focus, measure_figures
from qc_edge.vision.image import Image, pixels_sha256
from qc_edge.vision.prepare import PrepareParameters, resize
from tests.vision.test_preparing import GOLDEN, synthetic

FOCUS = {
    "waves 1280x1024": 30590.28700298755,
    "noise 1280x1024": 109260.92759842158,
    "waves 2448x2048": 59753.38593200865,
    "noise 2448x2048": 109214.52376126876,
    "noise 640x480": 109287.70926529932,
    "waves 511x1023": 20191.223361185024,
    "noise 512x512": 109230.49182860547,
    "waves 300x200": 6429.049294030833,
    "constant": 0.0,
}
NOW = datetime(2026, 11, 22, 10, 15, tzinfo=timezone.utc)
HEIGHT, WIDTH = 512, 640


def part(
    seed: int = 0, right: int = 0, down: int = 0, gain: float = 1.0, blur: float = 0.0
) -> np.ndarray:
    """A bright textured plate with two holes on a darker, textured ground, lit a little
    unevenly.
    """
    rng = np.random.default_rng(seed)
    scene = np.full((HEIGHT, WIDTH), 60.0)
    moved = np.array([right, down]) + rng.integers(-3, 4, 2)
    corner, far = moved + np.array([170, 120]), moved + np.array([470, 390])
    cv2.rectangle(scene, corner.tolist(), far.tolist(), 140, -1)
    for hole in ((250, 200), (390, 310)):
        cv2.circle(scene, (moved + hole).tolist(), 30, 60, -1)
    scene *= np.linspace(0.9, 1.1, WIDTH)
    scene += rng.normal(0, 6, scene.shape)
    if blur:
        scene = cv2.GaussianBlur(scene, (0, 0), blur)
    return np.clip(scene * gain, 0, 255).astype(np.uint8)


def image_of(gray: np.ndarray) -> Image:
    return Image(gray, gray, 8, pixels_sha256(gray))


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    """Made from good parts, as a station's is."""
    start = starting_calibration("line1", "top", NOW)
    seen = [sample(f"good-{seed}", image_of(part(seed)), start) for seed in range(12)]
    made = propose(seen, start, now=NOW, made_by="a test", source="rendered").calibration
    assert made is not None
    return made


def report(gray: np.ndarray, calibration: Calibration, bit_depth: int = 8) -> GateReport:
    return check_gates(
        gray, resize(gray, PrepareParameters(roi=calibration.roi)), bit_depth, calibration
    )


def reason(gray: np.ndarray, calibration: Calibration, bit_depth: int = 8) -> Reason | None:
    refusal = report(gray, calibration, bit_depth).refusal
    return refusal.reason if refusal else None


@pytest.mark.parametrize("name", FOCUS)
def test_focus_is_the_golden_figure_to_the_last_bit(name: str) -> None:
    assert focus(synthetic(name)) == FOCUS[name]


@pytest.mark.parametrize("name", FOCUS)
def test_focus_is_the_variance_of_the_laplacian_in_double_precision(name: str) -> None:
    naive = cv2.Laplacian(synthetic(name), cv2.CV_64F).var()
    assert focus(synthetic(name)) == pytest.approx(naive, rel=1e-12, abs=0)


@given(arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30))))
def test_focus_is_right_on_any_picture(gray: np.ndarray) -> None:
    assert focus(gray) == pytest.approx(cv2.Laplacian(gray, cv2.CV_64F).var(), rel=1e-9, abs=1e-9)


def test_the_harshest_picture_does_not_overflow() -> None:
    y, x = np.mgrid[0:2048, 0:2448]
    checkers = ((x + y) % 2 * 255).astype(np.uint8)
    assert focus(checkers) == 1020.0**2


@given(arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30))))
def test_exposure_figures_are_exact(gray: np.ndarray) -> None:
    figures = measure_figures(gray, np.zeros((64, 64), np.uint8), None)
    values = gray.astype(np.int64)
    assert figures.brightness == int(values.sum()) / gray.size
    assert figures.contrast == pytest.approx(values.std(), rel=1e-9, abs=1e-6)
    assert figures.saturated_share == int((gray == 255).sum()) / gray.size
    assert figures.black_share == int((gray == 0).sum()) / gray.size


def test_sums_of_a_large_picture_are_exact() -> None:
    gray = synthetic("noise 2448x2048")
    figures = measure_figures(gray, np.zeros((64, 64), np.uint8), None)
    values = gray.astype(np.int64)
    total, squares, count = int(values.sum()), int((values * values).sum()), gray.size
    assert figures.contrast == ((count * squares - total * total) / count**2) ** 0.5


@pytest.mark.parametrize("seed", range(100, 110))
def test_a_good_part_passes_every_gate(seed: int, calibration: Calibration) -> None:
    assert reason(part(seed), calibration) is None


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"blur": 3.0}, Reason.LOW_FOCUS),
        ({"blur": 12.0}, Reason.LOW_FOCUS),
        ({"gain": 0.5}, Reason.TOO_DARK),
        ({"gain": 0.1}, Reason.TOO_DARK),
        ({"gain": 0.02}, Reason.TOO_DARK),
        ({"gain": 2.2}, Reason.TOO_BRIGHT),
        ({"gain": 4.0}, Reason.TOO_BRIGHT),
        ({"gain": 30.0}, Reason.TOO_BRIGHT),
        ({"right": 50}, Reason.OUT_OF_FRAME),
        ({"right": -50}, Reason.OUT_OF_FRAME),
        ({"down": 60}, Reason.OUT_OF_FRAME),
        ({"right": 150}, Reason.OUT_OF_FRAME),
        ({"right": 400}, Reason.OUT_OF_FRAME),
        ({"down": -300}, Reason.OUT_OF_FRAME),
        ({"right": 400, "blur": 4.0}, Reason.OUT_OF_FRAME),
        ({"gain": 0.1, "blur": 4.0}, Reason.TOO_DARK),
    ],
    ids=str,
)
def test_a_frame_is_refused_by_its_true_cause(
    fault: dict[str, float], expected: Reason, calibration: Calibration
) -> None:
    for seed in range(5):
        assert reason(part(seed, **fault), calibration) is expected  # type: ignore[arg-type]


def test_a_defect_on_the_part_is_no_matter_for_the_gates(calibration: Calibration) -> None:
    gray = part(3)
    cv2.line(gray, (200, 150), (440, 370), 20, 6)
    cv2.circle(gray, (390, 310), 32, 140, -1)
    assert reason(gray, calibration) is None


def test_a_glare_spot_is_saturated_not_too_bright(calibration: Calibration) -> None:
    gray = part(3)
    cv2.circle(gray, (320, 250), 70, 255, -1)
    assert reason(gray, calibration) is Reason.SATURATED


def test_a_shadow_without_light_is_black(calibration: Calibration) -> None:
    gray = part(3)
    gray[:45] = 0
    assert reason(gray, calibration) is Reason.BLACK


def test_fog_is_low_contrast(calibration: Calibration) -> None:
    gray = part(3)
    fog = (gray.astype(float) - gray.mean()) * 0.3 + gray.mean()
    assert reason(fog.astype(np.uint8), calibration) is Reason.LOW_CONTRAST


def test_a_frame_of_another_size_or_depth_is_refused_first(calibration: Calibration) -> None:
    black = np.zeros((HEIGHT, WIDTH - 2), np.uint8)
    assert reason(black, calibration) is Reason.WRONG_SIZE
    assert reason(part(), calibration, bit_depth=12) is Reason.WRONG_BIT_DEPTH


def test_a_frame_that_does_not_hold_the_region_is_of_the_wrong_size(
    calibration: Calibration,
) -> None:
    narrow = replace(calibration, width=None, height=None, roi=(0, 0, WIDTH + 1, 100))
    assert reason(part(), narrow) is Reason.WRONG_SIZE


def test_the_region_alone_is_measured(calibration: Calibration) -> None:
    gray = part()
    inside = gray[100:400, 150:500].copy()
    gray[:100] = 255
    region = replace(calibration, roi=(150, 100, 350, 300), framing=None)
    assert report(gray, region).figures == measure_figures(
        inside, np.zeros((64, 64), np.uint8), None
    )


def test_every_figure_is_measured_even_when_the_first_gate_refuses(
    calibration: Calibration,
) -> None:
    figures = report(part(gain=0.02), calibration).figures
    assert figures.focus < 80
    assert figures.black_share > 0
    assert figures.framing_score is not None
    assert figures.framing_shift_px is not None


def test_a_refusal_says_figure_and_bound(calibration: Calibration) -> None:
    refusal = report(part(blur=5.0), calibration).refusal
    assert refusal is not None
    assert refusal.bound == calibration.bounds.focus_min
    assert refusal.figure == focus(part(blur=5.0))
    assert refusal.detail == f"focus {refusal.figure:.5g} is below {refusal.bound:.5g}"


def test_a_figure_on_its_bound_is_within_it() -> None:
    start = starting_calibration("line1", "top", NOW)
    gray = part()
    bound = replace(start, bounds=GateBounds(focus_min=focus(gray)))
    assert reason(gray, bound) is None
    above = replace(start, bounds=GateBounds(focus_min=float(np.nextafter(focus(gray), np.inf))))
    assert reason(gray, above) is Reason.LOW_FOCUS


def test_the_usual_focus_bound_is_80() -> None:
    assert starting_calibration("line1", "top", NOW).bounds.focus_min == 80.0


def test_stored_figures_are_judged_again_without_pixels(calibration: Calibration) -> None:
    for fault in ({}, {"gain": 0.1}, {"blur": 9.0}, {"right": 200}):
        first = report(part(5, **fault), calibration)
        assert apply_bounds(first.figures, WIDTH, HEIGHT, 8, calibration) == first


@pytest.mark.parametrize("value", [0, 1, 128, 255])
def test_a_picture_of_one_value_is_refused_without_a_crash(
    value: int, calibration: Calibration
) -> None:
    gray = np.full((HEIGHT, WIDTH), value, np.uint8)
    seen = report(gray, calibration)
    assert seen.refusal is not None
    assert seen.figures.framing_score == 0.0
    assert seen.figures.focus == 0.0


def test_the_starting_calibration_refuses_only_hopeless_frames() -> None:
    start = starting_calibration("line1", "top", NOW)
    assert reason(part(), start) is None
    assert reason(part(gain=0.05), start) is Reason.TOO_DARK
    assert reason(part(gain=30.0), start) is Reason.TOO_BRIGHT
    assert reason(part(blur=6.0), start) is Reason.LOW_FOCUS


def test_the_golden_pictures_of_focus_and_preparation_are_the_same() -> None:
    assert set(FOCUS) == set(GOLDEN)
