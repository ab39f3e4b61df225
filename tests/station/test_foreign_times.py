"""Frames of other machines are as old as their exposure: what cannot be known, or cannot be, is
held.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from qc_edge.domain.frame import Frame
from qc_edge.domain.inspection import Inspection
from qc_edge.intake.incoming import IncomingFiles
from qc_edge.query.typed_rows import read_inspections
from qc_edge.service import clock as clocks
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.service.file_clock import FileSystemClock
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.spool import Spool
from tests.station.harness import GOOD, NAME, drop, make_station, part, running

DEADLINE_MS = 5_000.0
PROMPT = {"name": NAME, "deadline_ms": DEADLINE_MS}


@pytest.fixture(params=[True, False], ids=["synchronised", "unsynchronised"])
def synchronised(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the station's own clock is disciplined."""
    monkeypatch.setattr(clocks, "is_synchronised", lambda: request.param)
    return bool(request.param)


def told(root: Path, sidecars: dict[str, Any], **incoming: Any) -> dict[str | None, Inspection]:
    """The rows of frames that were dropped with these times, by name."""
    paths = make_station(root, station=PROMPT, incoming={"settle_s": 0.3} | incoming)
    with running(paths) as run:
        for seed, (name, at) in enumerate(sidecars.items()):
            sidecar = {"part_id": name} if at is None else {"part_id": name, "captured_at": at}
            drop(paths, f"{name}.png", part(GOOD, seed), sidecar)
        run.wait_until_inspected(len(sidecars))
    return {row.part_id: row for row in read_inspections(paths.database)}


def test_the_time_in_a_sidecar_makes_a_frame_older_and_never_younger(
    tmp_path: Path, synchronised: bool
) -> None:
    now = utc_now()
    rows = told(
        tmp_path,
        {
            "now": now.isoformat(),
            "none": None,
            "minute": (now - timedelta(minutes=1)).isoformat(),
            "other-zone": (now - timedelta(minutes=1))
            .astimezone(timezone(timedelta(hours=9)))
            .isoformat(),
        },
    )
    assert {name: row.hold_reason for name, row in rows.items()} == {
        "now": None,
        "none": None,
        "minute": "late",
        "other-zone": "late",
    }
    assert rows["now"].disposition == rows["none"].disposition == "ACCEPT"
    assert str(rows["none"].exposure_source) == "file_time"
    assert str(rows["minute"].exposure_source) == "node_clock"
    age_ms = rows["minute"].age_ms
    assert age_ms is not None and 60_000 < age_ms < 90_000
    assert rows["minute"].captured_at == now - timedelta(minutes=1)
    retrieved = rows["minute"].retrieved_at
    assert retrieved is not None and retrieved > now - timedelta(seconds=1)


@pytest.mark.parametrize("age", ["hold", "arrival", "none"])
def test_a_time_that_cannot_be_is_held_whatever_the_age_means(tmp_path: Path, age: str) -> None:
    times = ["1969-07-20T20:17:40Z", "1999-12-31T23:59:59Z", "2095-01-01T00:00:00Z"]
    if age != "none":  # an old lot is older than the station's first record
        times.append((utc_now() - timedelta(days=240)).isoformat())
    rows = told(tmp_path, {str(number): at for number, at in enumerate(times)}, age=age)
    assert len(rows) == len(times)
    for row in rows.values():
        assert (row.verdict, row.disposition) == ("PASS", "HOLD")
        assert row.hold_reason == "impossible_time"
        assert row.age_ms is None
        assert "its time of exposure is" in row.detail


@pytest.mark.parametrize(
    ("settings", "hold", "source"),
    [
        ({}, "unknown_age", "unknown"),
        ({"age": "arrival"}, None, "arrival"),
        ({"age": "none"}, None, "unknown"),
        ({"time_zone": "UTC"}, None, "file_time"),
        ({"time_zone": "Asia/Tokyo"}, "late", "node_clock"),
    ],
)
def test_a_time_without_a_zone_needs_the_setting(
    tmp_path: Path, settings: dict[str, str], hold: str | None, source: str
) -> None:
    naive = (utc_now() + timedelta(seconds=1)).replace(tzinfo=None).isoformat()
    row = told(tmp_path, {"p": naive}, **settings)["p"]
    assert row.hold_reason == hold
    assert str(row.exposure_source) == source


def test_without_a_deadline_an_old_lot_is_told_as_it_is_judged(tmp_path: Path) -> None:
    old = (utc_now() - timedelta(days=240)).isoformat()
    rows = told(tmp_path, {"p": old}, age="none")
    assert rows["p"].disposition == "ACCEPT"


@pytest.mark.parametrize(
    ("written_s", "hold"), [(-60.0, "late"), (3600.0, "impossible_time"), (0.5, None)]
)
def test_a_file_without_a_sidecar_is_as_old_as_it_says(
    tmp_path: Path, written_s: float, hold: str | None
) -> None:
    paths = make_station(tmp_path, station=PROMPT)
    with running(paths) as run:
        hidden = paths.incoming / ".hidden"
        drop(paths, ".hidden", part(GOOD))
        at = time.time() + written_s
        os.utime(hidden, (at, at))
        hidden.rename(paths.incoming / "p.png")
        run.wait_until_inspected(1)
    (row,) = read_inspections(paths.database)
    assert row.hold_reason == hold
    assert (row.disposition == "ACCEPT") is (hold is None)


def test_a_file_that_no_event_announced_is_as_old_as_its_last_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As over NFS: inotify reports nothing of what another machine writes.
    monkeypatch.setattr(IncomingFiles, "on_finished", lambda _self, _name: None)
    settings = {"name": NAME, "deadline_ms": 1_000.0}
    paths = make_station(tmp_path, station=settings, incoming={"settle_s": 1.5})
    with running(paths) as run:
        drop(paths, "p.png", part(GOOD))
        run.wait_until_inspected(1)
        run.wait_for_status(lambda status: status.latency and status.latency.frames, "a latency")
        latency = run.status.latency
    (row,) = read_inspections(paths.database)
    assert row.hold_reason == "late"
    assert row.age_ms is not None and row.age_ms > 1_500
    assert latency is not None and latency.max_ms is not None and latency.max_ms >= row.age_ms


def test_a_file_server_whose_clock_is_off_makes_no_file_older_or_younger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead_s = 90.0
    measure = FileSystemClock._measure

    def measured(clock: FileSystemClock) -> float | None:
        offset = measure(clock)
        return None if offset is None else offset + ahead_s

    monkeypatch.setattr(FileSystemClock, "_measure", measured)
    paths = make_station(tmp_path, station=PROMPT)
    with running(paths) as run:
        for name, age_s in (("fresh", 0.0), ("minute", 60.0)):
            drop(paths, f".{name}", part(GOOD, round(age_s)), None)
            at = time.time() + ahead_s - age_s
            os.utime(paths.incoming / f".{name}", (at, at))
            (paths.incoming / f".{name}").rename(paths.incoming / f"{name}.png")
        run.wait_until_inspected(2)
    rows = {row.original_name: row for row in read_inspections(paths.database)}
    assert rows["fresh.png"].disposition == "ACCEPT"
    assert rows["minute.png"].hold_reason == "late"
    assert abs(rows["fresh.png"].captured_at - utc_now()) < timedelta(seconds=60)


def foreign(paths: StationPaths, name: str, **values: Any) -> None:
    """What the capture role of another machine hands over in the shared spool."""
    stamp = FrameClock(paths.root / "clock-of-another").stamp(name)
    frame = Frame(stamp.frame_id, name, stamp.captured_at, True, stamp.monotonic_ns, "another boot")
    Spool(paths, Disk()).put_frame(replace(frame, **values), part(GOOD), 8)


def test_a_frame_of_another_machine_is_aged_by_both_clocks(
    tmp_path: Path, synchronised: bool
) -> None:
    paths = make_station(tmp_path, station=PROMPT)
    now = utc_now()
    with running(paths) as run:
        foreign(paths, "fresh")
        foreign(paths, "minute", captured_at=now - timedelta(minutes=1))
        foreign(paths, "untrusted", clock_trusted=False)
        foreign(paths, "unset", captured_at=datetime(1970, 1, 2, tzinfo=timezone.utc))
        foreign(paths, "ahead", captured_at=now + timedelta(days=3))
        run.wait_until_inspected(5)
    rows = {row.camera: row for row in read_inspections(paths.database)}
    assert {name: row.hold_reason for name, row in rows.items()} == {
        "fresh": None if synchronised else "unknown_age",
        "minute": "late" if synchronised else "unknown_age",
        "untrusted": "unknown_age",
        "unset": "impossible_time",
        "ahead": "impossible_time",
    }
    assert str(rows["fresh"].exposure_source) == ("node_clock" if synchronised else "unknown")
