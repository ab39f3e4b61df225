"""A part's age counts from its exposure, wherever the frame waited."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from qc_edge import camera
from qc_edge.query.typed_rows import read_inspections
from qc_edge.service.synced_file import Chunk
from qc_edge.store.durable import Disk
from tests.station.harness import GOOD, NAME, make_station, part, running
from tests.station.twins import Plan, dependencies

RATE_HZ = 10.0
STALL_S = 3.0
DEADLINE_MS = 1000.0
WITHIN = 35
"""Frames in which the emulator, which counts no clock, cannot slip by more than SLACK_S."""
SLACK_S = 0.3


class StallingDisk(Disk):
    """Until it is released no frame can be written: as on a disk that takes no more for long."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.released.set()

    def write_visible(self, path: Path, chunks: Iterable[Chunk], temporary: Path) -> int:
        self.released.wait()
        return super().write_visible(path, chunks, temporary)


@pytest.mark.serial  # a busy machine's emulator exposes fewer frames in the same time
def test_a_frame_that_waited_in_the_drivers_buffers_is_as_old_as_its_exposure(
    tmp_path: Path,
) -> None:
    pytest.importorskip("pypylon")
    images = tmp_path / "images"
    images.mkdir()
    for seed in range(4):
        cv2.imwrite(str(images / f"{seed}.png"), part(GOOD, seed, 640, 480))
    top = {"name": "top", "backend": "emulated", "images": str(images), "rate_hz": RATE_HZ}
    paths = make_station(tmp_path / "root", top, station={"name": NAME, "deadline_ms": DEADLINE_MS})
    disk = StallingDisk()
    given = replace(dependencies(Plan()), disk=disk, connect_camera=camera.connect)
    with running(paths, given) as run:
        state = run.station.captures[0].state
        run.wait_for(lambda: state.spooled > 10, "frames before the stall")
        disk.released.clear()
        threading.Event().wait(STALL_S)  # the stall itself: what is under test is its length
        before = state.spooled
        disk.released.set()
        run.wait_for(lambda: state.spooled > before + 45, "frames behind the stall")
    rows = [row for row in read_inspections(paths.database) if row.camera == "top"]
    late = [row for row in rows if row.disposition == "HOLD"]
    assert {row.hold_reason for row in late} == {"late"}
    assert len(late) >= (STALL_S - DEADLINE_MS / 1000) * RATE_HZ - 3
    first = late[0]
    for row in rows:
        frames = row.camera_frame_number - first.camera_frame_number  # type: ignore[operator]
        truly_s = frames / RATE_HZ
        assert row.retrieved_at and row.retrieved_at >= row.captured_at
        waited_s = (row.retrieved_at - first.captured_at).total_seconds() - truly_s
        if frames <= WITHIN and waited_s > DEADLINE_MS / 1000 + SLACK_S:
            assert row.disposition != "ACCEPT"
    assert {str(row.exposure_source) for row in rows} == {"arrival", "earliest"}
    assert [row.frame_id for row in rows] == sorted(row.frame_id for row in rows)
