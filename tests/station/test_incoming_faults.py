"""Faults of incoming/ and of single files in it: said, tried again, never the end of the line."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qc_edge.domain.frame import FrameId
from qc_edge.intake import blocked_files, settling, watch
from qc_edge.settings import StationPaths
from qc_edge.store.claims import Claims
from qc_edge.store.durable import Disk
from qc_edge.store.spooled_file import SpooledFile
from tests.station.audit import audit
from tests.station.harness import Running, drop, encoded, make_station, part, running, spooled

Rename = Callable[[Any, Any], None]


@pytest.fixture
def rename(monkeypatch: pytest.MonkeyPatch) -> Callable[[Rename], None]:
    """Put this check before each os.rename."""
    real = os.rename

    def install(check: Rename) -> None:
        def renamed(source: Any, target: Any) -> None:
            check(Path(source), Path(target))
            real(source, target)

        monkeypatch.setattr(os, "rename", renamed)

    return install


def other_file_system(directory: Path) -> Rename:
    """incoming/ on a file system of its own."""

    def check(source: Path, target: Path) -> None:
        if (source.parent == directory) != (target.parent == directory):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    return check


def test_files_of_another_file_system_are_copied_with_their_sidecars(
    tmp_path: Path, rename: Callable[[Rename], None]
) -> None:
    paths = make_station(tmp_path)
    rename(other_file_system(paths.incoming))
    with running(paths) as station:
        drop(paths, "a.png", part(), {"part_id": "A"})
        drop(paths, "b.png", part(seed=1))
        (paths.incoming / "link.png").symlink_to("/etc/passwd")
        os.mkfifo(paths.incoming / "pipe.png")
        station.wait_until_inspected(4)
        assert station.status.warnings == ()
    log = audit(paths)
    assert (log.of("a.png")["verdict"], log.of("a.png")["part_id"]) == ("PASS", "A")
    assert log.of("b.png")["verdict"] == "PASS"
    assert {log.of(name)["reason"] for name in ("link.png", "pipe.png")} == {"refused_path"}
    assert not list(paths.incoming.iterdir())


@pytest.mark.parametrize("is_copied", [False, True])
def test_a_copy_that_a_crash_interrupted_is_finished_once(tmp_path: Path, is_copied: bool) -> None:
    paths = make_station(tmp_path)
    claimed = "20261122T141507123456Z-incoming~a.png"
    (paths.incoming / f".taking-{claimed}").write_bytes(encoded(part(), ".png"))
    if is_copied:
        (paths.frames / claimed).write_bytes(encoded(part(), ".png"))
    with running(paths) as station:
        station.wait_until_inspected(1)
    assert [row["frame_id"] for row in audit(paths).inspections] == [
        FrameId("20261122T141507123456Z-incoming")
    ]
    assert not list(paths.incoming.iterdir())


def test_a_copy_that_finds_no_room_leaves_all_as_it_was(
    tmp_path: Path, rename: Callable[[Rename], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = make_station(tmp_path)
    rename(other_file_system(paths.incoming))
    drop(paths, "a.png", part(), {"part_id": "A"})

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Disk, "write", refuse)
    claimed = SpooledFile("20261122T141507123456Z-incoming~a.png", FrameId("x"), 0, False)
    with pytest.raises(OSError, match="No space"):
        Claims(paths, Disk()).claim("a.png", "a.png.json", claimed, lambda: None)
    assert sorted(path.name for path in paths.incoming.iterdir()) == ["a.png", "a.png.json"]
    assert not spooled(paths)


@pytest.mark.parametrize("code", [errno.EPERM, errno.EACCES, errno.EBUSY, errno.ESTALE, errno.EIO])
def test_a_file_that_cannot_be_taken_is_said_once_and_taken_when_it_can(
    tmp_path: Path,
    rename: Callable[[Rename], None],
    monkeypatch: pytest.MonkeyPatch,
    code: int,
) -> None:
    paths = make_station(tmp_path)
    stuck = {"stuck.png", "stuck too.png"}
    monkeypatch.setattr(blocked_files, "_RETRY_S", 0.1)

    def check(source: Path, target: Path) -> None:
        if source.name in stuck and target.parent != paths.incoming:
            raise OSError(code, os.strerror(code))

    rename(check)
    with running(paths) as station:
        for name in sorted(stuck):
            drop(paths, name, part(seed=len(name)))
        station.wait_for_status(lambda status: status.warnings, "said")
        drop(paths, "good.png", part())
        station.wait_until_inspected(1)
        assert station.status.ready
        assert "stuck" in station.status.line() and os.strerror(code) in station.status.line()
        stuck.clear()
        station.wait_until_inspected(3)
        station.wait_for_status(lambda status: not status.warnings, "nothing to say any more")
    log = audit(paths)
    assert {row["verdict"] for row in log.inspections} == {"PASS"}
    assert [len(log.events_of(kind)) for kind in ("file_blocked", "files_unblocked")] == [1, 1]


def test_an_incoming_directory_that_goes_and_comes_back(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        paths.incoming.rename(tmp_path / "away")
        station.wait_for_status(lambda status: len(status.warnings) > 1, "it is missed")
        (tmp_path / "away").rename(paths.incoming)
        drop(paths, "a.png", part())
        station.wait_until_inspected(1)
    log = audit(paths)
    assert len(log.events_of("incoming_lost")) == len(log.events_of("incoming_back")) == 1


def test_without_inotify_the_directories_are_listed_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    start = watch.DirectoryWatch._start
    monkeypatch.setattr(watch.DirectoryWatch, "_start", refuse)
    monkeypatch.setattr(watch, "_RETRY_S", 0.1)
    paths = make_station(tmp_path)
    with running(paths) as station:
        drop(paths, "a.png", part())
        station.wait_until_inspected(1)
        said = station.wait_for_status(lambda status: status.warnings, "said")
        assert said.ready
        assert "fs.inotify.max_user_instances" in said.line()
        monkeypatch.setattr(watch.DirectoryWatch, "_start", start)
        station.wait_for_status(lambda status: not status.warnings, "watched again")
        drop(paths, "b.png", part(seed=1))
        station.wait_until_inspected(2)
    log = audit(paths)
    assert len(log.events_of("watch_lost")) == len(log.events_of("watch_back")) == 1


def test_a_watch_that_dies_is_started_again_and_said(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        role = station.station._inspect_role
        assert role is not None
        watches = role.arrivals._watches
        station.wait_for(lambda: all(watch._observer for watch in watches), "watched")
        observer = watches[1]._observer
        assert observer is not None
        observer.stop()
        station.wait_for(
            lambda: watches[1]._observer not in (None, observer), "another watch is started"
        )
        drop(paths, "a.png", part())
        station.wait_until_inspected(1)
    log = audit(paths)
    (lost,) = log.events_of("watch_lost")
    assert "watchdog's thread died" in lost["detail"]
    assert len(log.events_of("watch_back")) == 1


def test_a_writer_that_pauses_is_waited_for_as_long_as_it_has_the_file_open(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    data = encoded(part(), ".png")
    with running(paths) as station:
        path = paths.incoming / "slow.png"
        with path.open("wb", buffering=0) as file:
            file.write(data[: len(data) // 2])
            drop(paths, "other.png", part(seed=1))
            station.wait_until_inspected(1)
            seen = len(station.statuses)
            station.wait_for(lambda: len(station.statuses) > seen + 3, "longer than settle_s")
            assert path.exists(), "it was taken while it was open"
            file.write(data[len(data) // 2 :])
        station.wait_until_inspected(2)
    assert audit(paths).of("slow.png")["verdict"] == "PASS"


def test_a_writer_whose_file_may_not_be_asked_for_is_waited_for_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "is_open_for_writing", lambda _: None)  # another user's file
    paths = make_station(tmp_path)
    data = encoded(part(), ".png")
    with running(paths) as station:
        station.wait_for(lambda: is_watched(station), "watched")
        path = paths.incoming / "slow.png"
        with path.open("wb", buffering=0) as file:
            file.write(data[: len(data) // 2])
            path.read_bytes()
            seen = len(station.statuses)
            station.wait_for(lambda: len(station.statuses) > seen + 3, "longer than settle_s")
            assert path.exists(), "it was taken while it was open"
            file.write(data[len(data) // 2 :])
        station.wait_until_inspected(1)
    assert audit(paths).of("slow.png")["verdict"] == "PASS"


def is_watched(station: Running) -> bool:
    role = station.station._inspect_role
    return role is not None and all(watch._observer for watch in role.arrivals._watches)


def test_a_writer_that_hangs_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_HELD_S", 0.5)
    paths = make_station(tmp_path)
    with running(paths) as station:
        with (paths.incoming / "slow.png").open("wb") as file:
            station.wait_for_status(lambda status: "slow.png" in status.line(), "it is said")
            file.write(encoded(part(), ".png"))
        station.wait_until_inspected(1)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[StationPaths]:
    """A station whose incoming/ is a file system of its own, in memory."""
    paths = make_station(tmp_path)
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(paths.incoming)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a file system needs root")
    yield paths
    subprocess.run(["umount", "--lazy", str(paths.incoming)], check=True)


def test_a_mount_of_its_own_is_worked_off_across_restarts(mounted: StationPaths) -> None:
    for start in range(2):
        with running(mounted) as station:
            for number in range(3):
                name = f"{start}-{number}.png"
                drop(mounted, name, part(seed=10 * start + number), {"part_id": name})
            station.wait_until_inspected(3)
    rows = audit(mounted).inspections
    assert [row["part_id"] for row in rows] == [row["original_name"] for row in rows]
    assert len(rows) == 6 and {row["verdict"] for row in rows} == {"PASS"}
    assert not list(mounted.incoming.iterdir())


def test_a_file_that_is_a_mount_of_its_own_stays_and_is_named(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    source, target = tmp_path / "source.png", paths.incoming / "mount.png"
    source.write_bytes(encoded(part(), ".png"))
    target.touch()
    mount = ["mount", "--bind", str(source), str(target)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a file needs root")
    try:
        with running(paths) as station:
            station.wait_for_status(lambda status: "mount.png" in status.line(), "it is named")
            drop(paths, "good.png", part(seed=1))
            station.wait_until_inspected(1)
    finally:
        subprocess.run(["umount", "--lazy", str(target)], check=True)
    assert audit(paths).of("good.png")["verdict"] == "PASS"


def test_a_time_that_a_writer_sets_makes_no_half_written_file_look_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "is_open_for_writing", lambda _: None)
    monkeypatch.setattr(settling, "is_local", lambda _: False)  # as over NFS
    paths = make_station(tmp_path, incoming={"settle_s": 3.0})
    data = encoded(part(), ".png")
    with running(paths) as station:
        path = paths.incoming / "slow.png"
        with path.open("wb", buffering=0) as file:
            file.write(data[: len(data) // 2])
            os.utime(path, (1, 1))
            seen = len(station.statuses)
            station.wait_for(lambda: len(station.statuses) > seen + 1, "a listing")
            assert path.exists(), "its time was believed"
            file.write(data[len(data) // 2 :])
        station.wait_until_inspected(1)
    assert audit(paths).of("slow.png")["verdict"] == "PASS"


SIDECARS = {
    "mark.png": b"\xef\xbb\xbf" + json.dumps({"part_id": "mark.png"}).encode(),
    "le.png": json.dumps({"part_id": "le.png"}).encode("utf-16"),
    "be.png": b"\xfe\xff" + json.dumps({"part_id": "be.png"}).encode("utf-16-be"),
    "none.png": json.dumps({"part_id": "none.png"}).encode("utf-16-le"),
}


def test_sidecars_of_windows_are_read(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        for name, data in SIDECARS.items():
            (paths.incoming / f"{name}.json").write_bytes(data)
            drop(paths, name, part(seed=len(name)))
        (paths.incoming / "UPPER.JSON").write_text('{"part_id": "upper"}')
        drop(paths, "UPPER.PNG", encoded(part(), ".png"))
        for name in ("a.TMP", "b.Part"):
            (paths.incoming / name).write_bytes(b"half")
        station.wait_until_inspected(len(SIDECARS) + 1)
    log = audit(paths)
    assert {name: log.of(name)["part_id"] for name in SIDECARS} == {name: name for name in SIDECARS}
    assert log.of("UPPER.PNG")["part_id"] == "upper"
    assert sorted(path.name for path in paths.incoming.iterdir()) == ["a.TMP", "b.Part"]


def test_what_lies_there_at_the_start_and_cannot_be_taken_stops_no_start(
    tmp_path: Path, rename: Callable[[Rename], None]
) -> None:
    paths: StationPaths = make_station(tmp_path)

    def check(source: Path, _: Path) -> None:
        if source.name == "stuck.png":
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    drop(paths, "stuck.png", part())
    rename(check)
    with running(paths) as station:
        station.wait_for_status(lambda status: status.warnings, "said")
        drop(paths, "good.png", part())
        station.wait_until_inspected(1)
    assert [path.name for path in paths.incoming.iterdir()] == ["stuck.png"]
