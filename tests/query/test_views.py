"""What the views and macros answer on a log made by hand, against figures worked out in Python."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from qc_edge.domain.inspection import Gap, Inspection, Label
from qc_edge.query.views import comments, described, script
from tests.publish.rows import at, event, gap, inspection, label, log

MORNING = at("2026-11-22 06:00")


def made_by_hand() -> tuple[list[Inspection], list[Label], list[Gap]]:
    """Forty frames over four hours and a shift change, every eighth unreadable, some labelled,
    three lost.
    """
    frames = []
    for index in range(40):
        when = MORNING + timedelta(minutes=20 * index)
        score = None if index % 8 == 7 else (index * 37 % 100) / 100
        release = "1" if index < 25 else "2"
        given = {"part_id": f"p{index // 2}", "model_version": release, "focus": float(index)}
        number = index + (3 if index >= 10 else 0)
        frames.append(inspection(when, score, camera_frame_number=number, **given))
    judged = [frame for frame in frames if frame.score is not None]
    later = MORNING + timedelta(hours=14)
    labels = [
        label(later, frame, "defect" if index % 3 == 0 else "good")
        for index, frame in enumerate(judged[::2])
    ]
    labels.append(label(later, judged[0], "good", why="looked again"))
    labels.append(
        label(later, judged[2], "good" if labels[1].label == "defect" else "defect", "Grace")
    )
    return (
        frames,
        labels,
        [gap(frames[10].recorded_at, 3, first_frame_number=10, last_frame_number=12)],
    )


FRAMES, LABELS, GAPS = made_by_hand()
NEWEST = {each.frame_id: each.label for each in LABELS}
JUDGED = [frame for frame in FRAMES if frame.score is not None]


@pytest.fixture(scope="module")
def qa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The views over the rows made by hand."""
    with log(tmp_path_factory.mktemp("log")) as made:
        made.add(*FRAMES, *LABELS, *GAPS, event(MORNING))
        made.publisher.publish()
        with duckdb.connect() as asked:
            asked.execute(script(made.published))
            yield asked


def rows(qa: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """The answer, by name of column."""
    found = qa.execute(sql)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def wilson(k: int, n: int) -> tuple[float, float]:
    """The 95 % interval in its textbook form."""
    z = 1.959964
    centre, half = (
        (k / n + z * z / (2 * n)),
        z * math.sqrt(k / n * (1 - k / n) / n + z * z / (4 * n * n)),
    )
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


def test_inspections_carry_the_newest_label(qa: duckdb.DuckDBPyConnection) -> None:
    found = rows(qa, "SELECT frame_id, label, label_why, date FROM inspections ORDER BY frame_id")
    assert {row["frame_id"]: row["label"] for row in found} == {
        frame.frame_id: NEWEST.get(frame.frame_id) for frame in FRAMES
    }
    (again,) = [row for row in found if row["frame_id"] == JUDGED[0].frame_id]
    assert (again["label"], again["label_why"]) == ("good", "looked again")
    assert {row["date"] for row in found} == {frame.recorded_at.date() for frame in FRAMES}


def test_people_who_disagree_make_a_dispute_and_one_who_corrects_himself_does_not(
    qa: duckdb.DuckDBPyConnection,
) -> None:
    found = rows(qa, "SELECT frame_id FROM inspections WHERE disputed")
    assert [row["frame_id"] for row in found] == [JUDGED[2].frame_id]


def test_the_history_of_a_part_has_its_frames_and_labels_in_order(
    qa: duckdb.DuckDBPyConnection,
) -> None:
    found = rows(qa, "FROM part_history WHERE part_id = 'p0' ORDER BY recorded_at")
    frames = [frame for frame in FRAMES if frame.part_id == "p0"]
    labels = [each for each in LABELS if each.part_id == "p0"]
    assert [row["what"] for row in found] == ["inspection"] * len(frames) + ["label"] * len(labels)
    assert [row["said"] for row in found[: len(frames)]] == [frame.verdict for frame in frames]
    assert {row["who"] for row in found} == {"corner@1", "Ada"}


def test_the_yield_of_each_hour(qa: duckdb.DuckDBPyConnection) -> None:
    for row in rows(qa, "FROM yield_by_hour"):
        hour = [
            frame
            for frame in FRAMES
            if frame.recorded_at.replace(minute=0, tzinfo=None) == row["hour"]
        ]
        count = Counter(str(frame.verdict) for frame in hour)
        scores = [frame.score for frame in hour if frame.score is not None]
        assert (row["inspected"], row["passed"], row["failed"], row["invalid"]) == (
            len(hour),
            count["PASS"],
            count["FAIL"],
            count["INVALID"],
        )
        expected = (
            (count["PASS"] / len(scores), sum(scores) / len(scores)) if scores else (None, None)
        )
        assert (row["yield"], row["mean_score"]) == pytest.approx(expected)


def test_rejects_add_up_by_reason(qa: duckdb.DuckDBPyConnection) -> None:
    found = rows(qa, "FROM rejects_by_reason")
    expected = Counter(
        (frame.verdict, frame.reason) for frame in FRAMES if frame.disposition != "ACCEPT"
    )
    assert {(row["verdict"], row["reason"]): row["parts"] for row in found} == expected
    assert sum(row["share"] for row in found) == pytest.approx(1)


def test_the_gate_figures_of_each_hour(qa: duckdb.DuckDBPyConnection) -> None:
    first = rows(qa, "FROM gate_trend ORDER BY hour")[0]
    assert (first["frames"], first["focus_median"], first["brightness_mean"]) == (3, 1.0, 128.0)


def test_the_review_queue_is_what_nobody_has_looked_at_and_what_is_disputed(
    qa: duckdb.DuckDBPyConnection,
) -> None:
    found = {row["frame_id"]: row["why"] for row in rows(qa, "FROM review_queue")}
    near = {
        frame.frame_id: "near_threshold" if frame.score is not None else frame.reason
        for frame in FRAMES
        if frame.needs_review and frame.frame_id not in NEWEST
    }
    assert found == near | {JUDGED[2].frame_id: "disputed"}


def test_the_performance_of_each_release(qa: duckdb.DuckDBPyConnection) -> None:
    for row in rows(qa, "FROM model_performance"):
        judged = [
            (str(frame.verdict), NEWEST[frame.frame_id])
            for frame in JUDGED
            if frame.model_version == row["model_version"] and frame.frame_id in NEWEST
        ]
        count = Counter(judged)
        caught, escapes = count["FAIL", "defect"], count["PASS", "defect"]
        overkill, good = count["FAIL", "good"], count["PASS", "good"]
        assert (row["labelled"], row["caught"], row["escapes"], row["overkill"]) == (
            len(judged),
            caught,
            escapes,
            overkill,
        )
        assert row["precision"] == pytest.approx(caught / (caught + overkill))
        assert row["recall"] == pytest.approx(caught / (caught + escapes))
        assert row["false_alarm_rate"] == pytest.approx(overkill / (overkill + good))
        assert (row["precision_low"], row["precision_high"]) == pytest.approx(
            wilson(caught, caught + overkill)
        )
        assert (row["recall_low"], row["recall_high"]) == pytest.approx(
            wilson(caught, caught + escapes)
        )
    assert len(rows(qa, "FROM model_performance")) == 2


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (1, 1), (3, 7), (50, 1000)])
def test_the_interval_is_wilsons(qa: duckdb.DuckDBPyConnection, k: int, n: int) -> None:
    (row,) = rows(qa, f"SELECT wilson_low({k}, {n}) AS low, wilson_high({k}, {n}) AS high")
    assert (row["low"], row["high"]) == pytest.approx(wilson(k, n), abs=1e-6)


def test_no_interval_of_nothing(qa: duckdb.DuckDBPyConnection) -> None:
    assert rows(qa, "SELECT wilson_low(0, 0) AS low, wilson_high(0, 0) AS high") == [
        {"low": None, "high": None}
    ]


def test_the_count_closes_shift_by_shift(qa: duckdb.DuckDBPyConnection) -> None:
    found = rows(qa, "FROM count_closure ORDER BY shift")
    assert [row["shift"].hour for row in found] == [6, 14]
    assert [row["passed"] + row["failed"] + row["invalid"] for row in found] == [24, 16]
    assert [(row["lost"], row["triggers"], row["numbers_skipped"]) for row in found] == [
        (3, 27, 3),
        (0, 16, 0),
    ]
    assert all(row["closes"] for row in found)


def test_the_count_does_not_close_where_numbers_are_missing_without_a_row(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(
            inspection(MORNING, camera_frame_number=4), inspection(MORNING, camera_frame_number=7)
        )
        made.publisher.publish()
        with duckdb.connect() as asked:
            asked.execute(script(made.published))
            (row,) = rows(asked, "FROM count_closure")
    assert (row["numbers_skipped"], row["lost"], row["closes"]) == (2, 0, False)


def test_a_camera_that_begins_to_count_anew_skips_nothing(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(*(inspection(MORNING, camera_frame_number=number) for number in (8, 9, 0, 1)))
        made.publisher.publish()
        with duckdb.connect() as asked:
            asked.execute(script(made.published))
            (row,) = rows(asked, "FROM closure(shift_hours := 12, first_hour := 0)")
    assert (row["numbers_skipped"], row["closes"]) == (0, True)


def test_where_nothing_counts_the_count_does_not_close_either(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(
            inspection(MORNING, camera="incoming"),
            gap(MORNING, camera="incoming"),
            inspection(MORNING, camera="top", camera_frame_number=4),
        )
        made.publisher.publish()
        with duckdb.connect() as asked:
            asked.execute(script(made.published))
            found = rows(asked, "FROM count_closure ORDER BY camera")
    assert [(row["counted_by"], row["numbers_skipped"], row["closes"]) for row in found] == [
        ("no counter", None, None),
        ("camera", 0, True),
    ]


def test_replay_at_the_threshold_in_force_reproduces_every_verdict(
    qa: duckdb.DuckDBPyConnection,
) -> None:
    for threshold in ("NULL", "0.5"):
        found = rows(qa, f"FROM threshold_replay({threshold})")
        assert [(row["verdict"], row["change"]) for row in found] == [
            ("PASS", 0),
            ("FAIL", 0),
            ("INVALID", 0),
        ]
        assert sum(row["stored"] for row in found) == len(FRAMES)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.37, 0.8, 1.0])
def test_replay_at_another_threshold(qa: duckdb.DuckDBPyConnection, threshold: float) -> None:
    fails = sum(frame.score >= threshold for frame in JUDGED if frame.score is not None)
    found = {
        row["verdict"]: row["replayed"] for row in rows(qa, f"FROM threshold_replay({threshold})")
    }
    assert found == {
        "PASS": len(JUDGED) - fails,
        "FAIL": fails,
        "INVALID": len(FRAMES) - len(JUDGED),
    }
    flipped = {
        frame.frame_id
        for frame in JUDGED
        if frame.score is not None and (frame.score >= threshold) != (frame.verdict == "FAIL")
    }
    flips = rows(qa, f"FROM flips({threshold})")
    assert {row["frame_id"] for row in flips} == flipped
    for row in flips:
        wrong = row["label"] and (row["label"] == "defect") != (row["replayed"] == "FAIL")
        expected = {"defect": "escape", "good": "overkill"}[row["label"]] if wrong else "mended"
        assert row["becomes"] == (expected if row["label"] else None)


def test_a_period_ends_before_its_end(qa: duckdb.DuckDBPyConnection) -> None:
    inside = {f.frame_id for f in FRAMES if MORNING <= f.recorded_at < MORNING + timedelta(hours=1)}
    for macro in ("period", '"between"'):
        found = rows(qa, f"SELECT frame_id FROM {macro}('2026-11-22 06:00', '2026-11-22 07:00')")
        assert {row["frame_id"] for row in found} == inside
    found = rows(
        qa, "FROM threshold_replay(0.5, since := '2026-11-22 06:00', until := '2026-11-22 07:00')"
    )
    assert sum(row["stored"] for row in found) == len(inside)


def test_a_filter_on_the_date_reads_only_those_files(qa: duckdb.DuckDBPyConnection) -> None:
    plan = rows(
        qa, "EXPLAIN ANALYZE SELECT count(score) FROM inspections_raw WHERE date = '2026-11-21'"
    )
    assert "0/" in str(plan) or "Scanning Files: 0" in str(plan) or "EMPTY_RESULT" in str(plan)


def test_now_is_utc(qa: duckdb.DuckDBPyConnection) -> None:
    (row,) = rows(
        qa,
        "SELECT utc_now() AS now, utc_today() AS today, epoch(utc_now()) - epoch(now()) AS apart",
    )
    assert row["today"] == row["now"].date()
    assert abs(row["apart"]) < 1e-3  # seconds in a double: exact to a microsecond at best


def test_every_view_and_macro_says_what_it_is(qa: duckdb.DuckDBPyConnection) -> None:
    made = {
        name
        for (name,) in qa.execute(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
    }
    made |= {
        name
        for (name,) in qa.execute(
            "SELECT function_name FROM duckdb_functions() WHERE NOT internal AND schema_name = "
            "'main'"
        ).fetchall()
    }
    assert made == {each.name for each in described()}
    qa.execute(comments())
