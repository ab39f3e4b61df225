"""Losses: each row says what was lost and why, and its range covers no frame that came."""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_edge.capture.losses import Losses
from qc_edge.domain.events import Event
from qc_edge.domain.inspection import Gap
from qc_edge.errors import DiskFullError
from qc_edge.service.clock import FrameClock
from qc_edge.settings import StationPaths
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import Disk
from qc_edge.store.spool import Spool


class FillingSpool(Spool):
    """A spool whose disk may be full; it remembers the rows that it took."""

    def __init__(self, root: Path) -> None:
        paths = StationPaths(root, "line1")
        make_directories(paths.directories())
        super().__init__(paths, Disk())
        self.is_full = False
        self.rows: list[Gap] = []

    def put_row(self, row: Gap | Event) -> None:
        if self.is_full:
            raise DiskFullError("no space left", hint="")
        super().put_row(row)
        assert isinstance(row, Gap)
        self.rows.append(row)


@pytest.fixture
def spool(tmp_path: Path) -> FillingSpool:
    return FillingSpool(tmp_path)


@pytest.fixture
def losses(spool: FillingSpool, tmp_path: Path) -> Losses:
    return Losses("line1", "top", spool, FrameClock(tmp_path / "clock"))


def told(spool: FillingSpool) -> list[tuple[int, str, int | None, int | None]]:
    return [
        (row.lost, row.detail, row.first_frame_number, row.last_frame_number) for row in spool.rows
    ]


def test_a_loss_whose_row_was_refused_keeps_its_reason(spool: FillingSpool, losses: Losses) -> None:
    spool.is_full = True
    losses.add(1, "failed_grab", "incomplete", 5, 5)
    for number in range(6, 106):
        losses.add(1, "disk_low", f"{number} MB free", number, number)
    spool.is_full = False
    losses.report()
    assert told(spool) == [(1, "incomplete", 5, 5), (100, "6 MB free", 6, 105)]
    assert [row.reason for row in spool.rows] == ["failed_grab", "disk_low"]


def test_a_range_covers_no_frame_that_came(spool: FillingSpool, losses: Losses) -> None:
    losses.add(1, "failed_grab", "incomplete", 5, 5)
    losses.add(1, "failed_grab", "incomplete", 400, 400)
    losses.add(2, "failed_grab", "incomplete", 401, 402)
    losses.report()
    assert told(spool) == [(1, "incomplete", 5, 5), (3, "incomplete", 400, 402)]


def test_two_faults_of_one_reason_are_two_rows(spool: FillingSpool, losses: Losses) -> None:
    losses.add(1, "failed_grab", "incomplete", 5, 5)
    losses.add(1, "failed_grab", "USB overrun", 6, 6)
    losses.report()
    assert told(spool) == [(1, "incomplete", 5, 5), (1, "USB overrun", 6, 6)]


def test_losses_that_nobody_numbered_share_a_row(spool: FillingSpool, losses: Losses) -> None:
    for _ in range(3):
        losses.add(1, "no_answer", "no frame", None, None)
    losses.report()
    assert told(spool) == [(3, "no frame", None, None)]


def test_every_second_frame_lost_makes_few_rows_and_the_count_is_right(
    spool: FillingSpool, losses: Losses
) -> None:
    for number in range(0, 2000, 2):
        losses.add(1, "failed_grab", "incomplete", number, number)
    losses.report()
    assert sum(row.lost for row in spool.rows) == 1000
    assert len(spool.rows) <= 16
    for row in spool.rows:
        assert row.first_frame_number is None or row.first_frame_number == row.last_frame_number
