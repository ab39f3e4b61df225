"""What the end of the last run has torn: counted once, whatever happens while it is counted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from qc_edge.capture.torn import report_torn
from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import Gap
from qc_edge.errors import StoreError
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.directories import make_directories
from qc_edge.store.row_file import encode_row
from qc_edge.store.torn_files import TornFiles
from tests.event_log import MemoryEventLog
from tests.station.twins import Cues, Fault, FaultyDisk

FRAME = "20261122T141507123456Z-top"


@pytest.fixture
def paths(tmp_path: Path) -> StationPaths:
    paths = StationPaths(tmp_path, "line1")
    make_directories(paths.directories())
    return paths


def start(paths: StationPaths, *faults: Fault) -> MemoryEventLog:
    """A start, on a disk with these faults."""
    events = MemoryEventLog()
    report_torn(TornFiles(paths, FaultyDisk(Cues(faults))), "line1", events)
    return events


def rows(paths: StationPaths) -> list[dict[str, object]]:
    return [json.loads(file.read_bytes()) for file in sorted(paths.frames.iterdir())]


def gap(gap_id: str = FRAME, lost: int = 7) -> Gap:
    now = utc_now()
    return Gap(FrameId(gap_id), now, "line1", "top", None, now, lost, "disk_low", "x", None, None)


def test_a_torn_frame_is_one_lost_frame(paths: StationPaths) -> None:
    (paths.spool_tmp / f"{FRAME}.pgm").write_bytes(b"P5 torn")
    start(paths)
    assert [(row["lost"], row["reason"], row["camera"]) for row in rows(paths)] == [
        (1, "torn", "top")
    ]
    assert not list(paths.spool_tmp.iterdir())


@pytest.mark.parametrize(
    "step",
    ["write before", "write half", "write after", "sync before", "unlink before"],
)
def test_a_disk_that_refuses_at_any_step_loses_no_count_and_repeats_none(
    paths: StationPaths, step: str
) -> None:
    (paths.spool_tmp / f"{FRAME}.pgm").write_bytes(b"P5 torn")
    start(paths, Fault(step, act="ENOSPC"))
    assert list(paths.spool_tmp.iterdir()) or rows(paths), "the count is gone"
    start(paths)
    assert [(row["lost"], row["gap_id"]) for row in rows(paths)] == [(1, FRAME)]
    assert not list(paths.spool_tmp.iterdir())


class KilledError(BaseException):
    """Stands for a kill: no handler of the product catches it, nothing is cleaned up."""


@pytest.mark.parametrize(
    ("torn", "data"),
    [
        (f"{FRAME}.pgm", b"P5 torn"),
        (f"{FRAME}.row.json", encode_row(gap(lost=7))[:-2]),
    ],
    ids=["a frame", "a row"],
)
def test_a_kill_before_the_gap_has_its_name_loses_no_count_and_repeats_none(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch, torn: str, data: bytes
) -> None:
    def kill(*_: object) -> None:
        raise KilledError

    (paths.spool_tmp / torn).write_bytes(data)
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(os, "rename", kill)
        start(paths)
    assert len(list(paths.spool_tmp.iterdir())) == 2, "the torn file and the gap without its name"
    start(paths)
    start(paths)
    assert [(row["lost"], row["gap_id"]) for row in rows(paths)] == [
        (7 if torn.endswith(".json") else 1, FRAME)
    ]
    assert not list(paths.spool_tmp.iterdir())


def test_a_row_that_lacked_only_its_name_is_spooled(paths: StationPaths) -> None:
    (paths.spool_tmp / f"{FRAME}.row.json").write_bytes(encode_row(gap()))
    start(paths)
    assert [(row["lost"], row["reason"]) for row in rows(paths)] == [(7, "disk_low")]


def test_a_torn_row_of_a_loss_is_counted_as_far_as_it_is_legible(paths: StationPaths) -> None:
    whole = encode_row(gap())
    (paths.spool_tmp / f"{FRAME}.row.json").write_bytes(whole[: whole.index(b'"reason"')])
    events = start(paths)
    assert [(row["lost"], row["reason"]) for row in rows(paths)] == [(7, "damaged_row")]
    assert [occurrence.kind for occurrence in events.occurrences] == ["row_unreadable"]


def test_what_is_no_file_of_the_spool_is_removed(paths: StationPaths) -> None:
    (paths.spool_tmp / "nonsense").write_bytes(b"x")
    start(paths)
    assert not list(paths.spool_tmp.iterdir()) and not rows(paths)


def test_what_inspection_is_copying_is_not_torn(paths: StationPaths) -> None:
    """It may be another process, on another machine, that works while capture starts."""
    copied = paths.claims_tmp / f"{FRAME}~part.png"
    copied.write_bytes(b"half of it")
    events = start(paths)
    assert copied.exists()
    assert not rows(paths) and not events.occurrences


def test_a_disk_that_cannot_be_read_does_not_stop_the_start(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> list[object]:
        raise StoreError("cannot remove it", hint="")

    monkeypatch.setattr(TornFiles, "take", refuse)
    start(paths)
