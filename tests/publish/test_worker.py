"""The publisher's thread: what a stop leaves published."""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_edge.publish import worker
from qc_edge.publish.worker import PublishWorker
from qc_edge.service.clock import FrameClock
from tests.publish.rows import NOON, inspection, log, numbers


def test_a_station_that_stops_before_the_first_comparison_is_through_publishes_its_rows(
    tmp_path: Path,
) -> None:
    with log(tmp_path) as made:
        made.add(inspection(NOON))
        PublishWorker(made.publisher, 5.0, FrameClock(tmp_path / "clock")).finish()
        assert len(numbers(made.published, "inspections")) == 1


def test_a_long_comparison_does_not_hold_up_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "_FINISH_S", -1.0)
    caplog.set_level("INFO", "qc_edge")
    with log(tmp_path) as made:
        made.add(inspection(NOON))
        PublishWorker(made.publisher, 5.0, FrameClock(tmp_path / "clock")).finish()
        assert "the next start publishes the rest" in caplog.text
