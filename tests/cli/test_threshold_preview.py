"""Before a threshold is set, its effect on the last day is shown, and a person asked."""

from __future__ import annotations

import os
import pty
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qc_edge.analysis.threshold_preview import preview_threshold
from qc_edge.errors import UsageError
from qc_edge.records import thresholds
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from tests import forked
from tests.cli.runner import environment, invoke, run
from tests.cli.test_threshold import SET, change
from tests.export.conftest import paths, two_lots
from tests.station.harness import NAME, drop, make_station, part, running

__all__ = ["paths", "two_lots"]


def asked(paths: StationPaths, answer: str, *options: str) -> tuple[int, str]:
    """`qc-edge threshold set 0.2` at a terminal, answered so; exit code and what it said."""
    controller, terminal = pty.openpty()
    command = ("threshold", NAME, "set", "0.2", *SET, *options, "--root", str(paths.root))
    with tempfile.TemporaryFile() as said:
        child = forked.start(
            "qc_edge", command, environment(), stdin=terminal, stdout=said, stderr=said
        )
        os.write(controller, f"{answer}\n".encode())
        code = child.wait(60)
        os.close(controller)
        os.close(terminal)
        said.seek(0)
        return code, said.read().decode()


def last_day(paths: StationPaths, threshold: str) -> Any:
    return change(paths, "set", threshold, *SET)["last_day"]


def test_a_person_sees_what_would_turn_and_says_yes(paths: StationPaths) -> None:
    code, said = asked(paths, "y")
    assert code == 0, said
    assert "of 6 frames that corner@1 was given in the last day" in said
    assert "1 PASS would have been FAIL and 0 FAIL PASS" in said
    assert "of those labelled: escapes 1 → 1 of 1, overkill 0 → 0 of 1" in said
    assert "Nearest to 0.2" in said and "PASS → FAIL" in said
    assert [record.value for record in thresholds.load_all(paths.thresholds)] == [0.2]


@pytest.mark.parametrize("answer", ["n", ""])
def test_a_person_who_does_not_say_yes_changes_nothing(paths: StationPaths, answer: str) -> None:
    code, said = asked(paths, answer)
    assert code == 1 and "nothing was changed" in said
    assert not thresholds.load_all(paths.thresholds)


def test_a_script_has_to_say_yes(paths: StationPaths) -> None:
    question = ("threshold", NAME, "set", "0.2", *SET, "--root", str(paths.root))
    refused = run(*question)
    assert refused.returncode == UsageError.exit_code and "--yes" in refused.stderr
    assert isinstance(invoke(*question, "--json").exception, UsageError)
    assert not thresholds.load_all(paths.thresholds)
    assert run(*question, "--yes").returncode == 0


def test_what_could_not_be_set_is_refused_before_anybody_is_asked(paths: StationPaths) -> None:
    code, said = asked(paths, "y", "--at", "2026-01-01")
    assert code == UsageError.exit_code and "has passed" in said
    assert "last day" not in said and "?" not in said


def test_the_nearest_parts_come_nearest_first(paths: StationPaths) -> None:
    nearest = last_day(paths, "0.45")["nearest"]
    assert [part["part_id"] for part in nearest][:1] == ["A3"]
    distances = [abs(part["score"] - 0.45) for part in nearest]
    assert distances == sorted(distances) and len(distances) == 5


def test_only_the_last_day_of_this_bundle_counts(paths: StationPaths) -> None:
    now = utc_now()
    assert preview_threshold(paths, "corner@1", 0.2, now).totals is not None
    later = preview_threshold(paths, "corner@1", 0.2, now + timedelta(days=2))
    assert later.sentences == [
        "what it would turn over is not known: corner@1 judged nothing in the last day"
    ]
    assert preview_threshold(paths, "corner@2", 0.2, now).totals is None


def test_a_running_station_is_asked_through_what_it_publishes(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        assert last_day(paths, "0.6")["unknown"]
        drop(paths, "near.png", part(120))
        station.wait_until_inspected(1)

        def known() -> bool:
            return preview_threshold(paths, "corner@1", 0.4, utc_now()).totals is not None

        station.wait_for(known, "the part is published")
        assert last_day(paths, "0.4")["pass_to_fail"] == 1


def test_a_station_that_never_ran_can_be_set(tmp_path: Path) -> None:
    said = change(make_station(tmp_path), "set", "0.4", *SET)
    assert (said["value"], said["last_day"]["unknown"]) == (0.4, "nothing is published yet")


def test_a_log_that_cannot_be_read_does_not_keep_a_threshold_from_being_set(
    paths: StationPaths,
) -> None:
    for file in paths.published.glob("inspections/*/*.parquet"):
        file.write_bytes(b"no Parquet")
    assert "cannot be read" in last_day(paths, "0.4")["unknown"]
