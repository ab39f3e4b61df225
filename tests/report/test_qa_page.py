"""Every question of docs/qa.md, asked of a small log: it has an answer, of the shape that the page
shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from qc_edge.domain.events import Event
from qc_edge.domain.inspection import Inspection, Label
from qc_edge.domain.verdict import Reason, Threshold, decide, invalid
from qc_edge.publish.qa_database import build
from tests.publish.rows import at, gap, inspection, label, log, new_id

PAGE = Path(__file__).resolve().parents[2] / "docs/qa.md"
QUESTION = re.compile(r"(?ms)^### (\d+)\. (.+?)\n.*?^```sql\n(.+?)^```\n+^\| (.+?) \|$")
QUESTIONS = {
    f"{number}. {title}": (sql, shape.split(" | "))
    for number, title, sql, shape in QUESTION.findall(PAGE.read_text(encoding="utf-8"))
}

SCORES = (0.9, 0.2, 0.1, None, 0.05, 0.3, 0.48, 0.02, 0.11, 0.62, 0.44, 0.1)
"""Of each hour: a part every five minutes."""


def frames() -> list[Inspection]:
    """Two days, four hours each; the second on another threshold and another model."""
    made = []
    for day, release, threshold in (("2026-11-22", "1", 0.5), ("2026-11-23", "2", 0.45)):
        for index in range(48):
            when = at(f"{day} 06:00") + timedelta(minutes=5 * index)
            row = inspection(
                when,
                SCORES[index % 12],
                part_id=str(48213 + index % 47),
                model_version=release,
                lot="L4711" if index < 24 else "L4712",
                camera_frame_number=index + (2 if index > 12 else 0),
                calibration_id="20261101T080000Z-top",
                focus=180.0 - index,
            )
            limit = Threshold(threshold, 0.1, f"tests:{threshold:g}")
            decision = invalid(Reason.LOW_FOCUS, "focus 61.2 is below 80")
            if row.score is not None:
                decision = decide(row.score, limit)
            made.append(
                replace(
                    row,
                    threshold=limit.value,
                    threshold_id=limit.threshold_id,
                    verdict=decision.verdict,
                    disposition=decision.disposition,
                    reason=decision.reason,
                    detail=decision.detail,
                    needs_review=decision.needs_review,
                )
            )
    return made


def labels(made: list[Inspection]) -> list[Label]:
    later = at("2026-11-23 12:00")
    return [
        label(later, made[0], "defect", "anna", defect_class="dent"),
        label(
            later, made[1], "defect", "anna", defect_class="scratch", why="customer complaint 881"
        ),
        label(later, made[9], "good", "ben"),
        label(later, made[0], "defect", "ben"),
        label(later, made[9], "defect", "anna"),
        label(later, made[21], "good", "ben"),
    ]


@pytest.fixture(scope="module")
def qa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """qa.duckdb over that log, as a client opens it."""
    state = tmp_path_factory.mktemp("asked")
    with log(state) as kept:
        made = frames()
        when = at("2026-11-23 05:59")
        change = Event(
            new_id(when, "station"),
            when,
            "line1",
            "threshold",
            "anna",
            "threshold: 0.5 -> 0.45",
            "0.5",
            "0.45",
            "two escapes",
        )
        lost = gap(at("2026-11-22 07:05"), 2, first_frame_number=13, last_frame_number=14)
        kept.add(*made, *labels(made), change, lost)
        kept.publisher.publish()
        build(state / "qa.duckdb", kept.published)
        with duckdb.connect(str(state / "qa.duckdb"), read_only=True) as client:
            yield client


def test_there_are_twenty_questions() -> None:
    assert [title.partition(".")[0] for title in QUESTIONS] == [
        str(number) for number in range(1, 21)
    ]


@pytest.mark.parametrize("title", QUESTIONS)
def test_a_question_has_an_answer_of_the_shape_that_is_shown(
    qa: duckdb.DuckDBPyConnection, title: str
) -> None:
    sql, shape = QUESTIONS[title]
    answer = qa.execute(sql)
    assert [column[0] for column in answer.description or ()] == shape
    assert answer.fetchall(), "the small log has no answer to this"


@pytest.mark.parametrize(
    ("title", "part"),
    [("7. Which bad parts got through?", "48214"), ("8. Which good parts were rejected?", "48234")],
)
def test_escapes_and_overkill_are_the_labelled_ones(
    qa: duckdb.DuckDBPyConnection, title: str, part: str
) -> None:
    assert [row[0] for row in qa.execute(QUESTIONS[title][0]).fetchall()] == [part]


def test_the_count_closes_on_the_first_day(qa: duckdb.DuckDBPyConnection) -> None:
    (row,) = qa.execute(QUESTIONS["10. Does the count close?"][0]).fetchall()
    assert (row[2], row[6], row[7]) == (50, 2, True)
