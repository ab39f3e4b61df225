"""What people did at the page becomes events of the log: each once, and nothing else comes that
way.
"""

from __future__ import annotations

import json
import shutil
from itertools import count
from pathlib import Path

import pytest

from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import StoreError
from qc_edge.records import notices
from qc_edge.settings import StationPaths
from qc_edge.station import notices as notice_follower
from qc_edge.station.notices import NoticeFollower
from qc_edge.store.durable import Disk
from tests.event_log import MemoryEventLog
from tests.station.audit import read_log
from tests.station.harness import make_station, running
from tests.station.planted import plant


def logged(paths: StationPaths) -> list[str]:
    events = read_log(paths).tables["events"]
    return [event["detail"] for event in events if event["kind"].startswith("page_")]


def leave(paths: StationPaths, detail: str) -> Path:
    path = notices.leave(paths.notices, Occurrence(EventKind.PAGE_LOGIN, detail, who="anna"))
    assert path is not None
    return path


def test_a_log_in_becomes_an_event_once_though_the_station_ended_in_between(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    kept = leave(paths, "anna logged in")
    shutil.copy(kept, tmp_path / kept.name)
    with running(paths) as run:
        run.wait_for(lambda: not [*notices.names(paths.notices)], "the notice to be taken up")
    # As if it had been killed between the row and the removal of the file.
    shutil.copy(tmp_path / kept.name, kept)
    with running(paths) as run:
        leave(paths, "anna logged in")
        run.wait_for(lambda: not [*notices.names(paths.notices)], "the notices to be taken up")
    details = logged(paths)
    assert len(details) == 2
    assert len(set(details)) == 2


def test_what_is_no_notice_is_set_aside_and_the_station_goes_on(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    good = leave(paths, "anna logged in")
    forged = json.loads(good.read_text()) | {"kind": "threshold"}
    bad = {
        "20260101T000000000000Z-00000001.json": json.dumps(forged),
        "20260101T000000000000Z-00000002.json": "{",
        "20260101T000000000000Z-00000003.json": json.dumps(forged | {"detail": "x" * 9000}),
        "made-up.json": good.read_text(),
    }
    for name, text in bad.items():
        (paths.notices / name).write_text(text)
    with running(paths) as run:
        run.wait_for(lambda: not [*notices.names(paths.notices)], "the notices to be taken up")
    assert len(logged(paths)) == 1
    aside = {path.name for path in paths.set_aside.iterdir()}
    assert {f"notice-{name}" for name in bad} <= aside


def test_the_station_alone_says_what_is_in_force(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="for the station itself to say"):
        notices.leave(tmp_path, Occurrence(EventKind.THRESHOLD, "0.1"))


def test_a_notice_whose_file_stays_is_one_event_and_an_old_one_reads_no_whole_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StickyDisk(Disk):
        def unlink(self, path: Path) -> None:
            raise StoreError(f"cannot remove {path}")

    rows = count()
    row = {"table": "inspections", "recorded_at": "2026-11-28 10:00:00"}
    monkeypatch.setattr(notice_follower, "newest_rows", lambda _: (row for _ in rows))
    paths, events = StationPaths(tmp_path, "one"), MemoryEventLog()
    kept = leave(paths, "anna logged in")
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"at": "1990-01-01T00:00:00+00:00"}))
    follower = NoticeFollower(paths, events, StickyDisk())
    for _ in range(3):
        with pytest.raises(StoreError):
            follower.take_up()
    assert len(events.occurrences) == 1
    assert next(rows) < 100_000


def test_pipes_links_and_names_that_are_no_text_are_refused_as_notices(tmp_path: Path) -> None:
    paths, events = StationPaths(tmp_path, "one"), MemoryEventLog()
    planted = plant(paths.notices, ".json")
    follower = NoticeFollower(paths, events, Disk())
    follower.take_up()
    assert not [*paths.notices.iterdir()]
    assert {path.name for path in paths.set_aside.iterdir()} == {
        f"notice-{p.name}" for p in planted
    }
    # In whose place among the refused another one lies: the others are taken up all the same.
    planted[2].write_bytes(b"{")
    leave(paths, "anna logged in")
    follower.take_up()
    assert [each.who for each in events.occurrences] == ["anna"]
