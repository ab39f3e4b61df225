"""Accepted parts against what their model was trained on: said once, with the parts to label."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from qc_edge.analysis.beyond_learnt import beyond_learnt
from qc_edge.settings import StationPaths
from qc_edge.settings.discipline.spc import SpcSettings
from qc_edge.station.discipline.control_watch import ControlWatch
from tests.cli.runner import invoke
from tests.discipline.learnt_bundle import LEARNT, MODEL, write_learnt_bundle
from tests.event_log import MemoryEventLog
from tests.publish.rows import inspection, log

BEGINS = datetime(2026, 11, 2, tzinfo=timezone.utc)
NOW = BEGINS + timedelta(hours=3)


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """80 accepted parts in good focus but for the last 16, and FAILs that do not count."""
    paths = StationPaths(tmp_path_factory.mktemp("moved"), "line1")
    write_learnt_bundle(paths, Path(__file__).resolve().parents[2], LEARNT)
    rows = [
        inspection(
            BEGINS + timedelta(minutes=number),
            0.9 if number >= 80 else 0.1,
            part_id=f"p{number}",
            focus=60.0 - number / 10 if number >= 64 else 100.0,
            model_sha256=MODEL,
        )
        for number in range(100)
    ]
    with log(paths.state, compared=NOW) as written:
        written.add(*rows)
        written.publisher.compare(NOW)
    return paths


def test_parts_that_have_left_what_was_learnt_are_counted_and_named(moved: StationPaths) -> None:
    found = beyond_learnt(moved, BEGINS - timedelta(hours=1))
    assert found is not None and found.bundle == "flange@1"
    assert {each.name: (each.outside, each.of) for each in found.figures} == {
        "focus": (16, 80),
        "score": (0, 80),
    }
    assert [each.name for each in found.beyond] == ["focus"]
    assert [part for _, part in found.to_label][:3] == ["p79", "p78", "p77"]
    assert "focus of 20% outside 90 to 110" in found.words
    assert beyond_learnt(moved, NOW) is None


def test_few_parts_and_a_bundle_that_does_not_say_alarm_nobody(
    moved: StationPaths, tmp_path: Path, repository: Path
) -> None:
    found = beyond_learnt(moved, BEGINS + timedelta(minutes=60))
    assert found is not None and found.figures[0].outside == 16 and not found.words
    paths = StationPaths(tmp_path, "line1")
    write_learnt_bundle(paths, repository, {})
    with log(paths.state, compared=NOW) as written:
        written.add(inspection(BEGINS, 0.1, model_sha256=MODEL))
        written.publisher.compare(NOW)
    silent = beyond_learnt(paths, BEGINS - timedelta(hours=1))
    assert silent is not None and silent.figures == () and silent.words == ""


@pytest.mark.parametrize(
    "learnt", ["[1]", '{"learnt": {"focus": 3}}', '{"learnt": {"focus": [NaN, 1]}}', "{"]
)
def test_a_report_of_another_tool_says_nothing_of_what_was_learnt(
    moved: StationPaths, tmp_path: Path, repository: Path, learnt: str
) -> None:
    paths = StationPaths(tmp_path, "line1")
    write_learnt_bundle(paths, repository, {})
    (paths.models / "flange/1/report.json").write_text(learnt)
    paths.published.symlink_to(moved.published)
    found = beyond_learnt(paths, BEGINS - timedelta(hours=1))
    assert found is not None and found.figures == ()


def test_the_station_says_it_in_an_event_and_its_status(moved: StationPaths) -> None:
    settings = SpcSettings(point_minutes=30, cooldown_hours=6)
    events = MemoryEventLog()
    watch = ControlWatch(moved, lambda: settings, events)
    watch.look(settings, NOW)
    (said,) = [each for each in events.occurrences if each.kind.value == "beyond_learnt"]
    assert said.after == "flange@1" and "focus of 20%" in said.detail
    assert any("beyond what flange@1 was trained on" in each for each in watch.warnings)


def test_the_command_names_the_parts_to_label_and_its_exit_code_says_so(
    moved: StationPaths,
) -> None:
    result = invoke("model", "drift", "line1", "--root", moved.root, "--since", "2026-11-01")
    assert result.exit_code == 1 and "label p79" in result.output, result.output
