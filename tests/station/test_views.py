"""Views of a part: each frame goes by the rules of its view, and its row says so."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qc_edge.audit.verify import verify
from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.threshold import ThresholdRecord
from qc_edge.engine import Prepared
from qc_edge.engine.scripted import ScriptedEngine, Step
from qc_edge.errors import RecordError, UsageError
from qc_edge.query.typed_rows import read_inspections
from qc_edge.recipe import threshold_change
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.model_change import CurrentModel, activate, wait_for_outcome
from qc_edge.recipe.threshold_change import ThresholdChange
from qc_edge.settings import StationPaths
from qc_edge.settings.render import render_settings
from qc_edge.station.dependencies import Dependencies
from tests.station.audit import read_log
from tests.station.harness import (
    BAD,
    GOOD,
    NAME,
    NEAR,
    WAIT_S,
    Running,
    inspect_all,
    make_station,
    part,
    running,
    spool,
    wait_for,
    write_bundle,
)
from tests.station.twins import Plan, by_corner, dependencies

SECTIONS: dict[str, dict[str, Any]] = {
    "station": {"name": NAME, "deadline_ms": 60_000.0},
    "model": {"bundle": "corner@1"},
    "incoming": {"repeated_frames": False},
    "storage": {"warn_free_mb": 0.0, "stop_free_mb": 0.0},
}


def with_views(paths: StationPaths, *views: dict[str, Any]) -> None:
    """Write settings with these views of nodes."""
    paths.settings.write_text(render_settings(SECTIONS, [], views))


def test_each_frame_is_judged_by_its_view_and_the_row_names_it(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with_views(
        paths,
        {"name": "above", "camera": "incoming/top"},
        {
            "name": "beside",
            "camera": "incoming/side",
            "threshold": 0.3,
            "review_band": 0.02,
            "roi": (0, 0, 64, 64),
        },
    )
    for number, camera in enumerate(["top", "side", "elsewhere"]):
        spool(paths, part(NEAR if camera != "elsewhere" else GOOD, number), number, camera)

    inspect_all(paths)

    rows = {row.camera: row for row in read_inspections(paths.database)}
    assert {camera: row.view for camera, row in rows.items()} == {
        "top": "above",
        "side": "beside",
        "elsewhere": None,
    }
    assert (rows["top"].verdict, rows["top"].threshold_id) == ("PASS", "corner@1:0.5")
    assert (rows["side"].verdict, rows["side"].threshold_id) == ("FAIL", "settings:0.3")
    assert (rows["top"].review_band, rows["side"].review_band) == (0.1, 0.02)
    assert rows["elsewhere"].threshold_id == "corner@1:0.5"
    assert rows["top"].preprocess_id == rows["elsewhere"].preprocess_id
    assert rows["side"].preprocess_id != rows["top"].preprocess_id
    assert {row.recipe for row in rows.values()} == {None}


class Engines:
    """Loads a scripted engine that reads the corner, and counts the loads. While `blocked` is not
    set, corner@2 does not answer.
    """

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.asked = threading.Event()

    def load(self, bundle: Bundle, *_: Any) -> ScriptedEngine:
        self.loaded.append(bundle.reference)
        corner = by_corner()

        def slowly(prepared: Prepared) -> Step:
            self.asked.set()
            self.go_on.wait(WAIT_S)
            return corner(prepared)

        return ScriptedEngine(corner if bundle.version == "1" else slowly, bundle.golden_frames)

    @property
    def dependencies(self) -> Dependencies:
        return replace(dependencies(Plan()), load_engine=self.load)


VIEWS: tuple[dict[str, Any], ...] = (
    {"name": "above", "camera": "incoming/top"},
    {"name": "beside", "camera": "incoming/side", "bundle": "corner@2"},
    {"name": "below", "camera": "incoming/bottom", "bundle": "corner@2", "threshold": 0.3},
    {"name": "behind", "camera": "incoming/back"},
)
CAMERAS = {"above": "top", "beside": "side", "below": "bottom", "behind": "back"}


def two_bundles(tmp_path: Path) -> StationPaths:
    paths = make_station(tmp_path)
    write_bundle(paths.models / "corner/2")
    with_views(paths, *VIEWS)
    return paths


def events_of(paths: StationPaths) -> list[dict[str, Any]]:
    return read_log(paths).tables["events"]


def test_views_of_one_bundle_share_its_engine_and_rows_name_what_judged(tmp_path: Path) -> None:
    paths, engines = two_bundles(tmp_path), Engines()
    for number in range(12):
        camera = list(CAMERAS.values())[number % 4]
        spool(paths, part(NEAR if number < 8 else BAD, number), number // 4, camera)

    inspect_all(paths, engines.dependencies)

    assert engines.loaded == ["corner@1", "corner@2"]
    rows = read_inspections(paths.database)
    assert {(row.view, row.model_version) for row in rows} == {
        ("above", "1"),
        ("beside", "2"),
        ("below", "2"),
        ("behind", "1"),
    }
    verdicts = Counter((row.view, str(row.verdict)) for row in rows)
    assert verdicts[("beside", "PASS")] == 2
    assert verdicts[("below", "FAIL")] == 3
    counters = [row.part_id for row in rows if row.view == "beside"]
    assert counters == ["side-1", "side-2", "side-3"]
    assert verify(paths).findings == []


def test_a_second_start_finds_nothing_changed_and_a_view_that_changed_is_an_event(
    tmp_path: Path,
) -> None:
    paths, engines = two_bundles(tmp_path), Engines()
    spool(paths, part(), 1, "side")
    inspect_all(paths, engines.dependencies)
    before = len(events_of(paths))
    inspect_all(paths, engines.dependencies)
    assert {event["kind"] for event in events_of(paths)[before:]} <= {"started", "stopped"}

    write_bundle(paths.models / "corner/3")
    changed = [view | ({"bundle": "corner@3"} if "bundle" in view else {}) for view in VIEWS]
    with_views(paths, *changed)
    inspect_all(paths, engines.dependencies)

    new = [event for event in events_of(paths) if event["kind"] == "model"]
    assert [event["detail"].split(" sha256")[0] for event in new] == [
        "view beside: corner@2",
        "view below: corner@2",
    ]
    assert verify(paths).findings == []


def test_a_slow_view_holds_up_no_other(tmp_path: Path) -> None:
    paths, engines = two_bundles(tmp_path), Engines()
    with running(paths, engines.dependencies) as run:
        assert run.station.inspector
        engines.asked.clear()
        engines.go_on.clear()
        for number in range(30):
            spool(paths, part(GOOD, number), number, "side")
        wait_for(engines.asked.is_set, "the slow model was asked")
        for number in range(30, 60):
            spool(paths, part(GOOD, number), number, "top")
        statistics = run.station.inspector.announcer.statistics
        run.wait_for(lambda: statistics.inspected == 30, "the other view's frames are told")
        engines.go_on.set()
        run.wait_until_inspected(60)

    rows = read_inspections(paths.database)
    assert Counter(row.view for row in rows) == {"above": 30, "beside": 30}
    assert len({row.frame_id for row in rows}) == 60


def test_a_threshold_that_is_set_for_a_view_is_that_views_alone(tmp_path: Path) -> None:
    paths, engines = two_bundles(tmp_path), Engines()
    with running(paths, engines.dependencies) as run:
        with pytest.raises(UsageError, match="none is named"):
            set_threshold(paths, None)
        with pytest.raises(UsageError, match="no view 'abve'"):
            set_threshold(paths, "abve")
        record = set_threshold(paths, "beside")
        assert record.view == "beside"
        assert threshold_change.wait_until_in_force(paths, record, WAIT_S)
        for number, camera in enumerate(CAMERAS.values()):
            spool(paths, part(NEAR, number), 1, camera)
        run.wait_until_inspected(4)

    inspect_all(paths, engines.dependencies)

    rows = {row.view: row.threshold_id for row in read_inspections(paths.database)}
    assert rows == {
        "above": "corner@1:0.5",
        "beside": record.threshold_id,
        "below": "settings:0.3",
        "behind": "corner@1:0.5",
    }
    (event,) = [event for event in events_of(paths) if event["kind"] == "threshold"]
    assert event["detail"].startswith("corner@2:0.5 -> ")
    assert "for view beside, corner@2, by " in event["detail"]
    assert verify(paths).findings == []


def test_a_record_of_a_view_that_is_gone_keeps_the_station_from_starting(tmp_path: Path) -> None:
    paths, engines = two_bundles(tmp_path), Engines()
    record = set_threshold(paths, "beside")
    inspect_all(paths, engines.dependencies)
    (paths.thresholds / f"{record.record_id}.toml").unlink()

    run = Running(paths.root, engines.dependencies)
    fault = run.wait_until_ended()

    assert isinstance(fault, RecordError)
    assert "threshold line1 set X --view beside" in (fault.hint or "")


def test_an_activation_exchanges_the_stations_bundle_and_shares_a_views_engine(
    tmp_path: Path,
) -> None:
    paths, engines = two_bundles(tmp_path), Engines()
    with running(paths, engines.dependencies) as run:
        for number, camera in enumerate(CAMERAS.values()):
            spool(paths, part(GOOD, number), 1, camera)
        run.wait_until_inspected(4)
        record = activate(paths, CurrentModel.of(paths), "corner@2", Attribution("anna", "better"))
        assert wait_for_outcome(paths, record, WAIT_S) == "in force"
        for number, camera in enumerate(CAMERAS.values()):
            spool(paths, part(GOOD, number + 4), 2, camera)
        run.wait_until_inspected(8)

    assert engines.loaded == ["corner@1", "corner@2"]
    rows = [(row.view, row.model_version) for row in read_inspections(paths.database)]
    assert sorted(rows[:4]) == [("above", "1"), ("behind", "1"), ("below", "2"), ("beside", "2")]
    assert {version for _, version in rows[4:]} == {"2"}
    assert verify(paths).findings == []


def set_threshold(paths: StationPaths, view: str | None) -> ThresholdRecord:
    """What `qc-edge threshold set 0.2 --view VIEW` does."""
    before = threshold_change.current_threshold(paths, view, allow_damaged=True)
    change = ThresholdChange.parse("0.2", "anna", "this side is darker", None)
    return threshold_change.write_change(paths, before, change)
