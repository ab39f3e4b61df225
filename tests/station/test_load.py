"""Bursts of files and kills at random under load: all inspected, none twice, and no slower at the
end. `make test-long` does the same at full size (tests/long).
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.station.audit import audit
from tests.station.harness import inspect_all, lines, make_station, start_child, wait_for
from tests.station.load import RANDOM_TIME, KilledStation, drop_many, inspect_files
from tests.station.twins import Plan


@pytest.mark.slow
@pytest.mark.parametrize(("files", "before_the_start"), [(900, True), (900, False)])
def test_many_files_at_once_are_inspected_at_an_even_rate(
    tmp_path: Path, files: int, before_the_start: bool
) -> None:
    """Even in CPU time: the clock's rate is also that of whatever else the machine does."""
    figures = inspect_files(tmp_path, files, before_the_start=before_the_start)
    print(figures)
    assert figures["last_tenth_by_first_cpu"] >= 0.6


@pytest.mark.slow
def test_kills_at_random_under_load_break_no_promise(tmp_path: Path) -> None:
    station = KilledStation(tmp_path, seed=20261122)
    for point in [RANDOM_TIME, RANDOM_TIME, "append half", RANDOM_TIME, "unlink before"]:
        station.kill(point)
    assert station.check()["kills"] == 5


def test_files_whose_events_the_kernel_lost_are_found_all_the_same(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    told = tmp_path / "told"
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    process = start_child(paths, Plan(announced=str(told)))
    try:
        drop_many(paths, [0])
        wait_for(lambda: len(lines(told)) == 1, "it is at work")
        process.send_signal(signal.SIGSTOP)
        for number in range(queue + 1000):
            (paths.incoming / f".{number}").touch()
        drop_many(paths, range(1, 31))
        process.send_signal(signal.SIGCONT)
        wait_for(lambda: len(lines(told)) == 31, "all inspected")
    finally:
        process.kill()
        process.wait()
    inspect_all(paths)
    assert len(audit(paths, told).inspections) == 31
