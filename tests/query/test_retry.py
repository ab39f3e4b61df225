"""Questions while the newest file is replaced as fast as can be: answered, each from one version of
it.
"""

from __future__ import annotations

import itertools
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from qc_edge.domain.history import Selection
from qc_edge.errors import StoreError
from qc_edge.query.examined_log import examine_published
from qc_edge.query.part_lookup import find_part
from qc_edge.query.past.station_history import published_history
from qc_edge.query.retry import replaced_since, retried
from qc_edge.query.sql_session import SqlSession
from qc_edge.settings import StationPaths
from tests.publish.rows import NOON, Log, event, gap, inspection, label, log

GROWS = (1, 2, 3, 5, 8, 13, 21, 34)
TIMES = 40
OF_COMMANDS = 15
"""Each time is many questions."""
ANY_HOUR = "inspections/date=*/hour=*.parquet"
OLDER, NEWER = "48213", "48214"
TOTAL = "SELECT count(*), count(DISTINCT frame_id), sum(length(frame_id)) FROM "


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[StationPaths, list[Path]]:
    """A station with one row in an hour that is over; versions of the file of the next hour, which
    all begin with the part `NEWER`.
    """
    root = tmp_path_factory.mktemp("grown")
    paths = StationPaths(root, "line1")
    paths.state.mkdir(parents=True)
    with log(paths.state) as made:
        first = inspection(NOON - timedelta(hours=1), part_id=OLDER)
        made.add(first, event(NOON), gap(NOON), label(NOON, first, "good"))
        made.publisher.publish()
        made.add(inspection(NOON, part_id=NEWER))
        versions = [grow(made, rows) for rows in GROWS]
    return paths, versions


def grow(made: Log, rows: int) -> Path:
    """A copy of the newest file after so many rows more."""
    made.add(*(inspection(NOON, detail="x" * rows * n) for n in range(rows)))
    made.publisher.publish()
    newest = made.file("2026-11-22 12", "inspections")
    return Path(shutil.copyfile(newest, made.state / f"{rows}.parquet"))


@contextmanager
def restless(paths: StationPaths, versions: list[Path]) -> Iterator[None]:
    """The newest file is replaced by another version of it, again and again."""
    newest = max(paths.published.glob(ANY_HOUR))
    over = threading.Event()

    def replace() -> None:
        for version in itertools.cycle(versions):
            if over.wait(0.002):
                return
            link = newest.with_name(".new")
            shutil.copyfile(version, link)
            os.replace(link, newest)  # noqa: PTH105

    replacer = threading.Thread(target=replace)
    replacer.start()
    try:
        yield
    finally:
        over.set()
        replacer.join()


def whole(counted: tuple[int, ...]) -> bool:
    """The rows are those of one version, and of the hour before it."""
    rows, distinct, letters = counted
    sums = {2 + sum(GROWS[: n + 1]) for n in range(len(GROWS))}
    return rows == distinct and rows in sums and letters % rows == 0


def test_a_plain_duckdb_meets_it_and_a_retried_query_does_not(
    grown: tuple[StationPaths, list[Path]],
) -> None:
    paths, versions = grown
    files = str(paths.published / ANY_HOUR)

    def question() -> tuple[int, ...]:
        with duckdb.connect() as plain:
            (counted,) = plain.execute(f"{TOTAL} read_parquet(?)", [files]).fetchall()
        return counted

    def fails() -> bool:
        try:
            question()
        except duckdb.Error:
            return True
        return False

    with restless(paths, versions):
        until = time.monotonic() + 100
        while not fails():
            assert time.monotonic() < until, (
                "this test no longer tests anything: DuckDB always answered"
            )
        for _ in range(TIMES):
            assert whole(retried(question, lambda: paths.published.glob(ANY_HOUR)))


def by_sql(paths: StationPaths, spill: Path) -> Callable[[], None]:
    """`qc-edge sql`."""
    asking = SqlSession(paths.published, spill, [spill / "kept.parquet"])

    def ask() -> None:
        ((counted,),) = asking.execute(f"{TOTAL} inspections").portions
        assert whole(counted)
        assert asking.count("FROM inspections_raw") is not None
        assert asking.export("FROM inspections_raw", spill / "kept.parquet") > 1

    return ask


def by_part(paths: StationPaths, _: Path) -> Callable[[], None]:
    """`qc-edge part`."""

    parts = itertools.cycle((OLDER, NEWER))

    def ask() -> None:
        # DuckDB reads no rows of a file that by its footer has none of the part.
        asked = next(parts)
        (found,) = find_part(paths, asked).cases
        assert found.row.part_id == asked
        assert [each.label for each in found.labels] == (["good"] if asked == OLDER else [])

    return ask


def by_replay(paths: StationPaths, _: Path) -> Callable[[], None]:
    """`qc-edge replay`."""

    def ask() -> None:
        with published_history(paths.published, Selection()) as history:
            assert history.totals(0.5).inspections > 1
            assert list(history.stored()) == []

    return ask


def by_verify(paths: StationPaths, _: Path) -> Callable[[], None]:
    """`qc-edge verify`."""

    def ask() -> None:
        found = examine_published(paths.published)
        assert found.damaged == ()
        assert len(list(found.rows.read(1, 1000))) > 1

    return ask


@pytest.mark.parametrize("client", [by_sql, by_part, by_replay, by_verify])
def test_our_own_commands_are_answered(
    grown: tuple[StationPaths, list[Path]],
    client: Callable[[StationPaths, Path], Callable[[], None]],
    tmp_path: Path,
) -> None:
    paths, versions = grown
    with restless(paths, versions):
        ask = client(paths, tmp_path)
        for _ in range(OF_COMMANDS):
            ask()


def test_a_question_that_is_wrong_is_put_once() -> None:
    times = itertools.count()

    def wrong() -> None:
        next(times)
        duckdb.sql("FROM nowhere")

    with pytest.raises(duckdb.CatalogException):
        retried(wrong, lambda: [Path(duckdb.__file__)])
    assert next(times) == 1


def test_a_file_that_was_taken_away_counts_as_replaced(tmp_path: Path) -> None:
    assert replaced_since(0.0, [tmp_path / "gone.parquet"])


@pytest.mark.parametrize("hour", ["11", "12"])
def test_a_file_that_is_damaged_and_was_not_replaced_is_an_error_in_words(
    tmp_path: Path, hour: str
) -> None:
    paths = StationPaths(tmp_path, "line1")
    paths.state.mkdir(parents=True)
    with log(paths.state) as made:
        made.add(inspection(NOON, part_id=OLDER))
        made.publisher.publish()
    damaged = made.file(f"2026-11-22 {hour}", "inspections")
    damaged.write_bytes(damaged.read_bytes()[:50])
    with pytest.raises(StoreError, match=f"hour={hour}"):
        find_part(paths, OLDER)
    (found,) = examine_published(paths.published).damaged
    assert found.path == damaged
    assert damaged.name in found.detail
