"""A station with something past its date: every part is HOLD, and its row says what."""

from __future__ import annotations

from pathlib import Path

from qc_edge.query.typed_rows import read_inspections
from tests.station.harness import BAD, GOOD, drop, make_station, part, running

GAUGE = '[[due.dates]]\nname = "gauge 7"\nuntil = "2026-11-20"\n'


def test_a_station_whose_gauge_is_past_its_date_accepts_and_rejects_nothing(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path, due={"other": "hold"})
    paths.settings.write_text(paths.settings.read_text() + GAUGE)
    with running(paths) as station:
        status = station.wait_for_status(lambda status: status.warnings, "what is past")
        for number, level in enumerate((GOOD, BAD)):
            drop(paths, f"{number}.png", part(level, seed=number), {"part_id": f"P{number}"})
        station.wait_until_inspected(2)
    assert status.ready, "the line runs on"
    assert status.warnings == ("PAST DUE: other gauge 7: every part is HOLD",)
    rows = read_inspections(paths.database)
    assert [(row.verdict, row.disposition, row.hold_reason) for row in rows] == [
        ("PASS", "HOLD", "past_due"),
        ("FAIL", "HOLD", "past_due"),
    ]
    assert all("past due: other gauge 7 since 2026-11-21" in row.detail for row in rows)
