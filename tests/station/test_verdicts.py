"""A verdict holds what it says: late or on an expired calibration it is HOLD, and a replay gives
the same.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.station.audit import audit
from tests.station.harness import drop, make_station, part, running
from tests.station.twins import Plan, dependencies

CAMERA = {"name": "top", "backend": "scripted", "silence_s": 3600.0}


def test_a_replay_at_the_threshold_of_each_row_gives_each_verdict(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    levels = [*range(0, 256, 12), 127, 128]
    with running(paths) as station:
        for level in levels:
            drop(paths, f"{level}.png", part(level))
        drop(paths, "torn.png", b"torn")
        station.wait_until_inspected(len(levels) + 1)
    audit(paths)
    with duckdb.connect(str(paths.database), read_only=True) as log:
        differ, verdicts = log.execute(
            "SELECT count(*) FILTER (verdict != CASE WHEN score IS NULL THEN 'INVALID' "
            "WHEN score >= threshold THEN 'FAIL' ELSE 'PASS' END), count(DISTINCT verdict) FROM "
            "inspections"
        ).fetchone() or (None, None)
    assert (differ, verdicts) == (0, 3)


def test_a_verdict_that_misses_its_deadline_is_held(tmp_path: Path) -> None:
    paths = make_station(tmp_path, CAMERA, station={"deadline_ms": 0.5})
    told = tmp_path / "told"
    with running(paths, dependencies(Plan(camera="3f", announced=str(told)))) as station:
        station.wait_until_inspected(3)
    rows = audit(paths, told).inspections
    assert {(row["verdict"], row["disposition"], row["hold_reason"]) for row in rows} == {
        ("PASS", "HOLD", "late")
    }
    assert all(row["age_ms"] > 0.5 for row in rows)


def test_on_an_expired_calibration_parts_are_held(tmp_path: Path) -> None:
    paths = make_station(tmp_path, due_in_days=-1)
    with running(paths) as station:
        drop(paths, "a.png", part())
        station.wait_until_inspected(1)
        status = station.wait_for_status(lambda status: status.last_part, "a part")
    assert "calibration EXPIRED" in status.line()
    row = audit(paths).of("a.png")
    assert (row["verdict"], row["disposition"], row["hold_reason"]) == (
        "PASS",
        "HOLD",
        "calibration_expired",
    )
    assert not row["calibration_in_date"]
