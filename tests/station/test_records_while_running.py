"""Records that are deleted or rewritten while the station runs: what judges stays what is on
record, a later change does not put the new content on record, and the station stays up.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, StationPaths
from tests.station.audit import read_log
from tests.station.harness import NAME, make_station, running
from tests.station.test_kept_records import ANNA, command, newest, why_it_does_not_start
from tests.station.twins import Plan, dependencies


def deleted(record: Path) -> None:
    record.unlink()


def edited(record: Path) -> None:
    record.write_bytes(record.read_bytes() + b"# by somebody\n")


@pytest.mark.parametrize("harm", [deleted, edited])
def test_a_new_threshold_does_not_launder_another_record(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    paths = make_station(tmp_path)
    with running(paths, dependencies(Plan())) as run:
        run.wait_until_ready()
        record = newest(paths.calibration / INCOMING)
        harm(record)
        set_threshold(paths, "0.3")
        run.wait_for_status(lambda status: status.threshold == 0.3, "the threshold in force")
    fault = why_it_does_not_start(paths)
    assert f"calibration/{INCOMING}/{record.name}" in fault.message


def damaged(record: Path) -> None:
    record.write_text(record.read_text().replace("0.3", "0.2"))


@pytest.mark.parametrize("harm", [deleted, damaged])
def test_a_scheduled_threshold_that_is_harmed_before_its_time_never_judges(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    paths = make_station(tmp_path)
    with running(paths, dependencies(Plan())) as run:
        run.wait_until_ready()
        at = utc_now() + timedelta(seconds=6)
        set_threshold(paths, "0.3", "--at", at.isoformat(timespec="seconds"))
        follower = run.station.rulebook._thresholds  # type: ignore[union-attr]
        run.wait_for(lambda: follower._records, "the record to be read ahead of its time")
        harm(newest(paths.thresholds))
        run.wait_for(lambda: "threshold_refused" in journal(paths), "the refusal, when it is due")
        assert utc_now() >= at - timedelta(seconds=1)
        before = len(run.statuses)
        run.wait_for(lambda: len(run.statuses) > before + 2, "the station goes on")
        assert run.status.ready and run.status.threshold == 0.5
    (event,) = read_log(paths).events_of("threshold_refused")
    assert "the threshold in force stays" in event["detail"]


def set_threshold(paths: StationPaths, value: str, *options: str) -> None:
    command(paths, "threshold", NAME, "set", value, "--yes", *ANNA, *options)


def journal(paths: StationPaths) -> str:
    """A running station's rows: nobody else can open its database."""
    return "".join(hour.read_text() for hour in paths.journal.glob("*.jsonl"))
