"""Parts beyond what their model was trained on are on the queue once the station has said so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from qc_edge.review import ReviewItem, ReviewQueue
from qc_edge.service.clock import utc_now
from qc_edge.settings import Settings, StationPaths
from tests.discipline.learnt_bundle import LEARNT, MODEL, write_learnt_bundle
from tests.publish.rows import event, inspection, label, log

BEGINS = utc_now() - timedelta(hours=3)
SETTINGS = Settings.model_validate(
    {
        "station": {"name": "line1"},
        "review": {"audit_share": 0.0, "second_opinion_share": 0.0, "after_change": 0},
    }
)


def drifted(queue: ReviewQueue) -> list[ReviewItem]:
    return [item for item in queue.items() if "drift" in map(str, item.causes)]


def test_parts_that_have_left_what_was_learnt_are_asked_about_and_said_why(
    tmp_path: Path, repository: Path
) -> None:
    paths = StationPaths(tmp_path, "line1")
    paths.review.mkdir(parents=True)
    write_learnt_bundle(paths, repository, LEARNT)
    rows = [
        inspection(
            BEGINS + timedelta(minutes=number),
            0.1,
            part_id=f"p{number}",
            focus=80.0 - number / 10 if number >= 64 else 100.0,
            model_sha256=MODEL,
        )
        for number in range(100)
    ]
    said = replace(event(BEGINS + timedelta(minutes=90), "beyond_learnt"), after="flange@1")
    with log(paths.state) as written:
        written.add(*rows)
        written.publisher.publish()
        with ReviewQueue(paths, SETTINGS) as queue:
            assert drifted(queue) == [], "nobody has said that the line has left it"
            written.add(said)
            written.publisher.publish()
            found = drifted(queue)
        with ReviewQueue(paths, SETTINGS) as other:
            assert [each.to_json_values() for each in drifted(other)] == [
                each.to_json_values() for each in found
            ]
            # What came after the event has not led to it, and the furthest of 26 are asked about.
            assert [each.part_id for each in found] == [f"p{n}" for n in range(89, 69, -1)]
            (words,) = found[0].why
            assert words == (
                "focus 71.1 is outside 90 to 110, where the good parts were that flange@1 was "
                "trained on, as 26 of 90 accepted ones are"
            )
            assert other.counts()["drift"] == 20
            written.add(label(said.recorded_at + timedelta(minutes=1), rows[89], "good", "ada"))
            written.publisher.publish()
            assert drifted(other)[0].part_id == "p88"
