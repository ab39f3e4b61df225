"""The rows read back as the text that their hashes were taken over, whatever stands in them."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from itertools import cycle, product
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qc_edge.audit.finding import AuditReport, NoProgress, Severity
from qc_edge.audit.frame_ids import FrameIds
from qc_edge.audit.orphans import check_orphans
from qc_edge.audit.verify import verify
from qc_edge.domain.events import Event
from qc_edge.domain.frame import FrameId, frame_id
from qc_edge.domain.inspection import COLUMNS
from qc_edge.domain.verdict import HoldReason, Reason, Threshold, decide, invalid
from qc_edge.query.audit_queries import WRONG_VERDICTS
from qc_edge.query.database_at_rest import DatabaseAtRest, DatabaseBusyError
from qc_edge.query.examined_log import examine_published
from qc_edge.query.published_files import union
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.rows import Rows, canonical_sql, normal
from qc_edge.query.typed_rows import read_inspections
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log import chain
from qc_edge.store.log.ledger import Ledger
from tests.audit.rows import publish
from tests.station.harness import NAME, drop, part, running

OLDEST, NEWEST = datetime(1971, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - UTC, as the database has it


def journal(paths: StationPaths) -> dict[int, tuple[str, str]]:
    """Number -> hash and text, as the journal has them."""
    lines = [
        line for path in sorted(paths.journal.glob("*")) for line in path.read_text().splitlines()
    ]
    return {
        int(seq): (sha256, text) for seq, sha256, text in (line.split("\t", 2) for line in lines)
    }


def told(place: Rows) -> dict[int, tuple[str, str]]:
    with place.held():
        return {each.seq: (each.sha256, normal(each.text)) for each in place.read(1, place.last())}


def test_the_database_tells_every_row_as_the_journal(paths: StationPaths) -> None:
    rows = told(Rows(DatabaseAtRest(paths.database)))
    assert rows == journal(paths)
    tables = {text.split('"')[3] for _, text in rows.values()}
    without = {"parts", "told", "holds", "deletions"}
    without |= {"challenge_parts", "challenge_results", "challenges"}
    assert tables == set(COLUMNS) - without, "no several views, no output, nothing held or deleted"


def test_the_published_files_tell_every_row_as_the_journal(paths: StationPaths) -> None:
    assert told(examine_published(paths.published).rows) == journal(paths)


def test_every_row_follows_from_the_one_before(paths: StationPaths) -> None:
    previous = chain.GENESIS
    for seq, (sha256, text) in sorted(told(Rows(DatabaseAtRest(paths.database))).items()):
        assert chain.chain_hash(previous, seq, text) == sha256
        previous = sha256


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
            st.floats(allow_nan=False, allow_infinity=False),
            st.integers(-(2**63), 2**63 - 1),
            st.booleans(),
            st.datetimes(min_value=OLDEST, max_value=NEWEST),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_any_value_of_any_type_comes_back(values: list[tuple[object, ...]]) -> None:
    """text, DOUBLE, BIGINT, BOOLEAN, TIMESTAMP in columns of these types."""
    columns = {
        "detail": "VARCHAR",
        "score": "DOUBLE",
        "monotonic_ns": "BIGINT",
        "clock_trusted": "BOOLEAN",
        "captured_at": "TIMESTAMP",
    }
    with duckdb.connect() as log:
        log.execute(
            f"CREATE TABLE told ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
        )
        log.executemany("INSERT INTO told VALUES (?, ?, ?, ?, ?)", values)
        found = log.execute(f"SELECT {canonical_sql('inspections', columns)} FROM told").fetchall()
    for row, (text,) in zip(values, found, strict=True):
        named = dict(zip(columns, row, strict=True))
        whole = tuple(named.get(name) for name in COLUMNS["inspections"])
        expected = chain.canonical("inspections", _aware(whole))
        assert normal(text) == expected


def _aware(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(
        each.replace(tzinfo=timezone.utc) if isinstance(each, datetime) else each for each in row
    )


def test_a_whole_number_where_the_column_has_fractions_is_no_finding(paths: StationPaths) -> None:
    """The journal keeps 5 apart from 5.0, the database does not."""
    (row,) = [row for row in read_inspections(paths.database) if row.original_name is None]
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    identity = FrameId(row.frame_id.replace("Z-top", "Z-side"))
    late = replace(row, frame_id=identity, recorded_at=utc_now(), raw_path=None)
    ledger.commit([replace(late, exposure_us=5, reason=Reason.VANISHED)], utc_now())
    ledger.close()
    assert '"exposure_us":5,' in max(paths.journal.glob("*")).read_text()
    assert verify(paths).is_clean


def test_a_running_station_is_held_against_what_it_publishes(paths: StationPaths) -> None:
    with running(paths) as station:
        drop(paths, "late.png", part(seed=77))
        station.wait_until_inspected(1)
        report = verify(paths)
        assert report.is_clean, report.findings
        assert "running" in {each.kind for each in report.findings}
        with pytest.raises(DatabaseBusyError), Rows(DatabaseAtRest(paths.database)).held():
            pass


def test_rows_that_were_never_published_are_a_note_at_rest(paths: StationPaths) -> None:
    ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
    now = utc_now()
    row = Event(
        frame_id(round(now.timestamp() * 1e6), "station"),
        now,
        NAME,
        "stopped",
        "station",
        "told to stop",
        None,
        None,
    )
    ledger.commit([row, replace(row, event_id=FrameId(row.event_id + "b"))], now)
    ledger.close()
    report = verify(paths)
    assert report.is_clean
    assert [each.kind for each in report.findings if each.severity is Severity.NOTE] == [
        "not_published"
    ]
    publish(paths)
    assert not verify(paths).findings


def test_since_leaves_out_what_is_older(paths: StationPaths) -> None:
    whole = {step.name: step.count for step in verify(paths).steps}
    recent = verify(paths, since=utc_now())
    assert recent.is_clean, recent.findings
    assert {step.name: step.count for step in recent.steps}["chain"] <= whole["chain"]


@pytest.mark.parametrize(("hour", "orphans"), [(12, ["quarantine_orphan"]), (13, [])])
def test_what_was_quarantined_before_the_hour_of_since_is_left_out(
    tmp_path: Path, hour: int, orphans: list[str]
) -> None:
    """Its row is of that hour too, and was not read."""
    paths = StationPaths(tmp_path, NAME)
    day = paths.quarantine / "2026-11-28"
    day.mkdir(parents=True)
    (day / "20261128T125959000000Z-incoming~torn.png").write_bytes(b"torn")
    report = AuditReport(NoProgress())
    with report.step("orphans", "files") as step:
        since = datetime(2026, 11, 28, hour, 30)  # noqa: DTZ001 - UTC, as the database has it
        check_orphans(report, step, paths, FrameIds(array("q")), (), since, running=False)
    assert [each.kind for each in report.findings] == orphans


def test_a_sample_looks_at_fewer_pictures(paths: StationPaths) -> None:
    counts = {
        share: next(s.count for s in verify(paths, share=share).steps if s.name == "evidence")
        for share in (0, 1)
    }
    assert counts[0] == 0 < counts[1]


def test_progress_is_reported(paths: StationPaths) -> None:
    seen: list[tuple[str, int, int]] = []

    class Recorder:
        def update(self, step: str, done: int, total: int) -> None:
            seen.append((step, done, total))

    verify(paths, progress=Recorder())
    assert {name for name, _, _ in seen} == {
        "files",
        "seals",
        "chain",
        "records",
        "verdicts",
        "evidence",
        "orphans",
    }
    assert all(done <= total for name, done, total in seen if name in {"chain", "evidence"})


def test_a_station_that_never_ran_is_said_so(tmp_path: Path) -> None:
    report = verify(StationPaths(tmp_path, NAME))
    assert "database_unreadable" in {each.kind for each in report.findings}


def test_a_verdict_is_judged_again_as_the_station_judges() -> None:
    """The question in SQL and `decide` agree on every combination; a row that differs is named."""
    scores = (None, 0.0, 0.39, 0.4, 0.45, 0.5, 0.55, 0.6, 0.61, 1.0)
    rows: list[tuple[object, ...]] = []
    for score, hold in product(scores, (None, *HoldReason)):
        decision = invalid(Reason.LOW_FOCUS, "")
        if score is not None:
            decision = decide(score, Threshold(0.5, 0.1, "t"), [hold] if hold else ())
        told = (str(decision.verdict), str(decision.disposition), decision.needs_review)
        rows.append(
            (len(rows), score, 0.5, 0.1, *told, decision.hold_reason and str(decision.hold_reason))
        )
    wrong = [
        (len(rows), 0.7, 0.5, 0.1, "PASS", "ACCEPT", False, None),
        (len(rows) + 1, 0.2, 0.5, 0.1, "PASS", "REJECT", False, None),
    ]
    with duckdb.connect() as log:
        log.execute(
            "CREATE TABLE told (chain_seq INT, score DOUBLE, threshold DOUBLE, review_band DOUBLE, "
            "verdict VARCHAR, disposition VARCHAR, needs_review BOOLEAN, hold_reason VARCHAR, "
            "frame_id VARCHAR, part_id VARCHAR)"
        )
        log.executemany(
            "INSERT INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'f', 'p')", [*rows, *wrong]
        )
        found = log.execute(WRONG_VERDICTS.replace("{rows}", "told")).fetchall()
    assert [seq for seq, *_ in found] == [seq for seq, *_ in wrong]


@contextmanager
def replaced_all_the_time(file: Path) -> Iterator[None]:
    """The file is written anew and renamed into its place, larger and smaller in turn."""
    stop = threading.Event()

    def replace_it() -> None:
        with duckdb.connect(config={"threads": 1}) as log:
            for rows in cycle(range(1000, 20_000, 777)):
                new = file.with_suffix(".new")
                log.execute(f"COPY ({made(rows)}) TO '{new}' (FORMAT parquet)")
                new.replace(file)
                if stop.wait(0.02):  # far more often than a station, but not within each question
                    return

    with ThreadPoolExecutor(1) as pool:
        replacing = pool.submit(replace_it)
        try:
            yield
        finally:
            stop.set()
        replacing.result()


def made(rows: int) -> str:
    return (
        "SELECT i AS number, md5(i::VARCHAR) AS text, sha256(i::VARCHAR) AS other FROM "
        f"range({rows}) t(i)"
    )


def test_files_are_read_while_the_newest_is_replaced(tmp_path: Path) -> None:
    files = [tmp_path / f"table/date=2026-11-22/hour={number:02}.parquet" for number in range(40)]
    files[0].parent.mkdir(parents=True)
    with duckdb.connect() as log:
        for file in files:
            log.execute(f"COPY ({made(20_000)}) TO '{file}' (FORMAT parquet)")
    with replaced_all_the_time(files[-1]), PublishedLog(tmp_path) as log:
        for _ in range(10):
            cursor = log.cursor()
            source = union((file, cursor.read_columns(file)) for file in files)
            ((rows, texts, _),) = cursor.fetch(
                f"SELECT count(*), count(DISTINCT text), max(other) FROM {source}"
            )
            assert rows >= 39 * 20_000 and texts == 20_000
