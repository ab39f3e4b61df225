"""The shift report on a small log whose figures can be counted by hand."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest

from qc_edge.cli import app
from qc_edge.domain.events import Event
from qc_edge.domain.inspection import Inspection, Part, Row
from qc_edge.domain.reporting.shift_period import ShiftPeriod, find_period
from qc_edge.domain.shifts import Shift
from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.domain.verdict import Disposition
from qc_edge.errors import UsageError
from qc_edge.report.shift.files import check_output, render, write_output
from qc_edge.report.shift.html import describe_count, describe_state, render_shift_html
from qc_edge.report.shift.json_values import shift_json_values
from qc_edge.report.shift.shift_report import ShiftReport, make_shift_report
from qc_edge.settings import StationPaths
from tests.publish.rows import at, event, gap, inspection, label, log, new_id

LATE = ShiftPeriod(
    at("2026-11-26 00:00").date(), "late", at("2026-11-26 14:00"), at("2026-11-26 22:00")
)
CALENDAR = StationCalendar(
    timezone.utc, (Shift("late", 840, 1320, (0, 1, 2, 3, 4)), Shift("odd", 1320, 1330, (3,)))
)
MARKUP = '=cmd|"<script>alert(1)</script>'


def frame(minute: int, score: float | None, part_id: str, **values: object) -> Inspection:
    return inspection(
        LATE.begins + timedelta(minutes=minute),
        score,
        **{"part_id": part_id, "lot": "L1", "recipe": "bottle@1"} | values,
    )


def told(frames: list[Inspection], disposition: Disposition) -> Part:
    first = frames[0]
    return Part(
        first.frame_id,
        frames[-1].recorded_at,
        first.part_id,
        "name",
        1,
        first.lot,
        "line1",
        first.recipe,
        first.captured_at,
        "top side",
        "top side",
        None,
        " ".join(each.frame_id for each in frames),
        "worst",
        disposition,
        "view_failed",
        "words",
        None,
        9.0,
    )


def of_views(minute: int, scores: tuple[float, float], part_id: str) -> list[Inspection]:
    """The two views of one part."""
    when = LATE.begins + timedelta(minutes=minute)
    first = new_id(when, "top")
    top = frame(minute, scores[0], part_id, frame_id=first, attempt_id=first, view="top", lot="L2")
    side = frame(minute, scores[1], part_id, attempt_id=first, view="side", camera="side", lot="L2")
    return [top, side]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """Eight frames of six parts in the late shift, and others before and after it."""
    paths = StationPaths(tmp_path_factory.mktemp("shift"), "line1")
    good = [frame(n, 0.1, f"G-{n}", camera_frame_number=10 + n) for n in range(2)]
    again = [
        frame(30, 0.9, "R-1", camera_frame_number=12, predicted_class="dent"),
        frame(90, 0.2, "R-1", camera_frame_number=13),
    ]
    held = frame(120, 0.1, "H-1", camera_frame_number=17, hold_reason="late", disposition="HOLD")
    dull = frame(150, None, MARKUP, camera_frame_number=18)
    views = of_views(200, (0.1, 0.95), "V-1")
    picture = np.full((60, 80), 77, np.uint8)
    views[1] = replace(views[1], raw_sha256=hashlib.sha256(picture.tobytes()).hexdigest())
    (paths.state / "evidence").mkdir(parents=True)
    cv2.imwrite(str(paths.state / str(views[1].raw_path)), picture)
    odd = frame(490, 0.1, "N-1", camera_frame_number=20)
    before = frame(-30, 0.97, "G-0", camera_frame_number=9)
    lost = gap(LATE.begins + timedelta(minutes=110), 3, first_frame_number=14, last_frame_number=16)
    change = Event(
        new_id(at("2026-11-26 15:00"), "station"),
        at("2026-11-26 15:00"),
        "line1",
        "threshold",
        "anna",
        f"threshold {MARKUP}",
        "0.5",
        "0.45",
        "two escapes",
    )
    rows: list[Row] = [
        before,
        *good,
        *again,
        change,
        lost,
        held,
        dull,
        *views,
        told(views, Disposition.REJECT),
    ]
    seen = label(at("2026-11-27 08:00"), again[0], "defect", "anna", defect_class="scratch")
    with log(paths.state, compared=at("2026-11-26 09:00")) as made:
        made.add(*rows, event(at("2026-11-26 16:00"), "page_login"), odd, seen)
        made.publisher.publish()
    return paths


@pytest.fixture(scope="module")
def report(paths: StationPaths) -> ShiftReport:
    return make_shift_report(paths, CALENDAR, LATE)


def test_each_part_counts_once_by_its_last_attempt(report: ShiftReport) -> None:
    total = report.total
    assert (total.parts, total.accepted, total.rejected, total.held) == (6, 3, 1, 2)
    assert (total.came_again, total.accepted_at_first) == (1, 2)
    assert (total.frames, total.passed, total.failed, total.invalid) == (8, 5, 2, 1)
    assert report.fail_rate == pytest.approx(2 / 7)


def test_yield_is_told_by_recipe_lot_and_view(report: ShiftReport) -> None:
    lots = {each.key: (each.parts, each.rejected, each.frames) for each in report.tallies["lot"]}
    assert lots == {"L1": (5, 0, 6), "L2": (1, 1, 2)}
    assert [(each.key, each.parts) for each in report.tallies["recipe"]] == [("bottle@1", 6)]
    views = {each.key: (each.parts, each.frames) for each in report.tallies["view"]}
    assert views == {"top": (6, 7), "side": (1, 1)}


def test_reasons_and_classes_are_counted_the_most_frequent_first(report: ShiftReport) -> None:
    reasons = {each.reason: (each.frames, each.parts) for each in report.reasons}
    assert reasons == {
        "score_reaches_threshold": (2, 0),
        "late": (1, 1),
        "low_focus": (1, 1),
        "view_failed": (0, 1),
    }
    assert report.reasons[0].reason == "score_reaches_threshold"
    classes = {each.name: (each.by_model, each.by_people) for each in report.classes}
    assert classes == {"dent": (1, 0), None: (1, 0), "scratch": (0, 1)}


def test_the_count_closes_with_what_is_known_to_be_lost(report: ShiftReport) -> None:
    counts = {
        each.camera: (each.triggers, each.lost, each.skipped, each.closes) for each in report.counts
    }
    assert counts == {"top": (10, 3, 3, True), "side": (1, 0, None, None)}
    assert (report.closes, describe_count(report)) == (None, "closes; no counter: side")
    top = replace(report, counts=[each for each in report.counts if each.camera == "top"])
    assert (top.closes, describe_count(top)) == (True, "closes")
    other = replace(report, counts=[replace(report.counts[0], closes=False), report.counts[1]])
    assert describe_count(other) == "DOES NOT CLOSE"
    assert describe_count(replace(report, counts=report.counts[:1])) == "no counter"


def test_the_chart_holds_each_stretch_against_chance(report: ShiftReport) -> None:
    assert [each.counted.failed for each in report.fail_points if each.counted.failed] == [1, 1]
    assert not any(each.is_outside for each in report.fail_points)
    point = report.fail_points[0]
    assert replace(point, counted=replace(point.counted, judged=2, failed=2), high=1).is_outside


def test_the_worst_is_shown_or_said_to_be_gone(report: ShiftReport) -> None:
    assert [each.row.part_id for each in report.worst][:2] == ["V-1", "R-1"]
    assert report.worst[0].picture is not None
    assert report.worst[1].picture is None and report.worst[1].note == "its frame is gone"


def test_changes_are_told_and_log_ins_are_not(report: ShiftReport) -> None:
    assert [each.kind for each in report.events] == ["threshold"]
    assert [each.lost for each in report.gaps] == [3]


def test_the_page_is_whole_in_itself_and_shows_markup_as_text(report: ShiftReport) -> None:
    html = render_shift_html(report)
    targets = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", html)
    assert targets and all(target.startswith("data:image/jpeg;base64,") for target in targets)
    assert "<script" not in html and "&lt;script&gt;" in html
    assert "Shift late, Thursday 2026-11-26" in html


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2026-11-25/late", "No part was inspected in this time."),
        ("now", "No part has been inspected in this time so far"),
    ],
)
def test_an_empty_shift_says_so(paths: StationPaths, day: str, said: str) -> None:
    period = find_period(CALENDAR, day, datetime.now(timezone.utc))
    empty = make_shift_report(paths, CALENDAR, period)
    assert said in describe_state(empty)
    html = render_shift_html(empty)
    assert said in html and "Nothing was counted." in html
    assert empty.total.parts == 0 and empty.fail_rate is None


def test_a_shift_in_progress_says_up_to_when(report: ShiftReport) -> None:
    running = replace(report, made_at=LATE.ends - timedelta(hours=2))
    assert "In progress: what was recorded up to 17:20:00" in render_shift_html(running)
    assert describe_state(report) == ""


def test_a_station_that_has_published_nothing_has_an_empty_report(tmp_path: Path) -> None:
    bare = make_shift_report(StationPaths(tmp_path, "line1"), CALENDAR, LATE)
    assert bare.total.frames == 0 and bare.seen is None


def test_files_have_every_row_and_no_formula(report: ShiftReport, tmp_path: Path) -> None:
    write_output(report, tmp_path / "late")
    events = list(csv.reader((tmp_path / "late/events.csv").read_text().splitlines()))
    assert len(events) == 2 and events[1][2].startswith("threshold =cmd")
    assert all(not cell.startswith("=") for row in events for cell in row)
    archive = zipfile.ZipFile(io.BytesIO(render(report, ".zip")))
    assert sorted(archive.namelist()) == sorted(each.name for each in (tmp_path / "late").iterdir())
    book = zipfile.ZipFile(io.BytesIO(render(report, ".xlsx")))
    sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/")]
    assert len(sheets) == len(archive.namelist())
    assert not any(b"<f>" in book.read(name) for name in sheets)
    assert "score_reaches_threshold" in book.read("xl/sharedStrings.xml").decode()


def test_it_is_a_pdf_too(report: ShiftReport, tmp_path: Path) -> None:
    write_output(replace(report, gates=[], worst=[], fail_points=[]), tmp_path / "late.pdf")
    assert (tmp_path / "late.pdf").read_bytes().startswith(b"%PDF-")


def test_a_name_that_is_no_kind_of_file_is_refused() -> None:
    with pytest.raises(UsageError, match=r"\.csv") as refused:
        check_output(Path("late.csv"))
    assert "folder" in refused.value.hint


def test_scripts_get_the_same_tables(report: ShiftReport) -> None:
    values = shift_json_values(report)
    assert values["tables"]["total"][0]["parts"] == 6
    assert (values["shift"], values["is_over"], values["closes"]) == ("late", True, None)


def test_rows_of_an_earlier_version_are_told_as_well(
    paths: StationPaths, report: ShiftReport
) -> None:
    """Their files have no columns for views, recipes and classes."""
    import duckdb

    file = paths.published / "inspections/date=2026-11-26/hour=14.parquet"
    kept = file.read_bytes()
    try:
        duckdb.execute(
            "COPY (SELECT * EXCLUDE (view, recipe, class_scores, predicted_class, attempt_id, "
            f"map_max) FROM read_parquet('{file}', hive_partitioning = false)) "
            f"TO '{file}.new' (FORMAT parquet)"
        )
        file.write_bytes(Path(f"{file}.new").read_bytes())
        Path(f"{file}.new").unlink()
        older = make_shift_report(paths, CALENDAR, LATE)
        assert older.total == report.total
        assert {each.key for each in older.tallies["recipe"]} == {"bottle@1", None}
    finally:
        file.write_bytes(kept)


def test_the_command_prints_what_it_writes(
    paths: StationPaths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.settings.parent.mkdir(parents=True, exist_ok=True)
    paths.settings.write_text(
        '[station]\nname = "line1"\n[[station.shifts]]\nname = "late"\n'
        'start = "14:00"\nend = "22:00"\n'
        '[model]\nbundle = "corner@1"\n'
    )
    root = str(paths.root)
    asked = ["report", "line1", "--root", root, "--shift", "2026-11-26/late"]
    app([*asked, "--output", str(tmp_path / "late.html")], standalone_mode=False)
    printed = capsys.readouterr().out
    assert "line1, late of Thursday 2026-11-26" in printed and "the count: closes" in printed
    assert (tmp_path / "late.html").exists()
