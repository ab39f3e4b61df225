"""Asking the published log: what counts as a question, what is refused, and what is said of a wrong
one.
"""

from __future__ import annotations

import sys
import zoneinfo
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from qc_edge.errors import QcEdgeError, StoreError, UsageError
from qc_edge.query.sql_session import SqlSession
from tests.publish.rows import NOON, event, inspection, log


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlSession]:
    """Three inspections and an event."""
    state = tmp_path_factory.mktemp("state")
    with log(state) as made:
        made.add(*(inspection(NOON + timedelta(hours=n), n / 3) for n in range(3)), event(NOON))
        made.publisher.publish()
    with SqlSession(state / "published", tmp_path_factory.mktemp("spill")) as opened:
        yield opened


def refused(asking: SqlSession, sql: str) -> str:
    """What is said of it."""
    with pytest.raises(UsageError) as fault:
        for statement in asking.statements(sql):
            list(asking.execute(statement).portions)
    return str(fault.value)


@pytest.mark.parametrize(
    "statement",
    [
        "COPY events TO 'stolen.csv'",
        "ATTACH 'other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "CREATE TABLE mine AS FROM events",
        "DROP VIEW events",
        "USE memory",
        "BEGIN",
        "INSERT INTO events SELECT * FROM events",
        "PRAGMA enable_profiling",
        "CALL pragma_version()",
        "EXPLAIN ANALYZE COPY events TO 'stolen.csv'",
        "EXPLAIN ANALYZE /* hm */ COPY events TO 'stolen.csv'",
        "COPY (PIVOT events ON kind) TO 'stolen.parquet'",
        "SELECT 1; COPY events TO 'stolen.csv'",
        "EXPORT DATABASE 'all'",
        "VACUUM",
        "CHECKPOINT",
    ],
)
def test_what_is_no_question_is_refused(asking: SqlSession, statement: str) -> None:
    assert "changes and writes nothing" in refused(asking, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DESCRIBE events",
        "SUMMARIZE gaps",
        "SHOW TABLES",
        "EXPLAIN FROM events",
        "(SELECT 1)",
        "VALUES (1)",
        "EXPLAIN ANALYZE FROM events",
        "PIVOT events ON kind USING count(*) GROUP BY who",
        "SELECT ';' -- ;",
        "/* why */ FROM events;",
        "WITH a AS (FROM events) FROM a",
        "FROM threshold_replay(0.4)",
        "FROM \"between\"('2026-11-22', '2026-11-23')",
        "UNPIVOT events ON who, kind",
    ],
)
def test_what_is_a_question_is_answered(asking: SqlSession, statement: str) -> None:
    (found,) = asking.statements(statement)
    assert list(asking.execute(found).portions)


@pytest.mark.parametrize("file", ["/etc/passwd", "https://example.com/x.csv"])
def test_only_the_published_files_can_be_read(asking: SqlSession, file: str) -> None:
    assert "only this station's published log" in refused(asking, f"FROM read_csv('{file}')")


def test_a_wrong_name_is_pointed_at_and_a_right_one_proposed(asking: SqlSession) -> None:
    said = refused(asking, "FROM inspektions")
    assert 'Did you mean "inspections"?' in said
    assert "LINE 1: FROM inspektions" in said
    assert "hint: there are all_parts, challenge_parts, challenge_results, challenges" in said
    assert '"between"(a, b)' in said


def test_a_wrong_column_is_pointed_at(asking: SqlSession) -> None:
    said = refused(asking, "SELECT scoer FROM inspections")
    assert "Candidate bindings" in said
    assert "DESCRIBE inspections" in said


def test_a_syntax_error_is_pointed_at(asking: SqlSession) -> None:
    assert 'syntax error at or near "SELEC"' in refused(asking, "SELEC 1")


@pytest.fixture
def no_time_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither pytz nor the box's time zones; DuckDB needs one of them, by its version."""
    for module in ("pytz", "tzdata"):
        monkeypatch.setitem(sys.modules, module, None)
    zoneinfo.reset_tzpath(())
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()


def test_a_time_with_a_zone_that_cannot_be_shown_gets_advice(
    asking: SqlSession, no_time_zones: None
) -> None:
    assert "utc_now()" in refused(asking, "SELECT now()")


def test_a_time_with_a_zone_is_shown_where_this_duckdb_can(asking: SqlSession) -> None:
    if duckdb.__version__ < "2" and find_spec("pytz") is None:
        assert "utc_now()" in refused(asking, "SELECT now()")
        return
    ((now,),) = (row for portion in asking.execute("SELECT now()").portions for row in portion)
    assert now.utcoffset() is not None


def test_a_value_that_does_not_convert_is_reported(asking: SqlSession) -> None:
    assert "Could not convert" in refused(asking, "FROM threshold_replay('half')")


def test_an_answer_comes_in_portions(asking: SqlSession) -> None:
    answer = asking.execute("SELECT i, i / 2 AS half FROM range(5000) AS numbers(i)")
    assert (answer.names, answer.types) == (("i", "half"), ("BIGINT", "DOUBLE"))
    assert [len(portion) for portion in answer.portions] == [2000, 2000, 1000]
    assert asking.count("FROM range(5000)") == 5000


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("SELECT 1;", True),
        ("SELECT 1", False),
        ("SELECT 'a;", False),
        ("SELECT 'a;';", True),
        ("SELEC 1;", True),
    ],
)
def test_a_statement_is_complete_at_a_semicolon_outside_of_quotes(
    asking: SqlSession, text: str, complete: bool
) -> None:
    assert asking.is_complete(text) is complete


def test_what_was_never_published_cannot_be_asked(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no published rows of inspections, gaps, events, labels"):
        SqlSession(tmp_path, tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(NOON), event(NOON + timedelta(hours=1)))
        made.publisher.publish()
    made.file("2026-11-22 13").write_bytes(b"PAR1 torn")
    with (
        SqlSession(made.published, tmp_path) as asking,
        pytest.raises(QcEdgeError, match=r"hour=13\.parquet"),
    ):
        list(asking.execute("FROM events").portions)
