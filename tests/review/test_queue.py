"""What is asked of a person, in which order and why; figures against ones worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from qc_edge.analysis.statistics import Share
from qc_edge.domain.inspection import Inspection, Label, Row, ShadowScore
from qc_edge.domain.label import Said
from qc_edge.errors import StoreError, UsageError
from qc_edge.labels import LabelRequest
from qc_edge.labels import write as write_label
from qc_edge.query.inspection_lookup import InspectionFound
from qc_edge.review import ReviewItem, ReviewQueue
from qc_edge.review import queue as queue_module
from qc_edge.review.agreement import agreements, kappa
from qc_edge.review.draw import draw_key, drawn_sql, is_drawn
from qc_edge.review.statistics import review_statistics
from qc_edge.service.clock import utc_now
from qc_edge.settings import Settings, StationPaths
from tests.publish.rows import Log, event, inspection, label, log
from tests.station.harness import wait_for

EARLIER = utc_now() - timedelta(hours=2)


def settings(**review: object) -> Settings:
    """Settings with this section [review]."""
    given = {"audit_share": 0.0, "second_opinion_share": 0.0, "after_change": 0} | review
    return Settings.model_validate({"station": {"name": "line1"}, "review": given})


@dataclass
class Made:
    """A log that is published on demand, and a queue over it."""

    paths: StationPaths
    log: Log

    def add(self, *rows: Row) -> None:
        """Commit and publish."""
        self.log.add(*rows)
        self.log.publisher.publish()

    def queue(self, **review: object) -> ReviewQueue:
        """A queue with this section [review]."""
        return ReviewQueue(self.paths, settings(**review))


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    paths = StationPaths(tmp_path, "line1")
    paths.review.mkdir(parents=True)
    with log(paths.state) as written:
        yield Made(paths, written)


def at(minutes: float) -> Inspection:
    """A clear PASS so many minutes after the beginning."""
    return inspection(EARLIER + timedelta(minutes=minutes), 0.1)


def said_later(of: Inspection, word: str, who: str, role: str | None = None, **more: Any) -> Label:
    """A label a minute after the inspection."""
    return replace(label(of.recorded_at + timedelta(minutes=1), of, word, who), role=role, **more)


def shadow(of: Inspection, verdict: str, score: float) -> ShadowScore:
    """What the shadow says of it."""
    return ShadowScore(
        of.frame_id,
        of.recorded_at,
        "line1",
        of.part_id,
        of.camera,
        score,
        0.5,
        verdict,
        "",
        0,
        1.0,
        "corner",
        "2",
        "m",
        "scripted",
        "1",
        "cpu",
        None,
    )


def reasons(item: ReviewItem) -> list[str]:
    return [str(reason) for reason in item.causes]


def test_every_cause_puts_a_part_on_the_queue_and_is_said_in_words(made: Made) -> None:
    clear, near, nearer = at(0), inspection(EARLIER, 0.44), inspection(EARLIER, 0.49)
    refused = inspection(EARLIER, None)
    odd = inspection(EARLIER, 0.2, map_max=0.8)
    other = inspection(EARLIER, 0.3)
    changed = replace(event(EARLIER + timedelta(minutes=5), "threshold"), before="a", after="b")
    first, second = at(6), at(7)
    made.add(clear, near, nearer, refused, odd, other, changed, first, second)
    made.add(shadow(other, "FAIL", 0.9), shadow(clear, "PASS", 0.1))
    with made.queue(after_change=1) as queue:
        found = queue.items()
        assert [(item.frame_id, reasons(item)) for item in found] == [
            (other.frame_id, ["shadow_disagrees"]),
            (nearer.frame_id, ["near_threshold"]),
            (odd.frame_id, ["map_at_odds"]),
            (near.frame_id, ["near_threshold"]),
            (first.frame_id, ["after_change"]),
            (refused.frame_id, ["not_judged"]),
        ]
        assert found[0].why == ["the shadow corner@2 says FAIL (0.900), the line said PASS"]
        assert found[1].why == ["score 0.4900 is 0.0100 below the threshold 0.5"]
        made.add(third := at(8), late := inspection(EARLIER + timedelta(minutes=9), 0.5))
        assert queue.items()[1].frame_id == late.frame_id
        assert third.frame_id not in {item.frame_id for item in queue.items()}, "two came before"
        assert queue.counts()["near_threshold"] == 3


def test_labels_take_parts_off_and_doubts_put_them_back(made: Made) -> None:
    one, two, three = (inspection(EARLIER, score) for score in (0.49, 0.48, 0.47))
    made.add(one, two, three)
    with made.queue() as queue:
        assert len(queue.items()) == 3
        made.add(said_later(one, "good", "ada"), said_later(two, "unsure", "ada"))
        left = queue.items()
        assert [item.frame_id for item in left] == [two.frame_id, three.frame_id]
        assert reasons(left[0]) == ["near_threshold", "unsure"]
        made.add(said_later(one, "disputed", "olaf", "operator", why="burr"))
        assert queue.items()[0].why[0] == "disputed: burr"
        made.add(said_later(one, "defect", "ben", "quality"))
        assert one.frame_id not in {item.frame_id for item in queue.items()}


def test_two_people_never_get_the_same_part(made: Made) -> None:
    made.add(*(inspection(EARLIER, 0.4 + n / 1000) for n in range(60)))
    with made.queue() as anna, made.queue() as ben:
        given = []
        for _ in range(30):
            taken = {who: queue.next(who) for who, queue in (("anna", anna), ("ben", ben))}
            for who, item in taken.items():
                assert item
                given.append(item.frame_id)
                made.log.add(said_later(inspection(EARLIER, frame_id=item.frame_id), "good", who))
            made.log.publisher.publish()
        assert len(set(given)) == len(given) == 60
        assert anna.next("anna") is None
    with made.queue(claim_minutes=0.0001) as short:
        made.add(again := inspection(EARLIER, 0.45))
        assert short.next("anna", claim=False)
        short.claim(again.frame_id, "anna")
        with made.queue() as queue, pytest.raises(UsageError, match="anna looks at"):
            queue.claim(again.frame_id, "anna")
            queue.claim(again.frame_id, "ben")


def test_a_claim_ends_by_itself(made: Made) -> None:
    made.add(only := inspection(EARLIER, 0.45))
    with made.queue() as queue:
        now = utc_now()
        queue.claims.claim(only.frame_id, "anna", now - timedelta(minutes=11), 10)
        item = queue.next("ben")
        assert item and item.frame_id == only.frame_id


def test_a_second_opinion_is_blind_and_asked_of_somebody_else(made: Made) -> None:
    made.add(one := inspection(EARLIER, 0.49), said_later(one, "good", "ada"))
    with made.queue(second_opinion_share=1.0) as queue:
        assert queue.next("ada") is None
        item = queue.next("ben")
        assert item and item.blind and "ada" not in str(item.to_json_values())
        made.add(said_later(one, "good", "ben"))
        assert queue.items() == []


def test_the_sample_is_the_same_whenever_it_is_drawn() -> None:
    frames = [f"20261128T{number:012d}Z-top" for number in range(20_000)]
    key = draw_key(settings(), "audit")
    mine = [frame for frame in frames if is_drawn(key, 0.05, frame)]
    assert 850 < len(mine) < 1150
    with duckdb.connect() as asked:
        drawn = asked.execute(
            f"SELECT frame_id FROM (SELECT unnest(?) AS frame_id) WHERE {drawn_sql(key, 0.05)} "
            "ORDER BY frame_id",
            [frames],
        ).fetchall()
    assert [frame for (frame,) in drawn] == mine
    assert {frame for frame in mine if is_drawn(draw_key(settings(), "second"), 0.05, frame)} != {
        *mine
    }


def test_escapes_are_estimated_from_the_sample_alone(made: Made) -> None:
    parts = [at(n / 10) for n in range(200)]
    given = settings(audit_share=0.2)
    key = draw_key(given, "audit")
    drawn = [part for part in parts if is_drawn(key, 0.2, part.frame_id)]
    others = [part for part in parts if part not in drawn]
    made.log.add(*parts)
    words = ["defect", *["good"] * (len(drawn) - 1)]
    made.log.add(
        *(said_later(part, word, "ada") for part, word in zip(drawn, words, strict=True)),
        *(said_later(part, "defect", "ada") for part in others[:20]),
    )
    made.log.publisher.publish()
    told = review_statistics(made.paths, given, utc_now()).escapes
    assert (told.passed, told.drawn) == (200, len(drawn))
    assert told.escapes == Share(1, len(drawn))


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    # R: binom.test(k, n)$conf.int
    [(0, 100, 0.0, 0.03621669), (1, 100, 0.0002531460, 0.05445939), (5, 10, 0.1870860, 0.8129140)],
)
def test_the_exact_interval_is_that_of_the_textbook(
    count: int, of: int, low: float, high: float
) -> None:
    assert Share(count, of).exact_interval == pytest.approx((low, high), rel=1e-6)


def test_agreement_of_people_beyond_chance() -> None:
    # J. Cohen's own example has other words; the figures are worked out by hand.
    assert kappa(
        {
            ("good", "good"): 20,
            ("good", "defect"): 5,
            ("defect", "good"): 10,
            ("defect", "defect"): 15,
        }
    ) == pytest.approx(0.4)
    pairs, people = agreements(
        [
            ("ada", "ben", "good", "good", 20),
            ("ada", "ben", "good", "defect", 5),
            ("ada", "ben", "defect", "good", 10),
            ("ada", "ben", "defect", "defect", 15),
        ]
    )
    assert [(pair.parts, pair.agreed) for pair in pairs] == [(50, 35)]
    assert pairs[0].kappa == pytest.approx(0.4)
    assert [each.one for each in people] == ["ada", "ben"]


def test_a_look_that_may_be_a_little_old_waits_for_nothing_that_is_new(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, nearer = inspection(EARLIER, 0.44), inspection(EARLIER, 0.49)
    made.add(near)
    monkeypatch.setattr(queue_module, "_BESIDE_S", 600.0)
    with ReviewQueue(made.paths, settings(), keep_s=600.0) as queue:
        assert [item.frame_id for item in queue.items()] == [near.frame_id]
        made.add(nearer)
        assert [item.frame_id for item in queue.items()] == [near.frame_id], "as it was known"
        monkeypatch.setattr(queue_module, "_BESIDE_S", 0.0)
        wait_for(lambda: len(queue.items()) == 2, "it was read beside", 60)
        assert queue.items()[0].frame_id == nearer.frame_id
        made.paths.labels.mkdir(exist_ok=True)
        said = LabelRequest(nearer.frame_id, Said.GOOD, "anna")
        write_label(made.paths, said, _found(nearer))
        assert [item.frame_id for item in queue.items()] == [near.frame_id], "a word counts at once"


def test_a_look_that_fails_loses_nothing_of_what_it_has_read(made: Made) -> None:
    near, clear = inspection(EARLIER, 0.44), at(1)
    made.add(near, clear, said_later(clear, "defect", "anna"))
    labels = [*made.paths.published.glob("labels/**/*.parquet")]
    whole = [file.read_bytes() for file in labels]
    for file in labels:
        file.write_bytes(b"PAR1" + bytes(40))
    with made.queue(second_opinion_share=1.0) as queue:
        with pytest.raises(StoreError):
            queue.items()
        for file, content in zip(labels, whole, strict=True):
            file.write_bytes(content)
        assert {item.frame_id for item in queue.items()} == {near.frame_id, clear.frame_id}


def _found(row: Inspection) -> InspectionFound:
    names = [each.name for each in fields(InspectionFound)]
    return InspectionFound(**{name: getattr(row, name) for name in names})
