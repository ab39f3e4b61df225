"""The publisher's thread: what a stop leaves published."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from qc_edge.publish import worker
from qc_edge.publish.worker import PublishWorker
from qc_edge.service.clock import FrameClock
from qc_edge.service.heartbeat import Heartbeat
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


def test_rows_are_published_while_the_index_of_a_long_day_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, published = threading.Event(), list[int]()
    with log(tmp_path) as made:
        publishing = PublishWorker(made.publisher, 0.0, FrameClock(tmp_path / "clock"))

        def tend(on_file: Callable[[], None]) -> None:
            made.add(inspection(NOON))
            on_file()
            published.append(len(numbers(made.published, "inspections")))
            stop.set()

        monkeypatch.setattr(made.publisher, "tend_indexes", tend)
        # On a thread of its own, whose priority it lowers.
        works = threading.Thread(target=publishing.run, args=(Heartbeat("publish", 30.0), stop))
        works.start()
        works.join(30)
        assert not works.is_alive()
    assert published == [1]
