"""A defect map that was not stored: recomputed by the model that judged, and called so."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from qc_edge import engine
from qc_edge.domain.verdict import Verdict
from qc_edge.rendered import DefectKind, render
from qc_edge.report.check_lines import CheckLine, check_lines
from qc_edge.report.html import render_html
from qc_edge.report.json_values import to_json_values
from qc_edge.report.part_report import PartReport, examine_part
from qc_edge.report.pictures import report_pictures
from qc_edge.settings import StationPaths
from tests.report.test_part_report import one
from tests.station.harness import NAME, configure, drop, inspect_all, make_station
from tests.station.twins import Plan, dependencies


@pytest.fixture(scope="module")
def judged_by_the_reference(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """A station whose real model has passed one part and failed another; not to be changed."""
    paths = make_station(tmp_path_factory.mktemp("reference"))
    configure(paths, model={"bundle": "reference@1"}, engine={"backend": "onnx", "threads": 1})
    for name, defect in (("good", None), ("bad", DefectKind.SCRATCH)):
        drop(paths, f"{name}.png", render(7, defect, severity=1.0).pixels)
    inspect_all(paths, replace(dependencies(Plan()), load_engine=engine.load_engine))
    return paths


@pytest.fixture
def paths(judged_by_the_reference: StationPaths, tmp_path: Path) -> StationPaths:
    """That station in a place of its own."""
    shutil.copytree(judged_by_the_reference.root, tmp_path / "root", symlinks=True)
    return StationPaths(tmp_path / "root", NAME)


def report(paths: StationPaths, verdict: Verdict = Verdict.PASS) -> PartReport:
    return examine_part(paths, one(paths, verdict).part_id, recompute=True)


def score_check(found: PartReport) -> CheckLine:
    return check_lines(found.last)[-1]


def change_rows(paths: StationPaths, assignment: str) -> None:
    with duckdb.connect(str(paths.database)) as log:
        log.execute(f"UPDATE inspections SET {assignment}")


def test_a_pass_outside_the_band_shows_where_its_model_looked(paths: StationPaths) -> None:
    found = report(paths)
    assert found.last.row.map_path is None
    shown = {each.title: each.caption for each in report_pictures(found.last)}
    assert "(recomputed, not stored)" in shown["Where the model looks"]
    assert score_check(found).ok and score_check(found).outcome.startswith("yes, ")
    assert "recomputed, not stored: by onnx-cpu" in render_html(found)
    assert to_json_values(found)["inspections"][0]["recomputed_map"]["agrees"] is True


def test_a_stored_map_is_not_recomputed(paths: StationPaths) -> None:
    found = report(paths, Verdict.FAIL)
    assert found.last.row.map_path is not None and found.last.recomputed is None
    assert "recomputed" not in render_html(found)


def test_without_the_kept_input_it_is_made_from_the_frame_again(paths: StationPaths) -> None:
    (paths.state / str(one(paths, Verdict.PASS).prepared_path)).unlink()
    assert score_check(report(paths)).ok


def test_a_score_that_does_not_come_again_is_said(paths: StationPaths) -> None:
    change_rows(paths, "score = score + 0.2 WHERE verdict = 'PASS'")
    check = score_check(report(paths))
    assert check.ok is False and "more than the" in check.outcome


def test_a_score_that_moved_a_little_is_said_with_what_the_model_allows(
    paths: StationPaths,
) -> None:
    change_rows(paths, "score = score + 0.001 WHERE verdict = 'PASS'")
    check = score_check(report(paths))
    assert check.ok and "within the" in check.outcome and "instead of" in check.outcome


def test_another_model_under_the_same_name_recomputes_nothing(paths: StationPaths) -> None:
    change_rows(paths, f"model_sha256 = '{'0' * 64}'")
    found = report(paths)
    assert "the installed reference@1 has sha256" in score_check(found).outcome
    assert score_check(found).ok is None
    assert "Where the model looks" not in {each.title for each in report_pictures(found.last)}


def test_a_model_that_is_gone_is_said(paths: StationPaths) -> None:
    change_rows(paths, "model_name = 'retired'")
    assert "retired@1" in score_check(report(paths)).outcome
    assert "not stored, not recomputed" in render_html(report(paths))
