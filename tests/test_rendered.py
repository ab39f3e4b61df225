"""Rendered parts: the same for the same seed, sharp when good, refusable when the frame is
spoilt.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from qc_edge.rendered import DefectKind, FrameFault, plan_series, read_truth, render, write_series
from qc_edge.rendered.kinds import Grey

SIZES = [(1280, 1024), (2448, 2048)]
SMALL = (320, 256)


def focus(pixels: Grey) -> float:
    """Variance of the 3x3 Laplacian, as the focus gate has it."""
    return float(cv2.Laplacian(pixels, cv2.CV_64F).var())


@pytest.mark.parametrize("defect", [None, *DefectKind])
@pytest.mark.parametrize("fault", [None, *FrameFault])
def test_the_same_seed_gives_the_same_pixels(
    defect: DefectKind | None, fault: FrameFault | None
) -> None:
    first, second = (render(11, defect, fault, SMALL) for _ in range(2))
    assert first.sha256 == second.sha256
    assert np.array_equal(first.mask, second.mask)


def test_another_seed_gives_another_part() -> None:
    assert render(1, size=SMALL).sha256 != render(2, size=SMALL).sha256


@pytest.mark.parametrize("defect", list(DefectKind))
def test_a_defect_changes_the_part_where_its_mask_is(defect: DefectKind) -> None:
    good, bad = render(5, size=(640, 512)), render(5, defect, size=(640, 512), severity=0.8)
    change = np.abs(good.pixels.astype(int) - bad.pixels)
    assert bad.is_defective
    assert not good.is_defective
    assert not good.mask.any()
    assert change[bad.mask].mean() > 10 * max(0.1, float(change[~bad.mask].mean()))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("defect", [None, *DefectKind])
def test_a_good_frame_is_clearly_sharp_and_well_exposed(
    size: tuple[int, int], defect: DefectKind | None
) -> None:
    pixels = render(21, defect, size=size).pixels
    assert pixels.shape == size[::-1]
    assert focus(pixels) > 200
    assert 60 < pixels.mean() < 130
    assert (pixels == 255).mean() < 0.001
    assert (pixels == 0).mean() < 0.001


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", [3, 4])
def test_a_defocused_frame_is_below_the_focus_bound(size: tuple[int, int], seed: int) -> None:
    assert focus(render(seed, fault=FrameFault.DEFOCUSED, size=size).pixels) < 60


@pytest.mark.parametrize("seed", range(4))
def test_a_badly_exposed_frame_is_far_off(seed: int) -> None:
    over = render(seed, fault=FrameFault.OVEREXPOSED).pixels
    under = render(seed, fault=FrameFault.UNDEREXPOSED).pixels
    assert over.mean() > 160
    assert (over == 255).mean() > 0.2
    assert under.mean() < 20


@pytest.mark.parametrize("seed", range(4))
def test_a_part_out_of_frame_is_sharp_but_leaves_the_middle_empty(seed: int) -> None:
    good, gone = render(seed).pixels, render(seed, fault=FrameFault.OUT_OF_FRAME).pixels
    assert focus(gone) > 120
    assert (gone > 90).sum() < 0.75 * (good > 90).sum()


def test_a_series_has_the_shares_that_were_asked_for() -> None:
    plan = plan_series(seed=1, count=200, defect_share=0.25, fault_share=0.1)
    defects = [defect for _, defect, _ in plan if defect]
    faults = [fault for _, _, fault in plan if fault]
    assert {kind: defects.count(kind) for kind in DefectKind} == dict.fromkeys(DefectKind, 10)
    assert {kind: faults.count(kind) for kind in FrameFault} == dict.fromkeys(FrameFault, 5)
    assert len({seed for seed, _, _ in plan}) == 200


def test_shares_above_the_whole_are_refused() -> None:
    with pytest.raises(ValueError, match="together at most 1"):
        plan_series(seed=1, count=10, defect_share=0.8, fault_share=0.3)


@pytest.mark.parametrize("suffix", [".png", ".pgm"])
def test_a_series_on_disk_is_what_its_truth_table_says(tmp_path: Path, suffix: str) -> None:
    rows = write_series(tmp_path, 7, 10, SMALL, defect_share=0.3, fault_share=0.2, suffix=suffix)
    assert read_truth(tmp_path) == rows
    assert sorted(row.label for row in rows) == ["defective"] * 3 + ["good"] * 7
    for row in rows:
        pixels = cv2.imread(str(tmp_path / row.file), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        assert hashlib.sha256(pixels.tobytes()).hexdigest() == row.sha256


def test_a_size_or_severity_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        render(1, size=(32, 32))
    with pytest.raises(ValueError, match="out of range"):
        render(1, DefectKind.PIT, severity=1.5)
