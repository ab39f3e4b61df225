"""Another threshold over the past: held against the same count made row by row."""

from __future__ import annotations

import csv
import math
import shutil
import threading
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest

from qc_edge.analysis.label_outcome import Costs, label_outcome
from qc_edge.analysis.operating_curve import cheapest_threshold, operating_curve
from qc_edge.analysis.statistics import Share
from qc_edge.domain.frame import FrameId
from qc_edge.domain.history import Flip, LabelledPart, Selection
from qc_edge.domain.inspection import Label
from qc_edge.query import views
from qc_edge.query.past.station_history import published_history
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.analysis.conftest import EVERYTHING, ROWS, opened
from tests.bench import generate
from tests.cli.test_threshold import SET, change
from tests.station.harness import BAD, GOOD, drop, inspect_all, make_station, part

Rows = list[dict[str, Any]]
SOURCES = ("published", "database")


def judged(row: dict[str, Any], threshold: float) -> str:
    return (
        row["verdict"]
        if row["verdict"] == "INVALID"
        else "FAIL"
        if row["score"] >= threshold
        else "PASS"
    )


def worst_first(flip: Flip, threshold: float) -> tuple[int, float]:
    return flip.badness, -abs(flip.score - threshold)


def turned(rows: Rows, threshold: float) -> Rows:
    return [row for row in rows if judged(row, threshold) != row["verdict"]]


@pytest.mark.parametrize("source", SOURCES)
def test_replayed_at_its_own_threshold_every_verdict_is_as_stored(
    past: StationPaths, source: str
) -> None:
    with opened(past, source) as history:
        totals = history.totals(0.5)
        assert totals.unexplained == 0
        for each in history.judged():
            selection = Selection(model=each.model)
            with opened(past, source, selection) as of_model:
                assert of_model.totals(each.threshold).inspections >= each.inspections


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.45, 0.5, 0.93, 1.0, None])
def test_totals_and_flips_are_those_of_a_count_row_by_row(
    past: StationPaths, rows: Rows, source: str, threshold: float | None
) -> None:
    if threshold is None:  # the very score of a part FAILs it
        threshold = next(
            row["score"] for row in rows if row["verdict"] == "PASS" and row["score"] > 0.1
        )
    flips = turned(rows, threshold)
    with opened(past, source) as history:
        totals = history.totals(threshold)
        found = history.flips(threshold, len(rows))
    assert (totals.passed, totals.failed, totals.invalid) == tuple(
        sum(row["verdict"] == verdict for row in rows) for verdict in ("PASS", "FAIL", "INVALID")
    )
    assert totals.pass_to_fail == sum(row["verdict"] == "PASS" for row in flips)
    assert totals.fail_to_pass == sum(row["verdict"] == "FAIL" for row in flips)
    by_frame = {row["frame_id"]: row for row in flips}
    assert {flip.frame_id: flip.label for flip in found} == {
        frame: row["label"] for frame, row in by_frame.items()
    }
    assert all(flip.replayed == judged(by_frame[flip.frame_id], threshold) for flip in found)
    assert found == sorted(found, key=lambda flip: worst_first(flip, threshold))


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.93])
def test_the_macros_of_the_published_log_say_the_same(past: StationPaths, threshold: float) -> None:
    with duckdb.connect() as client:
        client.execute(views.script(past.published))
        counts = client.execute(f"FROM threshold_replay({threshold})").fetchall()
        flips = client.execute(
            f"SELECT frame_id, replayed, label FROM flips({threshold}) ORDER BY ALL"
        ).fetchall()
    with opened(past, "published") as history:
        totals, found = history.totals(threshold), history.flips(threshold, ROWS)
    more = totals.pass_to_fail - totals.fail_to_pass
    assert [row[:3] for row in counts] == [
        ("PASS", totals.passed, totals.passed - more),
        ("FAIL", totals.failed, totals.failed + more),
        ("INVALID", totals.invalid, totals.invalid),
    ]
    assert flips == sorted((flip.frame_id, flip.replayed, flip.label) for flip in found)


def test_an_hour_that_is_published_anew_meanwhile_is_read_whole(
    past: StationPaths, tmp_path: Path
) -> None:
    copied = tmp_path / "published"
    shutil.copytree(past.published, copied)
    newest = max(copied.glob("inspections/*/*.parquet"))
    content, stop = newest.read_bytes(), threading.Event()

    def publish() -> None:
        while not stop.is_set():
            temporary = newest.with_suffix(".tmp")
            temporary.write_bytes(content)
            temporary.replace(newest)

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        for _ in range(20):
            with published_history(copied, Selection()) as history:
                assert history.totals(0.3).inspections == ROWS
    finally:
        stop.set()
        publisher.join()


@pytest.mark.parametrize("source", SOURCES)
def test_only_the_parts_in_question_count(past: StationPaths, rows: Rows, source: str) -> None:
    begin = rows[700]["recorded_at"].replace(tzinfo=timezone.utc)
    end = begin + timedelta(hours=2, minutes=17)
    selection = Selection(begin, end, "reference@1", ("left",))
    wanted = [
        row
        for row in rows
        if begin <= row["recorded_at"].replace(tzinfo=timezone.utc) < end
        and (row["model_version"], row["camera"]) == ("1", "left")
    ]
    with opened(past, source, selection) as history:
        totals = history.totals(0.2)
    assert totals.inspections == len(wanted) > 100
    assert totals.pass_to_fail == sum(row["verdict"] == "PASS" for row in turned(wanted, 0.2))


@pytest.mark.parametrize("source", SOURCES)
def test_escapes_and_overkill_are_counted_against_the_labels(
    past: StationPaths, rows: Rows, source: str
) -> None:
    looked_at = [row for row in rows if row["label"] and row["verdict"] != "INVALID"]
    with opened(past, source) as history:
        labelled = history.labelled()
    for threshold in (None, 0.05, 0.9):
        found = label_outcome(labelled, threshold)
        failed = {
            row["frame_id"]: (row["verdict"] if threshold is None else judged(row, threshold))
            == "FAIL"
            for row in looked_at
        }
        defects = [row for row in looked_at if row["label"] == "defect"]
        assert found.escapes == Share(
            sum(not failed[row["frame_id"]] for row in defects), len(defects)
        )
        assert found.overkill.of == len(looked_at) - len(defects)
        assert found.overkill.count == sum(
            failed[r["frame_id"]] for r in looked_at if r["label"] == "good"
        )


@pytest.mark.parametrize("source", SOURCES)
def test_the_histogram_holds_every_judged_part(past: StationPaths, rows: Rows, source: str) -> None:
    with opened(past, source) as history:
        passed, failed = history.histogram()
    assert sum(passed) == sum(row["verdict"] == "PASS" for row in rows)
    assert sum(failed) == sum(row["verdict"] == "FAIL" for row in rows)
    assert passed[7] == sum(
        row["verdict"] == "PASS" and int(row["score"] * 100) == 7 for row in rows
    )


def test_all_that_turn_go_to_a_file(past: StationPaths, rows: Rows, tmp_path: Path) -> None:
    file = tmp_path / "turned.csv"
    with published_history(past.published, EVERYTHING, [file]) as history:
        number = history.write_flips(0.2, file)
    written = list(csv.DictReader(file.read_text().splitlines()))
    assert [row["frame_id"] for row in written] == [row["frame_id"] for row in turned(rows, 0.2)]
    assert number == len(written)


def test_a_verdict_that_does_not_follow_from_its_score_is_seen(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    drop(paths, "good.png", part(GOOD))
    inspect_all(paths)
    with duckdb.connect(str(paths.database)) as log:
        log.execute("UPDATE inspections SET score = 0.9")
    with opened(paths, "database") as history:
        assert history.totals(0.5).unexplained == 1


def test_a_real_stations_past_is_replayed_across_a_change_of_threshold(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    for name, threshold in (("a", None), ("b", "0.1")):
        if threshold:
            change(paths, "set", threshold, *SET)
        for kind, picture in (("good", part(GOOD)), ("bad", part(BAD)), ("torn", b"no image")):
            drop(paths, f"{name}-{kind}.png", picture)
        inspect_all(paths)
    generate.publish(paths)
    for source in SOURCES:
        with opened(paths, source) as history:
            totals = history.totals(0.5)
            assert (totals.inspections, totals.failed, totals.invalid, totals.unexplained) == (
                6,
                3,
                2,
                0,
            )
            assert (totals.pass_to_fail, totals.fail_to_pass) == (0, 1)
            assert [each.threshold for each in history.judged()] == [0.5, 0.1]


def test_the_newest_label_of_a_part_counts(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    drop(paths, "good.png", part(GOOD))
    inspect_all(paths)
    with opened(paths, "database") as history:
        (stored,) = [each for portion in history.stored() for each in portion]
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    for number, label in enumerate(("good", "defect")):
        said = Label(
            FrameId(f"2999010{number}T000000000000Z-labels"),
            utc_now(),
            "line1",
            FrameId(stored.frame_id),
            stored.part_id,
            label,
            None,
            "anna",
            None,
        )
        ledger.commit([said], utc_now())
    ledger.close()
    with opened(paths, "database") as history:
        assert [each.is_defect for each in history.labelled()] == [True]


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    # R: prop.test(count, of, correct = FALSE)$conf.int
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (3, 120, 0.0085, 0.0709),
    ],
)
def test_intervals_are_wilsons(count: int, of: int, low: float, high: float) -> None:
    assert Share(count, of).interval == pytest.approx((low, high), abs=6e-5)


def test_nothing_labelled_has_no_share() -> None:
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, None)


def parts(*scores: float, defects: int) -> list[LabelledPart]:
    """Parts with these scores; the last `defects` of them are bad."""
    return [
        LabelledPart(str(index), score, "PASS", index >= len(scores) - defects)
        for index, score in enumerate(scores)
    ]


def test_the_operating_curve_runs_from_all_failed_to_all_passed() -> None:
    curve = operating_curve(parts(0.1, 0.2, 0.2, 0.9, 0.2, 0.8, defects=2))
    assert (curve[0].escape_rate, curve[0].overkill_rate) == (0, 1)
    assert (curve[-1].escape_rate, curve[-1].overkill_rate) == (1, 0)
    for point in curve:
        found = label_outcome(parts(0.1, 0.2, 0.2, 0.9, 0.2, 0.8, defects=2), point.threshold)
        assert (found.escapes.value, found.overkill.value) == (
            point.escape_rate,
            point.overkill_rate,
        )
    assert operating_curve(parts(0.1, 0.2, defects=0)) == []


def test_the_cheapest_threshold_parts_two_scores_that_are_neighbours() -> None:
    low = 0.5
    high = math.nextafter(low, 1.0)
    found = cheapest_threshold(parts(low, high, defects=1), Costs(1, 1))
    assert found is not None and low < found <= high


def test_the_cheapest_threshold_weighs_escapes_against_overkill() -> None:
    labelled = parts(0.1, 0.3, 0.7, 0.5, 0.9, defects=2)
    assert cheapest_threshold(labelled, Costs(escape=100, overkill=1)) == pytest.approx(0.4)
    assert cheapest_threshold(labelled, Costs(escape=1, overkill=100)) == pytest.approx(0.8)
    assert cheapest_threshold(parts(0.1, defects=0), Costs(1, 1)) is None
