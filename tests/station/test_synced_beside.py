"""A frame is judged while the disk syncs it; its row waits for that, and a power cut before it is a
row, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from qc_edge.query.typed_rows import read_inspections
from qc_edge.service.synced_file import Chunk
from qc_edge.store.durable import Disk
from tests.station.audit import audit
from tests.station.harness import (
    WAIT_S,
    child_said,
    inspect_all,
    make_station,
    run_child,
    running,
    spooled,
)
from tests.station.twins import Fault, Plan, by_corner, dependencies, engine

CAMERA = {"name": "top", "backend": "scripted", "silence_s": 3600.0}


class SlowSyncs(Disk):
    """A disk that takes frames at once and is slow to make them durable: until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released, self.raw_asked = threading.Event(), threading.Event()

    def sync_written(self, fd: int, path: Path, chunks: Iterable[Chunk]) -> None:
        self.released.wait(WAIT_S)
        super().sync_written(fd, path, chunks)

    def sync_file(self, path: Path) -> None:
        if ".raw." in path.name:
            self.raw_asked.set()
        self.released.wait(WAIT_S)
        super().sync_file(path)


def test_a_frame_is_judged_while_it_is_synced_and_its_row_waits(tmp_path: Path) -> None:
    paths = make_station(tmp_path, CAMERA)
    disk, inferred = SlowSyncs(), threading.Event()
    score = by_corner()

    def noticed(prepared: object) -> object:
        inferred.set()
        return score(prepared)  # type: ignore[arg-type]

    plan = Plan(camera="1f")
    given = replace(dependencies(plan, disk=disk), load_engine=engine(noticed))  # type: ignore[arg-type]
    with running(paths, given) as run:
        run.wait_for(inferred.is_set, "the model to be asked")
        run.wait_for(disk.raw_asked.is_set, "the raw frame to be synced for its row")
        statistics = run.station.inspector.announcer.statistics  # type: ignore[union-attr]
        assert statistics.inspected == 0
        assert not any(b"inspections" in log.read_bytes() for log in paths.journal.iterdir())
        disk.released.set()
        run.wait_until_inspected(1)
    (row,) = read_inspections(paths.database)
    assert row.disposition == "ACCEPT"


def emptied(data: bytes) -> bytes:
    """What ext4 leaves of a file that it had not written."""
    return b""


def torn(data: bytes) -> bytes:
    """A part of it reached the disk."""
    return data[: len(data) // 2]


def zeroed(data: bytes) -> bytes:
    """The size reached the disk, and not all of the content."""
    return data[: len(data) // 2] + bytes(len(data) - len(data) // 2)


@pytest.mark.parametrize("left", [emptied, torn, zeroed])
def test_what_a_power_cut_left_of_a_frame_is_a_row_and_never_accepted(
    tmp_path: Path, left: Callable[[bytes], bytes]
) -> None:
    paths = make_station(tmp_path, CAMERA)
    died = run_child(paths, Plan(camera="1f", faults=(Fault("rename after in .pgm"),)))
    assert died == -9, child_said(paths)
    (name,) = [name for name in spooled(paths) if name.endswith(".pgm")]
    path = paths.frames / name
    path.write_bytes(left(path.read_bytes()))

    inspect_all(paths, dependencies(Plan()))

    (row,) = audit(paths).inspections
    assert (row["verdict"], row["disposition"]) == ("INVALID", "HOLD")
    assert row["reason"] in {"empty_file", "torn_file", "digest_mismatch"}
    assert row["camera"] == "top"
