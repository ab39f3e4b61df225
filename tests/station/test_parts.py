"""A part that two views see: one row, one disposition, whatever comes late or dies in between."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from qc_edge.analysis.replay.replay import replay_threshold
from qc_edge.analysis.replay.request import ReplayRequest
from qc_edge.audit.verify import verify
from qc_edge.query.views import script
from qc_edge.settings import StationPaths
from qc_edge.settings.render import render_settings
from qc_edge.station.status import Status
from tests.cli.runner import invoke
from tests.station.audit import Log, Values, audit
from tests.station.harness import (
    BAD,
    GOOD,
    NAME,
    WAIT_S,
    child_said,
    drop,
    inspect_all,
    lines,
    make_station,
    part,
    running,
    start_child,
    wait_for,
)
from tests.station.twins import Fault, Plan, dependencies

VIEWS = [
    {"name": "above", "camera": "incoming/top"},
    {"name": "beside", "camera": "incoming/side"},
]


def with_parts(paths: StationPaths, **rules: Any) -> None:
    """Settings with two views of nodes, and these rules of a part."""
    sections: dict[str, dict[str, Any]] = {
        "station": {"name": NAME, "deadline_ms": 60_000.0},
        "model": {"bundle": "corner@1"},
        "incoming": {"repeated_frames": False, "repeated_part_ids": False, "settle_s": 0.3},
        "inspect": {"batch_max": 1},
        "storage": {"warn_free_mb": 0.0, "stop_free_mb": 0.0},
        "part": {"match": "id", "window_ms": 20_000.0, "wait_ms": 900.0} | rules,
    }
    paths.settings.write_text(render_settings(sections, [], VIEWS))


def see(paths: StationPaths, part_id: str, camera: str, level: int = GOOD, seed: int = 0) -> None:
    """A node drops its view of a part."""
    name = f"{part_id}-{camera}-{seed}.png"
    drop(paths, name, part(level, seed), {"part_id": part_id, "camera": camera})


def parts_of(log: Log, part_id: str) -> list[Values]:
    return [row for row in log.tables["parts"] if row["part_id"] == part_id]


@dataclass(frozen=True)
class Told:
    """A station that was told of four parts, at rest, and what it said."""

    paths: StationPaths
    announced: Path
    status: Status


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    root = tmp_path_factory.mktemp("parts")
    paths, announced = make_station(root), root / "told"
    with_parts(paths, wait_ms=3000.0)
    with running(paths, dependencies(Plan(announced=str(announced)))) as run:
        see(paths, "good", "top", seed=1)
        see(paths, "good", "side", seed=2)
        see(paths, "bad", "top", seed=3)
        see(paths, "bad", "side", BAD, seed=4)
        see(paths, "half", "top", seed=5)
        run.wait_for(lambda: len(lines(announced)) == 3, "three parts are told")
        see(paths, "half", "side", seed=6)
        see(paths, "good", "top", seed=7)  # rework
        see(paths, "good", "side", seed=8)
        run.wait_for(lambda: len(lines(announced)) == 4, "the part that came again is told")
        run.wait_until_inspected(8)
        status = run.wait_for_status(
            lambda seen: seen.today and sum(seen.today.parts.values()) == 4, "four parts counted"
        )
    return Told(paths, announced, status)


def test_each_part_is_told_once_and_by_all_its_views(told: Told) -> None:
    log = audit(told.paths, told.announced)
    first, again = parts_of(log, "good")
    (bad,), (half,) = parts_of(log, "bad"), parts_of(log, "half")
    assert [(row["disposition"], row["reason"], row["attempt"]) for row in (first, again)] == [
        ("ACCEPT", "all_views_pass", 1),
        ("ACCEPT", "all_views_pass", 2),
    ]
    assert (bad["disposition"], bad["reason"]) == ("REJECT", "view_fails")
    assert "beside FAIL" in bad["detail"]
    assert (half["disposition"], half["reason"]) == ("HOLD", "view_missing")
    assert (half["views_expected"], half["views_seen"]) == ("above beside", "above")
    assert half["views_missing"] == "beside"
    late = log.of("half-side-6.png")
    assert (late["disposition"], late["hold_reason"]) == ("HOLD", "late_view")
    assert late["attempt_id"] == half["attempt_id"]
    assert len(log.events_of("late_view")) == 1
    assert len(lines(told.announced)) == 4
    assert told.status.today is not None
    assert told.status.today.parts == {"ACCEPT": 2, "REJECT": 1, "HOLD": 1}
    assert "4 parts today: 2 ACCEPT, 1 REJECT, 1 HOLD; frames: 8 today" in told.status.line()


def test_qa_sees_parts_their_views_and_that_the_count_closes(told: Told) -> None:
    with duckdb.connect() as qa:
        qa.execute(script(told.paths.published))
        all_parts = qa.execute(
            "SELECT part_id, disposition, views_seen FROM all_parts ORDER BY recorded_at, part_id"
        ).fetchall()
        (yielded,) = qa.execute(
            "SELECT parts, accepted, rejected, held, came_again FROM part_yield"
        ).fetchall()
        (closure,) = qa.execute(
            "SELECT parts, views_seen, views_missing, late_views, untold, closes FROM part_closure"
        ).fetchall()
        attempts = qa.execute("SELECT count(*) FROM part('good')").fetchall()
    assert sorted(all_parts) == [
        ("bad", "REJECT", "above beside"),
        ("good", "ACCEPT", "above beside"),
        ("good", "ACCEPT", "above beside"),
        ("half", "HOLD", "above"),
    ]
    assert yielded == (3, 1, 1, 1, 1)
    assert closure == (4, 7, 1, 1, 0, True)
    assert attempts == [(2,)]


def test_verify_decides_each_part_again_and_names_what_does_not_fit(
    told: Told, tmp_path: Path
) -> None:
    assert not [each.kind for each in verify(told.paths).findings if each.severity != "note"]
    copy = tmp_path / "copy"
    shutil.copytree(told.paths.root, copy)
    paths = StationPaths(copy, NAME)
    with duckdb.connect(str(paths.database)) as log:
        log.execute("UPDATE parts SET disposition = 'ACCEPT' WHERE part_id = 'bad'")
        log.execute("DELETE FROM parts WHERE part_id = 'good' AND attempt = 1")
        other = "rule = 'k_of_n 2', reason = 'fewer_than_k_fail'"
        log.execute(f"UPDATE parts SET {other} WHERE attempt = 2")
        log.execute("DELETE FROM inspections WHERE part_id = 'half' AND view = 'above'")
    found = {each.kind: each.where for each in verify(paths).findings}
    assert "part bad" in found["wrong_disposition"]
    assert "part good" in found["views_without_part"]
    assert "part half" in found["part_without_views"]
    assert "part good" in found["wrong_rule"]


def test_a_replay_decides_parts_by_their_own_rule(told: Told) -> None:
    for threshold, after in ((0.5, (2, 1, 1)), (0.05, (0, 4, 0)), (1.0, (3, 0, 1))):
        request = ReplayRequest(threshold)
        parts = replay_threshold(told.paths, request, database=True).to_json_values()["parts"]
        assert tuple(parts[name]["before"] for name in ("ACCEPT", "REJECT", "HOLD")) == (2, 1, 1)
        assert tuple(parts[name]["after"] for name in ("ACCEPT", "REJECT", "HOLD")) == after


def test_part_and_report_say_what_the_line_was_told_and_show_every_view(
    told: Told, tmp_path: Path
) -> None:
    file = tmp_path / "bad.html"
    result = invoke("part", NAME, "bad", "--root", told.paths.root, "--report", file)
    assert result.exit_code == 0, result.stdout
    assert "REJECT by the views above, beside (view_fails)" in " ".join(result.stdout.split())
    page = file.read_text()
    assert "What the line was told" in page
    assert page.count("<article") == 2
    half = json.loads(invoke("part", NAME, "half", "--root", told.paths.root, "--json").stdout)
    assert [each["views_missing"] for each in half["attempts"]] == ["beside"]
    assert "changed nothing" in half["inspections"][1]["announced"]


VIEWS_DROPPED = [
    ("a", "top", GOOD),
    ("a", "side", GOOD),
    ("b", "top", GOOD),
    ("b", "side", BAD),
    ("c", "top", GOOD),
]
STEPS = [
    ("append before in parts", 1),
    ("append half in parts", 2),
    ("append after in parts", 1),
    ("append after in parts", 3),
    ("append after in inspections", 1),
    ("append after in inspections", 3),
    ("announce before", 3),
    ("unlink before in frames", 1),
]
"""Rows of a part's first view, of the view that completes it, of a part that waits in vain."""


@pytest.mark.parametrize("step", STEPS, ids=lambda step: "-".join(map(str, step)).replace(" ", "-"))
def test_a_crash_with_a_part_half_seen_leaves_one_disposition_for_each(
    tmp_path: Path, step: tuple[str, int]
) -> None:
    paths, told = make_station(tmp_path), tmp_path / "told"
    with_parts(paths)
    plan = Plan(announced=str(told), faults=(Fault(*step),))
    child = start_child(paths, plan)
    try:
        wait_for(lambda: "READY" in child_said(paths), "the station is ready")
        for seed, (part_id, camera, level) in enumerate(VIEWS_DROPPED):
            see(paths, part_id, camera, level, seed)
        assert child.wait(WAIT_S) == -9, child_said(paths)
    finally:
        child.kill()
        child.wait()

    inspect_all(paths, dependencies(Plan(announced=str(told))))

    log = audit(paths, told)
    assert len(log.inspections) == 5
    assert {row["disposition"] for row in parts_of(log, "b")} <= {"REJECT", "HOLD"}
    assert {row["disposition"] for row in parts_of(log, "c")} == {"HOLD"}
    for part_id in "abc":
        assert len(parts_of(log, part_id)) >= 1
    # One physical piece is accepted at most once, and what was told has its row.
    accepted = [row["attempt_id"] for row in log.tables["parts"] if row["disposition"] == "ACCEPT"]
    assert len(accepted) <= 1
    untold = {row["attempt_id"] for row in log.tables["parts"]} - {
        line.split()[0] for line in lines(told)
    }
    noted = " ".join(event["detail"] for event in log.events_of("announcement_unknown"))
    for attempt in untold:
        frames = next(r["frames"] for r in log.tables["parts"] if r["attempt_id"] == attempt)
        assert any(name in noted for name in frames.split()), f"{attempt} was not told: {noted!r}"
