"""The published log opened: by many threads at once, only the hours in question, nothing else on
the machine; and that nobody opens it otherwise.
"""

from __future__ import annotations

import ast
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from pathlib import Path
from threading import Barrier

import pytest

from qc_edge.errors import StoreError
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.source import Span
from tests.publish.rows import NOON, Log, event, inspection, log
from tests.quality.tools import PACKAGE, listing, python_files

HOURS = 4
HOUR = timedelta(hours=1)

MAY_OPEN_DUCKDB = {
    "query/published_log.py",
    "query/database_at_rest.py",
    "store/log/duck.py",
    "store/log/database.py",
    "publish/qa_database.py",
    "export/portable_database.py",
}
MAY_RETRY = {"query/published_log.py"}


def publish(state: Path) -> Log:
    """One inspection and one event in each of four hours, published."""
    with log(state) as made:
        for n in range(HOURS):
            made.add(inspection(NOON + n * HOUR), event(NOON + n * HOUR))
        made.publisher.publish()
    return made


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of four published hours; not to be changed."""
    state = tmp_path_factory.mktemp("state")
    publish(state)
    return state / "published"


def count(directory: Path, span: Span) -> int:
    """Rows of inspections in the files that `span` leaves."""
    with PublishedLog(directory) as opened:
        cursor = opened.cursor()
        ((rows,),) = cursor.fetch(f"SELECT count(*) FROM {cursor.relation('inspections', span)}")
        return int(rows)


def test_threads_read_at_once_each_by_its_cursor(published: Path) -> None:
    together = Barrier(8)

    def read(opened: PublishedLog) -> set[int]:
        cursor = opened.cursor()
        together.wait(30)
        query = f"SELECT count(DISTINCT frame_id) FROM {cursor.relation('inspections')}, range(5)"
        return {cursor.fetch(query)[0][0] for _ in range(20)}

    with PublishedLog(published) as opened, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, [opened] * 8)) == [{HOURS}] * 8


@pytest.mark.parametrize(
    ("span", "rows"),
    [
        (Span(), HOURS),
        (Span(since=NOON + HOUR), HOURS - 1),
        (Span(since=NOON + 1.5 * HOUR), HOURS - 1),  # that hour holds rows of both halves
        (Span(until=NOON + 2 * HOUR), 2),
        (Span(since=NOON + HOUR, until=NOON + 2 * HOUR), 1),
        (Span(since=NOON + 24 * HOUR), 0),
    ],
)
def test_only_the_files_of_the_hours_in_question_are_read(
    published: Path, span: Span, rows: int
) -> None:
    assert count(published, span) == rows


def test_a_damaged_file_of_another_hour_does_no_harm(tmp_path: Path) -> None:
    made = publish(tmp_path)
    made.file("2026-11-22 13", "inspections").write_bytes(b"torn")
    assert count(tmp_path / "published", Span(since=NOON + 2 * HOUR)) == HOURS - 2
    with pytest.raises(StoreError, match=r"hour=13.*\n.*qc-edge verify"):
        count(tmp_path / "published", Span(since=NOON + HOUR))


def test_hours_without_rows_have_the_columns(published: Path) -> None:
    with PublishedLog(published) as opened:
        cursor = opened.cursor()
        nothing = cursor.relation("inspections", Span(since=NOON + 24 * HOUR))
        assert nothing is not None
        assert cursor.describe(nothing) == cursor.columns("inspections")
        assert cursor.relation("never_published") is None


@pytest.mark.parametrize("name", ["line[1]", "a*", "it's"])
def test_a_path_is_no_pattern(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    publish(tmp_path / name)
    assert count(tmp_path / name / "published", Span()) == HOURS
    assert count(tmp_path / name / "published", Span(until=NOON + HOUR)) == 1


def test_a_directory_may_be_named_from_the_current_one(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(published.parent)
    assert count(Path("published"), Span()) == HOURS


@pytest.mark.parametrize(
    "query",
    [
        "FROM read_text('{other}')",
        "COPY (SELECT 1) TO '{other}'",
        "ATTACH '{other}.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "FROM read_text('{published}/../other.txt')",
    ],
)
def test_no_reader_reaches_anything_else(published: Path, query: str) -> None:
    other = published.parent / "other.txt"
    other.write_text("of no concern")
    with PublishedLog(published) as opened, pytest.raises(StoreError):
        opened.cursor().fetch(query.format(other=other, published=published))
    assert other.read_text() == "of no concern"


def test_a_file_can_be_written_if_it_was_named(published: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "out.csv", tmp_path / "other.csv"
    copy = "COPY (SELECT 1) TO '{}' (FORMAT csv, USE_TMP_FILE false)"
    with PublishedLog(published, writable=[file]) as opened:
        cursor = opened.cursor()
        cursor.fetch(copy.format(file))
        with pytest.raises(StoreError):
            cursor.fetch(copy.format(other))
    assert file.exists() and not other.exists()


def test_nobody_else_opens_a_duckdb() -> None:
    offenders = _callers({"open_duckdb", "duckdb.connect"}) - MAY_OPEN_DUCKDB
    advice = "read by a PublishedLog, a DatabaseAtRest or the ledger"
    assert not offenders, listing(advice, sorted(offenders))


def test_nobody_else_puts_a_query_again() -> None:
    offenders = _callers({"retried", "replaced_since"}) - MAY_RETRY - {"query/retry.py"}
    assert not offenders, listing("read by a PublishedLog", sorted(offenders))


def _callers(names: set[str]) -> set[str]:
    """The modules of the package that call one of these."""
    return {module for module, called in _calls() if called in names}


@cache
def _calls() -> frozenset[tuple[str, str]]:
    """Every module of the package with each function that it calls."""
    return frozenset(
        (path.relative_to(PACKAGE).as_posix(), ast.unparse(node.func))
        for path in python_files("qc_edge")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Call)
    )
