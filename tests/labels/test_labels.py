"""A person's word on its way into the log: written by whoever may, a row of it exactly once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import duckdb
import numpy as np
import pytest

from qc_edge.audit.verify import verify
from qc_edge.domain.frame import FrameId
from qc_edge.domain.label import Box, LabelSource, Mask, PersonRole, Polygon, Said
from qc_edge.errors import RecordError, UsageError
from qc_edge.labels import LabelRequest, MaskImage, dispute, drop, taking_up, write
from qc_edge.labels.record import SaidLabel, decode, encode
from qc_edge.query.retry import retried
from qc_edge.settings import StationPaths
from tests.labels.taking import Taking
from tests.station.harness import BAD, GOOD, Running, make_station, part, running
from tests.station.harness import drop as drop_frame

LEVELS = {"good-1-a": GOOD, "bad-1-a": BAD, "two-1-a": BAD, "two-1-b": BAD, "odd-1-a": GOOD}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StationPaths, Running]]:
    """A running station that has inspected good-1, bad-1 and twice, twice."""
    paths = make_station(
        tmp_path_factory.mktemp("labelled"),
        incoming={"part_id_pattern": r"(?P<part>[a-z]+-\d)-.*"},
        storage={"publish_every_s": 0.3},
    )
    with running(paths) as at_work:
        for name, level in LEVELS.items():
            drop_frame(paths, f"{name}.png", part(level, seed=len(name) + ord(name[-1])))
        at_work.wait_until_inspected(5)
        at_work.wait_for(lambda: asked(paths, "FROM inspections_raw"), "published")
        yield paths, at_work


def asked(paths: StationPaths, sql: str) -> list[dict[str, Any]]:
    """The answer of QA's own database, as any client has it."""

    def ask() -> list[dict[str, Any]]:
        with duckdb.connect(str(paths.qa), read_only=True) as qa:
            found = qa.execute(sql)
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    if not paths.qa.exists():
        return []
    return retried(ask, lambda: paths.published.glob("*/*/*.parquet"))


def test_a_label_is_in_the_views_within_ten_seconds(
    station: tuple[StationPaths, Running],
) -> None:
    paths, at_work = station
    mask = cv2.imencode(".png", np.eye(96, dtype=np.uint8))[1].tobytes()
    regions = (Box(10, 12.5, 30, 20), Polygon(((1, 2), (3, 4), (5, 0))), MaskImage(mask))
    request = LabelRequest(
        "good-1",
        Said.DEFECT,
        "anna",
        PersonRole.QUALITY,
        LabelSource.AUDIT,
        defect_class="scratch",
        why="claim 881",
        regions=regions,
        took_s=4.5,
    )
    written = write(paths, request)
    (row,) = at_work.wait_for(lambda: asked(paths, "FROM escapes"), "in the views", timeout_s=10)
    assert (row["part_id"], row["labelled_by"], row["label_why"]) == ("good-1", "anna", "claim 881")
    (label,) = asked(paths, "FROM labels WHERE part_id = 'good-1'")
    assert (label["role"], label["source"], label["took_s"]) == ("quality", "audit", 4.5)
    *shapes, kept = json.loads(label["regions"])
    assert shapes == [{"box": [10, 12.5, 30, 20]}, {"polygon": [[1, 2], [3, 4], [5, 0]]}]
    assert drop.mask_path(paths, Mask(kept["mask"]).sha256).read_bytes() == mask
    assert not written.record.exists(), "retired"
    assert "mask_changed" not in {each.kind for each in verify(paths).findings}
    drop.mask_path(paths, Mask(kept["mask"]).sha256).write_bytes(mask + b" ")
    assert "mask_changed" in {each.kind for each in verify(paths).findings}


def test_a_dispute_marks_the_part_and_changes_no_verdict(
    station: tuple[StationPaths, Running],
) -> None:
    paths, at_work = station
    what = "SELECT verdict, disposition, raw_path FROM inspections_raw WHERE part_id = 'bad-1'"
    before = asked(paths, what)
    dispute(paths, "bad-1", "ben", "it is only oil")
    at_work.wait_for(
        lambda: asked(paths, "FROM inspections WHERE part_id = 'bad-1' AND disputed"), "disputed"
    )
    assert asked(paths, what) == before
    (queued,) = asked(paths, "FROM review_queue WHERE part_id = 'bad-1'")
    assert queued["why"] == "disputed"
    write(paths, LabelRequest("bad-1", Said.GOOD, "anna"))
    at_work.wait_for(lambda: asked(paths, "FROM overkill WHERE NOT disputed"), "settled")


def test_what_cannot_be_meant_is_refused_in_words(station: tuple[StationPaths, Running]) -> None:
    paths, _ = station
    with pytest.raises(UsageError, match=r"inspected 2 times:\n  2\d{7}T"):
        write(paths, LabelRequest("two-1", Said.GOOD, "anna"))
    with pytest.raises(UsageError, match="no inspection of a part or frame 'god-1'") as refused:
        write(paths, LabelRequest("god-1", Said.GOOD, "anna"))
    assert "good-1" in refused.value.hint
    with pytest.raises(UsageError, match="leaves the frame of 96 x 96 pixels"):
        write(paths, LabelRequest("bad-1", Said.DEFECT, "anna", regions=(Box(90, 90, 7, 1),)))
    with pytest.raises(UsageError, match="does not fit"):
        write(paths, LabelRequest("bad-1", Said.DEFECT, "anna", regions=(MaskImage(b"\x89PNG"),)))
    with pytest.raises(UsageError, match="no class and no region"):
        write(paths, LabelRequest("bad-1", Said.GOOD, "anna", defect_class="pit"))
    with pytest.raises(RecordError, match="picture that was shown"):
        write(paths, LabelRequest("bad-1", Said.GOOD, "anna", seen_sha256="a" * 64))
    manifest = paths.models / "corner/1/bundle.toml"
    before = manifest.read_text()
    manifest.write_text(before.replace("tolerance = 0.01", 'tolerance = 0.01\nclasses = ["pit"]'))
    try:
        with pytest.raises(UsageError, match="corner@1 knows no class 'rust': it has pit"):
            write(paths, LabelRequest("bad-1", Said.DEFECT, "anna", defect_class="rust"))
    finally:
        manifest.write_text(before)


def test_a_frame_whose_picture_was_changed_gets_no_label(
    station: tuple[StationPaths, Running],
) -> None:
    paths, _ = station
    (row,) = asked(paths, "SELECT raw_path FROM inspections_raw WHERE part_id = 'odd-1'")
    picture = paths.state / row["raw_path"]
    picture.write_bytes(cv2.imencode(".png", part(BAD, seed=5))[1].tobytes())
    with pytest.raises(RecordError, match="is not the one that was judged"):
        write(paths, LabelRequest("odd-1", Said.GOOD, "anna"))


def forged(paths: StationPaths, **changes: Any) -> bytes:
    """A record of a sound label, with something in it changed by hand."""
    written = write(paths, LabelRequest("bad-1", Said.GOOD, "eve"))
    content = json.loads(written.record.read_bytes())
    written.record.unlink()
    content["labels"][0] |= changes
    return json.dumps(content).encode()


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """A station at rest that has inspected bad-1."""
    paths = make_station(
        tmp_path_factory.mktemp("rest"), incoming={"part_id_pattern": r"(?P<part>[a-z]+-\d)-.*"}
    )
    with running(paths) as at_work:
        drop_frame(paths, "bad-1-a.png", part(BAD))
        at_work.wait_until_inspected(1)
    return paths


@pytest.fixture
def taking(at_rest: StationPaths) -> Iterator[Taking]:
    made = Taking(at_rest)
    yield made
    made.ledger.close()


def test_a_crash_at_any_step_makes_one_row(
    at_rest: StationPaths, taking: Taking, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking.ledger.close()  # at rest, the command reads the database itself
    written = write(at_rest, LabelRequest("bad-1", Said.GOOD, "anna"))
    for step in ("append", "apply"):
        dying = Taking(at_rest)

        def die(*_: Any) -> None:
            raise KeyboardInterrupt

        if step == "append":
            monkeypatch.setattr(dying.ledger, "append", die)
        else:
            monkeypatch.setattr(drop, "retire", die)
        with pytest.raises(KeyboardInterrupt):
            dying.taker.look()
        monkeypatch.undo()
        dying.ledger.close()
        assert written.record.exists()
    again = Taking(at_rest)
    again.taker.look()
    mine = [row for row in again.labels() if row[0] == written.label.label_key]
    again.ledger.close()
    assert mine == [(written.label.label_key, "anna")]
    assert not written.record.exists()


def test_what_is_no_sound_record_is_set_aside_with_an_event(
    at_rest: StationPaths, taking: Taking
) -> None:
    taking.ledger.close()
    bad = {
        "forged": forged(at_rest, who="somebody else"),
        "torn": forged(at_rest)[:200],
        "large": b" " * (2 << 20),
        "foreign": b'{"labels": 1}',
        "deep": b"[" * 100_000,
    }
    made = Taking(at_rest)
    before = made.labels()
    for name, data in bad.items():
        (at_rest.labels / f"{name}.json").write_bytes(data)
    (at_rest.labels / "link.json").symlink_to("/etc/passwd")
    os.mkfifo(at_rest.labels / "pipe.json")
    (at_rest.labels / "folder.json").mkdir()
    (at_rest.labels / ".half.json.tmp").write_bytes(b"{")
    made.taker.look()
    made.taker.look()
    told = [each.detail for each in made.events.occurrences]
    after = made.labels()
    made.ledger.close()
    assert after == before
    assert len(told) == len(bad) + 3, "once each"
    assert "it has been changed" in next(words for words in told if "forged" in words)
    assert [path.name for path in at_rest.labels.iterdir()] == [".half.json.tmp"]
    assert (at_rest.set_aside / "labels-forged.json").read_bytes() == bad["forged"]


LABEL = SaidLabel(
    "0" * 32,
    FrameId("20261128T000000000000Z-incoming"),
    "p",
    Said.GOOD,
    None,
    "anna",
    PersonRole.REVIEWER,
    LabelSource.REVIEW,
    datetime(2026, 11, 28, 14, tzinfo=timezone(timedelta(hours=2))),
    None,
    None,
    None,
    None,
    blind=False,
)


def test_a_label_was_said_in_a_year_that_the_log_can_hold() -> None:
    (read,) = decode(encode("one", [LABEL]), "one")
    assert (read.said_at.hour, read.said_at.tzinfo) == (12, timezone.utc)
    ends = [datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))]
    ends += [datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))]
    ends += [datetime(year, 6, 1, tzinfo=timezone.utc) for year in (1999, 2201)]
    for moment in ends:
        with pytest.raises(RecordError, match="said_at"):
            decode(encode("one", [replace(LABEL, said_at=moment)]), "one")


def test_a_label_of_a_frame_that_never_comes_is_refused_after_a_minute(
    at_rest: StationPaths, taking: Taking, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = at_rest.labels / "early.json"
    record.write_bytes(encode(at_rest.name, [LABEL]))
    clock = [1000.0]
    monkeypatch.setattr(taking_up, "time", SimpleNamespace(monotonic=lambda: clock[-1]))
    for moment in (1000.0, 1030.0, 1059.0):
        clock.append(moment)
        taking.taker.look()
        assert record.exists()
    clock.append(1061.0)
    taking.taker.look()
    assert not record.exists()
    (told,) = taking.events.occurrences
    assert f"there is no frame {LABEL.frame_id}" in told.detail


def test_a_label_of_a_station_at_rest_waits_for_its_start(at_rest: StationPaths) -> None:
    written = write(at_rest, LabelRequest("bad-1", Said.UNSURE, "carla"))
    assert [label.who for label in drop.waiting_labels(at_rest)] == ["carla"]
    with running(at_rest) as at_work:
        at_work.wait_for(lambda: not written.record.exists(), "taken up")
    made = Taking(at_rest)
    assert (written.label.label_key, "carla") in made.labels()
    made.ledger.close()


def test_members_of_the_group_may_write_labels(at_rest: StationPaths) -> None:
    for directory in at_rest.shared_directories():
        assert directory.stat().st_mode & 0o777 == 0o770, directory
    assert Path(write(at_rest, LabelRequest("bad-1", Said.GOOD, "a")).record).stat().st_mode & 0o044
