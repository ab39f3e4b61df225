"""A running station counts by its own day and shift, and takes over another plan on reload."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths, load_settings
from tests.cli.runner import invoke
from tests.station.harness import GOOD, configure, drop, make_station, part, running, wait_for


def plan(paths: StationPaths, zone: str, shift: str) -> None:
    """Reconfigure: a shift of this name that runs since two hours."""
    configure(paths, None, station={"time_zone": zone})
    local = load_settings(paths.settings).station.calendar.local(utc_now() - timedelta(hours=2))
    text = paths.settings.read_text()
    start = f'[[station.shifts]]\nname = "{shift}"\nstart = "{local:%H:%M}"\n'
    paths.settings.write_text(f"{text}\n{start}")


def ask(paths: StationPaths, sql: str) -> Any:
    """The answer of a client of qa.duckdb, which asks again if a file was replaced meanwhile."""

    def answered() -> Any:
        with suppress(duckdb.Error), duckdb.connect(str(paths.qa), read_only=True) as client:
            return client.execute(sql).fetchall()
        return None

    return wait_for(answered, sql)


def test_a_station_counts_by_its_shift_and_takes_another_plan_on_reload(tmp_path: Path) -> None:
    paths = make_station(tmp_path, storage={"publish_every_s": 0.1})
    plan(paths, "Asia/Kolkata", "first")
    with running(paths) as run:
        drop(paths, "a.png", part(GOOD, 1), {"part_id": "a"})
        run.wait_until_inspected(1)
        status = run.wait_for_status(lambda status: status.shift, "a shift")
        assert status.time_zone == "Asia/Kolkata"
        counted = run.wait_for_status(
            lambda status: status.shift and status.shift.counts.verdicts, "the part in the shift"
        )
        assert counted.shift
        assert (counted.shift.name, counted.shift.counts.verdicts) == ("first", {"PASS": 1})
        assert counted.shift.counts.uncounted == 1
        said = invoke("status", paths.name, "--root", paths.root).stdout
        assert "no counter: nothing counts the triggers" in " ".join(said.split())
        run.wait_for(paths.qa.exists, "qa.duckdb")
        run.wait_for(
            lambda: ask(paths, "SELECT shift, parts FROM shift_yield") == [("first", 1)], "yield"
        )

        plan(paths, "America/Lima", "second")
        run.supervisor.reload()
        again = run.wait_for_status(
            lambda status: status.shift and status.shift.name == "second", "the other plan"
        )
        assert again.time_zone == "America/Lima"
        assert again.shift
        assert again.shift.counts.verdicts == {"PASS": 1}
        run.wait_for(
            lambda: ask(paths, "SELECT shift, parts FROM shift_yield") == [("second", 1)],
            "the other plan in qa.duckdb",
        )
        ((hours,),) = ask(paths, "SELECT date_diff('hour', utc_now(), local_now())")
        assert hours == -5
        run.wait_for(
            lambda: ask(paths, "SELECT count(*) FROM events WHERE kind = 'settings'") == [(2,)],
            "both changes as events",
        )
