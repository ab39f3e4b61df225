"""Bounds are proposed from good frames, and refused when the frames are not all good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from qc_edge.domain.calibration import Calibration, GateBounds, starting_calibration
from qc_edge.domain.verdict import Reason
from qc_edge.vision.calibrate import ENOUGH, VALID_DAYS, Proposal, propose
from qc_edge.vision.frame_set import FEWEST, GoodFrame, sample
from qc_edge.vision.gates import check_gates
from qc_edge.vision.image import Image
from qc_edge.vision.prepare import resize
from tests.vision.test_measuring import HEIGHT, NOW, WIDTH, image_of, part

START = starting_calibration("line1", "top", NOW)
LATER = NOW + timedelta(hours=1, microseconds=5)


def samples(count: int = 12, current: Calibration = START) -> list[GoodFrame]:
    return [sample(f"good-{seed:02}.png", image_of(part(seed)), current) for seed in range(count)]


def proposal(seen: Sequence[GoodFrame], current: Calibration = START) -> Proposal:
    return propose(seen, current, now=LATER, made_by="Ada", source="12 frames of lot 7")


def made(seen: Sequence[GoodFrame], current: Calibration = START) -> Calibration:
    calibration = proposal(seen, current).calibration
    assert calibration is not None
    return calibration


def test_the_record_says_who_when_from_what_and_until_when() -> None:
    record = made(samples())
    assert record.calibration_id == "20261122T111500Z-top"
    assert record.made_at == datetime(2026, 11, 22, 11, 15, tzinfo=timezone.utc)
    assert record.due_at - record.made_at == timedelta(days=VALID_DAYS)
    assert (record.made_by, record.source) == ("Ada", "12 frames of lot 7")
    assert (record.width, record.height, record.bit_depth) == (WIDTH, HEIGHT, 8)
    assert not record.starting


def test_every_frame_that_it_was_made_from_passes() -> None:
    record = made(samples())
    for seed in range(12):
        gray = part(seed)
        assert check_gates(gray, resize(gray), 8, record).refusal is None


def test_the_same_frames_in_any_order_propose_the_same() -> None:
    seen = samples()
    assert made(seen) == made(seen[::-1])


def test_the_table_shows_old_and_new_and_where_the_new_comes_from() -> None:
    changes = {change.bound: change for change in proposal(samples()).changes}
    assert set(changes) == set(GateBounds.__dataclass_fields__)
    focus = changes["focus_min"]
    assert focus.old == 80.0
    assert focus.lowest <= focus.median <= focus.highest
    assert focus.new == pytest.approx(focus.lowest / 2, rel=1e-3)
    light = changes["brightness_max"]
    assert light.new > light.highest
    assert changes["framing_shift_max"].old is None


def test_too_few_frames_are_refused_and_few_are_warned_of() -> None:
    few = proposal(samples(FEWEST - 1))
    assert few.calibration is None
    assert "at least 3" in few.faults[0]
    some = proposal(samples(FEWEST))
    assert some.calibration is not None
    assert f"{ENOUGH} or more" in some.warnings[0]
    assert not proposal(samples()).warnings


def test_frames_of_different_sizes_are_refused_by_name() -> None:
    odd = sample("odd.png", image_of(part()[:-2]), START)
    refused = proposal([*samples(), odd])
    assert refused.calibration is None
    assert len(refused.faults) == 1
    assert "odd.png: 640 x 510" in refused.faults[0]


def test_a_frame_of_another_depth_is_refused_by_name() -> None:
    gray = part()
    deep = sample("deep.png", Image(gray.astype(np.uint16), gray, 12, ""), START)
    assert "deep.png: 640 x 512 pixels of 12 bits" in proposal([*samples(), deep]).faults[0]


@pytest.mark.parametrize(
    ("fault", "figure"),
    [
        ({"blur": 6.0}, "focus"),
        ({"gain": 2.5}, "brightness"),
        ({"gain": 0.2}, "brightness"),
        ({"right": 200}, "framing"),
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [4, 12])
def test_one_bad_frame_among_the_good_is_named(
    fault: dict[str, float], figure: str, count: int
) -> None:
    bad = sample("bad.png", image_of(part(77, **fault)), START)  # type: ignore[arg-type]
    refused = proposal([*samples(count), bad])
    assert refused.calibration is None
    assert [words.split()[0] for words in refused.faults] == ["bad.png"]
    assert figure in refused.faults[0]


def test_a_region_that_the_frames_do_not_hold_is_refused() -> None:
    current = replace(START, roi=(600, 0, 200, 200))
    assert "do not hold the region" in proposal(samples(current=current), current).faults[0]


def test_region_and_scale_stay() -> None:
    current = replace(START, roi=(60, 50, 500, 400), scale_um_per_px=12.5)
    record = made(samples(current=current), current)
    assert (record.roi, record.scale_um_per_px) == (current.roi, 12.5)


def test_frames_without_a_common_place_get_no_framing_gate() -> None:
    rng = np.random.default_rng(5)
    textures = [rng.integers(60, 190, (HEIGHT, WIDTH)).astype(np.uint8) for _ in range(10)]
    found = proposal(
        [sample(f"{n}.png", image_of(texture), START) for n, texture in enumerate(textures)]
    )
    assert found.calibration is not None
    assert found.calibration.framing is None
    assert found.calibration.bounds.framing_score_min is None
    assert any("no framing gate" in words for words in found.warnings)


def test_unsharp_or_clipped_good_frames_are_warned_of() -> None:
    soft = [sample(f"{seed}", image_of(part(seed, blur=8.0)), START) for seed in range(10)]
    assert any("is the lens sharp" in words for words in proposal(soft).warnings)
    white = [sample(f"{seed}", image_of(part(seed, gain=4.0)), START) for seed in range(10)]
    assert any("is the exposure too long" in words for words in proposal(white).warnings)


def test_a_bound_that_becomes_looser_is_said_aloud() -> None:
    tight = made(samples())
    tight = replace(tight, bounds=replace(tight.bounds, focus_min=tight.bounds.focus_min + 100))
    warnings = proposal(samples(), tight).warnings
    assert len(warnings) == 1
    assert warnings[0].startswith("focus_min becomes looser")


def of_size(seed: int, width: int, height: int) -> GoodFrame:
    return sample(f"cut-{seed:02}.png", image_of(part(seed)[:height, :width]), START)


def varied() -> list[GoodFrame]:
    """Twelve parts that were cut out of larger pictures, each to another size."""
    return [of_size(seed, WIDTH - 2 * seed, HEIGHT - seed) for seed in range(12)]


def test_where_no_size_is_usual_the_record_has_their_range_and_a_tenth_more() -> None:
    record = made(varied())
    assert (record.width, record.height) == (None, None)
    assert record.sizes is not None
    least_width, least_height, most_width, most_height = record.sizes
    assert least_width == (WIDTH - 22) * 9 // 10
    assert least_height == (HEIGHT - 11) * 9 // 10
    assert most_width == -(-WIDTH * 11 // 10)
    assert most_height == -(-HEIGHT * 11 // 10)
    inside = part(3)[: HEIGHT - 5, : WIDTH - 9]
    assert check_gates(inside, resize(inside), 8, record).refusal is None
    narrow = part(3)[:, : least_width - 1]
    refusal = check_gates(narrow, resize(narrow), 8, record).refusal
    assert refusal is not None
    assert refusal.reason is Reason.WRONG_SIZE
    assert f"calibrated for {least_width} x {least_height} to" in refusal.detail


def test_many_faults_of_one_kind_are_one_line() -> None:
    others = [of_size(seed, WIDTH - 8, HEIGHT) for seed in range(5)]
    (line,) = proposal([*samples(20), *others]).faults
    assert line.startswith(f"5 files: {WIDTH - 8} x {HEIGHT} pixels of 8 bits, the others have")
    assert line.endswith("cut-00.png, cut-01.png, cut-02.png and 2 more")
    assert len(proposal([*samples(20), *others[:2]]).faults) == 2


def test_copies_of_one_picture_are_noted() -> None:
    frames = [*samples(10), *samples(1), *samples(1)]
    (note,) = [each for each in proposal(frames).warnings if "copies" in each]
    assert "12 frames are only 10 different pictures" in note
    assert "good-00.png comes 3 times" in note
    assert not any("copies" in each for each in proposal(samples()).warnings)


def test_frames_that_stand_apart_are_left_out_if_they_are_a_tenth_at_most() -> None:
    dark = image_of((part(50) // 4).astype(np.uint8))
    seen = [*samples(19), sample("dark.png", dark, START)]
    assert proposal(seen).calibration is None
    left_out = propose(seen, START, now=LATER, made_by="Ada", source="20", leave_out=True)
    assert left_out.calibration is not None
    assert left_out.calibration.bounds == made(samples(19)).bounds
    assert "1 frames stand apart and are left out: dark.png" in left_out.warnings[0]
    too_many = propose(
        [*samples(5), sample("dark.png", dark, START)],
        START,
        now=LATER,
        made_by="Ada",
        source="6",
        leave_out=True,
    )
    assert too_many.calibration is None
    assert "1 of 6 frames stand apart" in too_many.faults[-1]
