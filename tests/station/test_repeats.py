"""The same picture or the same part id again: held within the window, also after a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.station.audit import audit
from tests.station.harness import drop, make_station, part, running, spool

HOLDING = {"repeated_frames": True}


def holds(paths: Any) -> list[tuple[str, str | None]]:
    """(disposition, hold reason) of each row, in order."""
    return [(row["disposition"], row["hold_reason"]) for row in audit(paths).inspections]


def test_a_file_that_is_sent_again_is_held_also_after_a_restart(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming=HOLDING)
    with running(paths) as station:
        drop(paths, "a.png", part())
        station.wait_until_inspected(1)
        drop(paths, "another-name.bmp", part(), {"camera": "left"})
        station.wait_until_inspected(2)
        drop(paths, "b.png", part(seed=1))
        station.wait_until_inspected(3)
    with running(paths) as station:
        drop(paths, "b.png", part(seed=1))
        station.wait_until_inspected(1)
    assert holds(paths) == [
        ("ACCEPT", None),
        ("HOLD", "repeated_frame"),
        ("ACCEPT", None),
        ("HOLD", "repeated_frame"),
    ]
    assert {row["verdict"] for row in audit(paths).inspections} == {"PASS"}


def test_what_came_longer_ago_than_the_window_is_no_repeat(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming={**HOLDING, "repeat_window_s": 0.001})
    with running(paths) as station:
        for number in (1, 2):
            drop(paths, "a.png", part(), {"part_id": "A"})
            station.wait_until_inspected(number)
    assert holds(paths) == [("ACCEPT", None)] * 2


def test_a_batch_of_waiting_files_knows_its_own_repeats(tmp_path: Path) -> None:
    paths = make_station(tmp_path, incoming=HOLDING)
    for number in range(4):
        drop(paths, f"{number}.png", part(seed=number % 2))
    with running(paths) as station:
        station.wait_until_inspected(4)
    details = [row["detail"] for row in audit(paths).inspections]
    assert [("repeated_frame" in detail) for detail in details] == [False, False, True, True]


def test_a_frozen_camera_is_held_where_its_pictures_cannot_repeat(tmp_path: Path) -> None:
    for setting, expected in ((True, "repeated_frame"), (None, None)):
        camera = {"name": "top", "backend": "scripted", "rate_hz": 1.0}
        if setting is not None:
            camera["repeated_frames"] = setting
        paths = make_station(tmp_path / str(setting), camera, station={"roles": ["inspect"]})
        with running(paths) as station:
            for number in (1, 2):
                spool(paths, part(), number)
                station.wait_until_inspected(number)
        assert [hold for _, hold in holds(paths)] == [None, expected]


def test_the_part_before_with_the_same_id_holds_the_next_one(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    drops = [("A", "left"), ("A", "right"), ("A", "left"), ("B", "left"), ("A", "left")]
    with running(paths) as station:
        for number, (part_id, camera) in enumerate(drops, 1):
            drop(paths, f"{number}.png", part(), {"part_id": part_id, "camera": camera})
            station.wait_until_inspected(number)
    assert [hold for _, hold in holds(paths)] == [None, None, "repeated_part_id", None, None]


def test_several_views_of_a_part_are_a_setting(tmp_path: Path) -> None:
    pattern = r"^(?P<part>\d+)_"
    paths = make_station(
        tmp_path, incoming={"part_id_pattern": pattern, "repeated_part_ids": False}
    )
    with running(paths) as station:
        for number, view in enumerate(("top", "side"), 1):
            drop(paths, f"48213_{view}.png", part())
            station.wait_until_inspected(number)
    assert holds(paths) == [("ACCEPT", None)] * 2
