"""Pictures go by rule, each with its row first; what a rule keeps stays, whatever happens."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from qc_edge.audit import evidence
from qc_edge.audit.finding import AuditReport
from qc_edge.audit.verify import verify
from qc_edge.domain.evidence.classes import EvidenceClass
from qc_edge.domain.history import Selection
from qc_edge.domain.label import Said
from qc_edge.errors import StoreError, UsageError
from qc_edge.labels import LabelRequest, dispute, write
from qc_edge.labels.holds import HoldRequest, hold, of_parts
from qc_edge.query.database_at_rest import DatabaseAtRest
from qc_edge.query.evidence import candidates
from qc_edge.query.kept.deletion_rows import frames_without
from qc_edge.query.past.history import History
from qc_edge.query.rows import Rows
from qc_edge.records.receipts import Receipt, keep_receipt
from qc_edge.retention import at_rest, deleting, judged
from qc_edge.retention.candidates import RetentionRules
from qc_edge.retention.cleaner import Cleaner, asking_file
from qc_edge.retention.judged import Relations
from qc_edge.service.clock import utc_now
from qc_edge.settings import Settings, StationPaths, load_settings
from qc_edge.station import housekeeping
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from qc_edge.upstream.pictures import picture_claims
from tests import forked
from tests.cli.runner import invoke
from tests.retention.deleter import LATER, delete
from tests.station.harness import (
    BAD,
    GOOD,
    NAME,
    NEAR,
    child_environment,
    configure,
    drop,
    encoded,
    make_station,
    part,
    running,
)
from tests.station.twins import Cues, Fault, FaultyDisk

GOES = ("good-1", "good-2", "good-3", "bad-2", "dull-1")
STAYS = ("good-4", "good-5", "bad-1", "near-1")
RULES = {
    "enabled": True,
    "pass_days": 10.0,
    "pass_every": 0,
    "fail_days": 15.0,
    "invalid_days": 5.0,
    "reviewed_days": 1.0,
}
LEVELS = {"good": GOOD, "bad": BAD, "near": NEAR}


@pytest.fixture(scope="module")
def inspected(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """A station at rest: good-4 is held, good-5 disputed, bad-2 labelled, near-1 within the band;
    bad-1 nobody has looked at.
    """
    paths = make_station(
        tmp_path_factory.mktemp("old"),
        incoming={"part_id_pattern": r"(?P<part>[a-z]+-\d).*"},
        review={"audit_share": 0.0},
        retention=RULES,
    )
    with running(paths) as at_work:
        for number, name in enumerate((*GOES, *STAYS)):
            kind = name.partition("-")[0]
            picture = part(LEVELS.get(kind, GOOD), seed=number)
            flat = encoded(picture // 200 + 100, ".png")
            drop(paths, f"{name}.png", flat if kind == "dull" else picture)
        at_work.wait_until_inspected(len(GOES) + len(STAYS))
    hold(paths, HoldRequest(of_parts(["good-4"]), "anna", "claim 881"))
    dispute(paths, "good-5", "ben", "burr")
    write(paths, LabelRequest("bad-2", Said.DEFECT, "anna"))
    with running(paths) as at_work:
        at_work.wait_for(lambda: not [*paths.holds.iterdir(), *paths.labels.iterdir()], "taken up")
    return paths


@pytest.fixture
def paths(inspected: StationPaths, tmp_path: Path) -> StationPaths:
    """A copy of it."""
    shutil.copytree(inspected.root, tmp_path / "root", symlinks=True)
    return StationPaths(tmp_path / "root", NAME)


@pytest.fixture(autouse=True)
def _no_inputs_needed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(judged, "NEWEST_INPUTS", 1)
    yield


def rows(paths: StationPaths, query: str) -> list[tuple[Any, ...]]:
    database = DatabaseAtRest(paths.database)
    with database.held():
        return database.fetch(query.replace("FROM ", "FROM log."))


def pictures(paths: StationPaths) -> dict[str, set[str]]:
    """Part -> which of its pictures are there, of those that its row names."""
    found = rows(paths, "SELECT part_id, raw_path, prepared_path, map_path FROM inspections")
    return {
        part_id: {
            kind
            for kind, path in zip(("raw", "prepared", "map"), named, strict=True)
            if path and candidates(paths.state, path)
        }
        for part_id, *named in found
    }


def faults(paths: StationPaths) -> set[str]:
    return {each.kind for each in verify(paths).findings if each.severity != "note"}


def test_what_the_rules_let_go_goes_with_a_row_and_the_rest_stays(paths: StationPaths) -> None:
    before, sound = pictures(paths), faults(paths)
    deleted = delete(paths, Disk())
    after = pictures(paths)
    assert {name for name in GOES if after[name] <= {"prepared"}} == set(GOES)
    assert {name: after[name] for name in STAYS} == {name: before[name] for name in STAYS}
    told = {
        part_id: (kind, rule, size, raw)
        for part_id, kind, rule, size, raw in rows(
            paths, "SELECT part_id, retention_class, rule, bytes, raw_sha256 FROM deletions"
        )
    }
    assert set(told) == set(GOES)
    assert told["bad-2"][:2] == ("fail", "fail: 15 days"), "the class that keeps it longest"
    assert told["good-1"][:2] == ("pass", "pass: 10 days")
    assert sum(size for *_, size, _ in told.values()) == deleted.size_bytes > 0
    assert all(raw for *_, raw in told.values())
    assert deleted.is_over
    assert faults(paths) == sound, "a picture that was deleted by rule is not missing"
    assert delete(paths, Disk()).inspections == 0, "once"
    shown = json.loads(invoke("part", NAME, "good-1", "--root", paths.root, "--json").stdout)
    (case,) = shown["inspections"]
    assert case["evidence"]["frame"]["match"] == "deleted"
    assert shown["holds"] is True
    gone = (
        paths.state / rows(paths, "SELECT raw_path FROM inspections WHERE part_id = 'bad-1'")[0][0]
    )
    gone.unlink()
    assert "raw_missing" in faults(paths), "one that no rule has deleted is"


def test_what_goes_while_it_is_verified_is_not_missing(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((seen,),) = rows(paths, "SELECT raw_path FROM inspections WHERE part_id = 'bad-1'")
    delete(paths, Disk())
    monkeypatch.setattr(evidence, "deleted_pictures", lambda *_: {})  # as it was published before
    check = evidence.EvidenceCheck(paths.state, paths.calibration, 1, 1.0, paths.journal)
    (paths.state / seen).unlink()
    report, log = AuditReport(), Rows(DatabaseAtRest(paths.database))
    with report.step("evidence", "images") as step:
        check.check(report, step, log, 1, 1000)
    assert [(each.kind, "bad-1" in each.where) for each in report.findings] == [
        ("raw_missing", True)
    ]


def test_of_many_a_share_is_kept_that_every_run_chooses_alike(paths: StationPaths) -> None:
    rules = RULES | {"pass_every": 3}
    configure(paths, retention=rules, review={"audit_share": 0.0})
    delete(paths, Disk())
    digests = dict(
        rows(paths, "SELECT part_id, raw_sha256 FROM inspections WHERE part_id LIKE 'good-%'")
    )
    kept = {name for name in ("good-1", "good-2", "good-3") if int(digests[name][:12], 16) % 3 == 0}
    after = pictures(paths)
    assert {name for name in ("good-1", "good-2", "good-3") if "raw" in after[name]} == kept


def test_for_want_of_room_it_goes_before_its_days_but_for_what_never_goes(
    paths: StationPaths,
) -> None:
    rules = RULES | {
        "pass_days": 90.0,
        "fail_days": None,
        "target_free_mb": 1.0,
        "least_days": 19.0,
    }
    given = {name: value for name, value in rules.items() if value is not None}
    configure(paths, retention=given, review={"audit_share": 0.0})
    assert delete(paths, Disk()).inspections == 1, "dull-1, whose days are over"
    assert delete(paths, Disk(), pressed=True).inspections == 3
    after = pictures(paths)
    assert {name for name in after if "raw" not in after[name]} == set(GOES) - {"bad-2"}
    told = rows(paths, "SELECT DISTINCT rule FROM deletions WHERE retention_class = 'pass'")
    assert told == [("pass: 90 days; early, for want of room",)]
    configure(paths, retention=given | {"least_days": 21.0, "fail_days": 90.0})
    assert delete(paths, Disk(), pressed=True).inspections == 0, "too young"


def test_inputs_that_models_are_compared_by_stay(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judged, "NEWEST_INPUTS", 5_000)
    delete(paths, Disk())
    after = pictures(paths)
    assert {name for name in GOES if after[name] == {"prepared"}} == set(GOES) - {"dull-1"}


def test_nothing_goes_that_is_not_upstream_yet(paths: StationPaths) -> None:
    url = "s3://bucket/plant"
    upstream = {"url": url, "evidence": ["raw"]}
    configure(paths, retention=RULES, upstream=upstream, review={"audit_share": 0.0})
    assert delete(paths, Disk()).inspections == 0
    ((day,),) = rows(paths, "SELECT DISTINCT recorded_at::DATE FROM inspections")
    for classes, gone in (((), 0), (("raw",), len(GOES))):
        receipt = Receipt(NAME, NAME, day, url, "a" * 64, 9, 1, 1, {}, 0, utc_now(), "x", classes)
        paths.upstream.mkdir(exist_ok=True)
        keep_receipt(paths.upstream, day, receipt.to_json())
        assert delete(paths, Disk()).inspections == gone, classes


def test_whoever_reads_the_past_knows_it_from_a_loss(paths: StationPaths) -> None:
    delete(paths, Disk())
    database = DatabaseAtRest(paths.database)
    with database.held():
        claims = list(picture_claims(Rows(database), tuple(EvidenceClass), 1, 2**62))
        stored = [each for some in History(database, Selection()).stored() for each in some]
        without = frames_without(database, EvidenceClass.RAW)
    parts = {
        claim.path.rpartition("/")[2].partition("_")[0] for claim in claims if claim.kind == "raw"
    }
    assert parts == set(STAYS), "neither sent nor restored"
    assert {each.part_id for each in stored if not each.prepared_path} == set(GOES) - {"dull-1"}
    assert len(without) == len(GOES)


def test_a_running_station_deletes_while_nothing_waits(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_IDLE_S", 0.2)
    configure(paths, retention=RULES | {"enabled": False}, review={"audit_share": 0.0})
    with pytest.raises(UsageError, match="retention is off"):
        raise invoke("retention", "run", NAME, "--root", paths.root).exception or AssertionError
    configure(paths, retention=RULES, review={"audit_share": 0.0})
    monkeypatch.setattr(deleting, "RetentionRules", rules_later)
    with running(paths) as at_work:
        reporter = at_work.station._reporter
        assert reporter is not None
        cleaner = at_work.wait_for(lambda: reporter.cleaner, "made")
        at_work.wait_for(lambda: cleaner.total.inspections == len(GOES), "deleted")
        asked = json.loads(invoke("retention", "run", NAME, "--root", paths.root, "--json").stdout)
        assert asked == {"asked": True}
        at_work.wait_for(lambda: not asking_file(paths).exists(), "taken up")
    assert {name for name, kinds in pictures(paths).items() if "raw" not in kinds} == set(GOES)
    answer = json.loads(invoke("retention", "run", NAME, "--root", paths.root, "--json").stdout)
    assert answer == {"asked": False, "inspections": 0, "files": 0, "bytes": 0}


def test_the_plan_says_the_same_and_deletes_nothing(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pictures(paths)
    monkeypatch.setattr("qc_edge.retention.plan.utc_now", later)
    ran = invoke("retention", "plan", NAME, "--root", paths.root, "--json")
    plan = json.loads(ran.stdout)
    counted = {(line["retention_class"], line["state"]): line for line in plan["lines"]}
    assert {each: line["inspections"] for each, line in counted.items()} == {
        ("pass", "due"): 3,
        ("fail", "due"): 1,
        ("invalid", "due"): 1,
        ("pass", "held"): 1,
        ("pass", "disputed"): 1,
        ("fail", "unreviewed_fail"): 1,
        ("near_threshold", "for_ever"): 1,
    }
    assert pictures(paths) == before
    assert "goes now" in invoke("retention", "plan", NAME, "--root", paths.root).stdout
    deleted = delete(paths, Disk())
    sizes = (line["size_bytes"] for line in counted.values() if line["state"] == "due")
    assert sum(sizes) == pytest.approx(deleted.size_bytes, abs=3)


def later() -> datetime:
    """Twenty days from now."""
    return utc_now() + LATER


def rules_later(
    paths: StationPaths, settings: Settings, now: datetime, tables: Relations
) -> RetentionRules:
    """The rules, as if it were twenty days later."""
    return RetentionRules(paths, settings, now + LATER, tables)


def test_a_clock_that_leaps_ahead_makes_nothing_old(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead_us = (utc_now() + timedelta(days=3650)).timestamp() * 1e6
    monkeypatch.setattr(at_rest, "is_synchronised", lambda: False)
    monkeypatch.setattr(at_rest, "_wall_us", lambda: int(ahead_us))
    assert at_rest.run_at_rest(paths, load_settings(paths.settings)).inspections == 0
    monkeypatch.setattr(at_rest, "is_synchronised", lambda: True)
    assert at_rest.run_at_rest(paths, load_settings(paths.settings)).inspections == len(GOES)


def test_what_was_judged_under_a_clock_years_back_is_not_old(paths: StationPaths) -> None:
    log = duckdb.connect()
    log.execute(f"ATTACH '{paths.database}' AS log (READ_ONLY)")
    log.execute(
        "CREATE TABLE inspections AS SELECT * REPLACE (TIMESTAMP '2000-01-01 00:10:00' AS "
        "recorded_at) FROM log.inspections"
    )
    log.execute("USE log")
    tables = Relations("memory.inspections", "log.labels", "log.holds", "log.deletions")

    def due(now: datetime) -> int:
        rules = RetentionRules(paths, load_settings(paths.settings), now, tables)
        ask = lambda query, given: log.execute(query, dict(given)).fetchall()  # noqa: E731
        return sum(len(rules.due(ask, day, 100, pressed=True)) for day in rules.all_days())

    assert due(utc_now()) == 0
    assert due(later()) == len(GOES)


def test_a_file_that_does_not_go_is_tried_again_before_others(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "_BATCH", 1)
    disk = FaultyDisk(Cues([Fault("unlink before in evidence", 1, "EIO")]))
    settings = load_settings(paths.settings)
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, disk)
    cleaner = Cleaner(paths, ledger, disk, lambda: settings, later)
    with pytest.raises(StoreError):
        cleaner.clean(lambda: True)
    asking_file(paths).parent.mkdir(parents=True, exist_ok=True)
    asking_file(paths).touch()
    cleaner.clean(lambda: True)
    ledger.close()
    assert {name for name, kinds in pictures(paths).items() if "raw" not in kinds} == set(GOES)


STEPS = [
    ("append before in deletions", 2),
    ("append half in deletions", 2),
    ("append after in deletions", 1),
    ("unlink after in evidence", 2),
    ("unlink after in evidence", 5),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: "-".join(map(str, step)).replace(" ", "-"))
def test_killed_at_any_step_it_goes_on_and_nothing_else_is_lost(
    paths: StationPaths, step: tuple[str, int]
) -> None:
    before = pictures(paths)
    arguments = [str(paths.root), step[0], str(step[1])]
    with (paths.root / "stderr").open("wb") as said:
        child = forked.start("tests.retention.deleter", arguments, child_environment(), stderr=said)
        died = child.wait(30)
    assert died == -9, (paths.root / "stderr").read_text()
    gone = {name for name, kinds in pictures(paths).items() if kinds != before[name]}
    # What stands in the journal is durable; the database follows.
    text = "".join(path.read_text() for path in paths.journal.glob("*.jsonl"))
    told = set(re.findall(r'"table":"deletions".*?"part_id":"([^"]+)".*\n', text))
    assert gone <= told, "no picture goes without its row"
    delete(paths, Disk())
    after = pictures(paths)
    assert {name for name in before if "raw" not in after[name]} == set(GOES)
    assert rows(paths, "SELECT count(*), count(DISTINCT deletion_id) FROM deletions") == [(5, 5)]
    assert not {"id_twice", "raw_missing", "prepared_missing"} & faults(paths)
