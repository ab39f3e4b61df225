"""A station whose clock is behind its log judges by the log; a boot in the future harms nothing."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qc_edge.domain.inspection import Inspection
from qc_edge.domain.threshold import ThresholdRecord, record_id
from qc_edge.query.typed_rows import read_inspections
from qc_edge.records import thresholds
from qc_edge.service import clock as clocks
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.publish.rows import inspection
from tests.station.harness import GOOD, NAME, drop, make_station, part, running


def record(paths: StationPaths, when: datetime, **values: Any) -> None:
    """What an earlier run of the station left in its log, recorded `when`."""
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    ledger.commit([inspection(when, **values)], when)
    ledger.close()


def judged(paths: StationPaths) -> tuple[Inspection, str, int]:
    """The row of one good part, what status says of the clock meanwhile, and of today's parts."""
    with running(paths) as run:
        drop(paths, "p.png", part(GOOD), {"part_id": "p"})
        run.wait_until_inspected(1)
        status = run.wait_for_status(
            lambda status: status.today and status.today.verdicts, "a part of today"
        )
    row = next(row for row in read_inspections(paths.database) if row.part_id == "p")
    assert status.today is not None
    return row, status.clock, sum(status.today.verdicts.values())


@pytest.mark.parametrize("trusted", [True, False])
def test_a_calibration_that_the_log_knows_to_be_expired_is_expired(
    tmp_path: Path, trusted: bool
) -> None:
    paths = make_station(tmp_path, due_in_days=30)
    known = utc_now() + timedelta(days=40)
    record(paths, known, clock_trusted=trusted)
    row, clock, today = judged(paths)
    assert (row.disposition, row.hold_reason) == ("HOLD", "calibration_expired")
    assert not row.calibration_in_date
    assert not row.clock_trusted
    assert "behind the newest known time" in row.detail
    assert "behind the newest known time" in clock
    assert today == 1, "the row of another day is not of today"


def test_a_threshold_that_was_in_force_stays_in_force(tmp_path: Path) -> None:
    """Its row was recorded under a clock that is no longer believed, or the row is all there is."""
    paths = make_station(tmp_path, due_in_days=60)
    begins = utc_now() + timedelta(days=10)
    model = hashlib.sha256((paths.models / "corner/1/model.onnx").read_bytes()).hexdigest()
    own = ThresholdRecord(
        record_id(begins), NAME, "corner@1", model, 0.4, begins, begins, "A. Keller", "escapes"
    )
    thresholds.write(paths.thresholds, own)
    record(paths, utc_now(), threshold_id=own.threshold_id)
    row, _, _ = judged(paths)
    assert row.threshold_id == own.threshold_id


@pytest.mark.parametrize("synchronised", [True, False])
def test_a_boot_in_the_future_is_forgotten_as_soon_as_the_clock_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synchronised: bool
) -> None:
    monkeypatch.setattr(clocks, "is_synchronised", lambda: synchronised)
    paths = make_station(tmp_path, due_in_days=30)
    now = utc_now()
    record(paths, now - timedelta(hours=1))
    record(paths, now.replace(year=2099), clock_trusted=False)
    row, clock, _ = judged(paths)
    assert row.frame_id.startswith(f"{now:%Y%m}")
    assert row.raw_path is not None and row.raw_path.startswith(f"evidence/{now:%Y-%m}")
    assert row.clock_trusted is synchronised
    if synchronised:
        assert row.disposition == "ACCEPT"
        assert clock == "synchronised"
    else:
        assert row.hold_reason == "calibration_expired", "nobody vouches for this clock either"
    assert abs(row.captured_at - now) < timedelta(minutes=5)
