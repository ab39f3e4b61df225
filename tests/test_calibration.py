"""Calibration records: dated, proven, never changed, and the newest is in force."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_edge.domain.calibration import (
    Calibration,
    FramingReference,
    GateBounds,
    calibration_id,
    starting_calibration,
)
from qc_edge.errors import CalibrationError
from qc_edge.recipe.changeover.recipe_in_force import calibration_for
from qc_edge.records import calibrations
from qc_edge.records.calibration_file import dump, parse

NOW = datetime(2026, 11, 22, 10, 15, 0, tzinfo=timezone.utc)


def record(now: datetime = NOW) -> Calibration:
    """A record with every field set."""
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64), np.uint8)
    return Calibration(
        calibration_id=calibration_id(now, "top"),
        station="line1",
        camera="top",
        made_at=now,
        made_by='Åsa "QA"\n\x7f',
        due_at=now + timedelta(days=365),
        source="12 frames from C:\\good\\",
        width=2448,
        height=2048,
        bit_depth=12,
        roi=(10, 20, 2000, 1900),
        scale_um_per_px=12.5,
        bounds=GateBounds(focus_min=123.456, framing_score_min=0.8, framing_shift_max=40.5),
        framing=FramingReference(64, 64, pixels.tobytes()),
        why="another lens",
    )


def only_file(directory: Path) -> Path:
    (path,) = (directory / "top").iterdir()
    return path


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    path = calibrations.write(tmp_path, record())
    assert path == tmp_path / "top" / "20261122T101500Z-top.toml"
    assert calibrations.load_current(tmp_path, "top") == record()


def test_a_starting_record_comes_back_as_it_was(tmp_path: Path) -> None:
    start = starting_calibration("line1", "top", NOW)
    calibrations.write(tmp_path, start)
    assert calibrations.load_current(tmp_path, "top") == start
    assert start.starting
    assert start.framing is None


def test_whole_numbers_as_bounds_are_kept_as_figures(tmp_path: Path) -> None:
    whole = replace(record(), bounds=GateBounds(focus_min=80, brightness_min=7), scale_um_per_px=3)
    calibrations.write(tmp_path, whole)
    assert calibrations.load_current(tmp_path, "top") == whole


def test_the_newest_is_in_force_and_the_older_stay(tmp_path: Path) -> None:
    first = calibrations.write(tmp_path, record())
    text = first.read_bytes()
    calibrations.write(tmp_path, record(NOW + timedelta(days=3)))
    assert calibrations.load_current(tmp_path, "top").made_at == NOW + timedelta(days=3)
    assert first.read_bytes() == text


def test_cameras_do_not_share_records(tmp_path: Path) -> None:
    calibrations.write(tmp_path, record())
    with pytest.raises(CalibrationError, match="camera 'left' has no calibration"):
        calibrations.load_current(tmp_path, "left")


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=-1)])
def test_a_record_that_would_not_come_into_force_is_refused(
    tmp_path: Path, later: timedelta
) -> None:
    path = calibrations.write(tmp_path, record())
    text = path.read_bytes()
    with pytest.raises(CalibrationError, match="must be dated later"):
        calibrations.write(tmp_path, replace(record(NOW + later), made_by="another"))
    assert path.read_bytes() == text
    assert only_file(tmp_path) == path


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("focus_min = 123.456", "focus_min = 80.0"),
        ("starting = false", "starting = true"),
        ("width = 2448", "width = 2447"),
        ("2027-11-22", "2037-11-22"),
        ("roi = [10, 20, 2000, 1900]\n", ""),
        ('made_by = "Åsa', 'made_by = "Ada'),
    ],
)
def test_a_hand_edit_stops_the_station(tmp_path: Path, old: str, new: str) -> None:
    path = calibrations.write(tmp_path, record())
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(CalibrationError, match="has been changed") as refused:
        calibrations.load_current(tmp_path, "top")
    assert "qc-edge calibrate" in refused.value.hint


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[bounds]", "[bounds]\nfocus_max = 5.0", "bounds.focus_max"),
        ("format = 1", "format = 2", "format"),
        ("bit_depth = 12", 'bit_depth = "12"', "bit_depth"),
        ("focus_min = 123.456", "focus_min = nan", "bounds.focus_min"),
        ("black_share_max = 0.9", "black_share_max = 1.9", "bounds.black_share_max"),
        ("+00:00", "", "made_at"),
        ("[bounds]", "[bounds", "cannot read"),
        ('png = """', 'png = """!', "cannot read"),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = calibrations.write(tmp_path, record())
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(CalibrationError, match=said) as refused:
        calibrations.load_current(tmp_path, "top")
    assert str(path) in refused.value.message


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_torn_newest_record_is_not_passed_over_for_an_older_one(
    tmp_path: Path, share: float
) -> None:
    calibrations.write(tmp_path, record())
    path = calibrations.write(tmp_path, record(NOW + timedelta(days=1)))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CalibrationError):
        calibrations.load_current(tmp_path, "top")


def test_a_record_copied_from_another_camera_is_refused(tmp_path: Path) -> None:
    path = calibrations.write(tmp_path, record())
    other = tmp_path / "left" / path.name
    other.parent.mkdir()
    path.rename(other)
    with pytest.raises(CalibrationError, match="is record 20261122T101500Z-top of camera 'top'"):
        calibrations.load_current(tmp_path, "left")


def test_temporary_files_are_no_records(tmp_path: Path) -> None:
    path = calibrations.write(tmp_path, record())
    path.with_name(".20991122T101500Z-top.toml.tmp").write_text("torn")
    path.with_name(".20991122T101500Z-top.toml").write_text("torn")
    assert calibrations.load_current(tmp_path, "top") == record()


def test_a_record_expires_on_its_due_date() -> None:
    due = record().due_at
    assert not record().is_due(due - timedelta(seconds=1))
    assert record().is_due(due)


def test_a_station_must_be_calibrated_within_a_month() -> None:
    start = starting_calibration("line1", "top", NOW)
    assert start.due_at - NOW == timedelta(days=30)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.floats(0, 1e6),
    st.floats(0, 1),
    st.none() | st.floats(1e-6, 1e6),
)
def test_any_content_survives_the_file(
    who: str, focus: float, share: float, scale: float | None
) -> None:
    bounds = GateBounds(focus_min=focus, saturated_share_max=share)
    one = replace(record(), made_by=who, bounds=bounds, scale_um_per_px=scale)
    assert parse(dump(one), "a record") == one


def test_a_range_of_sizes_and_learning_come_back_as_they_were(tmp_path: Path) -> None:
    varied = replace(record(), width=None, height=None, sizes=(98, 211, 673, 423), learning=50)
    assert parse(dump(varied), "x") == varied
    assert "sizes = [98, 211, 673, 423]" in dump(varied)
    assert "sizes" not in dump(record()), "a record that needs no range is as records ever were"
    with pytest.raises(CalibrationError, match="has been changed"):
        parse(dump(varied).replace("learning = 50", "learning = 51"), "x")


def test_a_node_goes_by_its_own_record_or_by_that_of_incoming_and_never_by_none() -> None:
    own, shared = (starting_calibration("line1", name, NOW) for name in ("left", "incoming"))
    assert calibration_for("left", {"left": own, "incoming": shared}) is own
    assert calibration_for("right", {"left": own, "incoming": shared}) is shared
    with pytest.raises(CalibrationError, match="no calibration for frames of 'right'"):
        calibration_for("right", {"left": own})
