"""A part among sealed days is looked up by their indexes, which are hints and never more."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from qc_edge.errors import StoreError
from qc_edge.publish.seal import file_sha256, seal_path
from qc_edge.query.database_at_rest import DatabaseAtRest
from qc_edge.query.inspection_search import Search, inspections_of, search_inspections
from qc_edge.query.lookup.day_index import (
    HOURS,
    TABLES,
    index_path,
    indexed_days,
    key_hash,
    to_bytes,
)
from qc_edge.query.lookup.indexed_log import IndexedLog
from qc_edge.query.lookup.sealed_index import SealedIndex
from qc_edge.query.part_lookup import PartLookup, find_part
from qc_edge.query.past.told_parts import find_told_parts
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.source import Span
from qc_edge.settings import StationPaths
from tests.publish.rows import at, event, gap, inspection, label, log

FIRST, SECOND = date(2026, 11, 22), date(2026, 11, 23)
TOLD = at("2026-11-24 00:06")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """Two sealed days with their indexes, and one that is not sealed; A came twice, and was
    labelled a day later.
    """
    paths = StationPaths(tmp_path_factory.mktemp("lookup"), "line1")
    came = inspection(at("2026-11-22 12:10"), part_id="A")
    with log(paths.state, told=TOLD) as made:
        made.add(event(at("2026-11-22 09:00"), kind="threshold"), gap(at("2026-11-22 12:05")))
        made.add(came, inspection(at("2026-11-22 13:10"), part_id="B"))
        made.add(
            event(at("2026-11-23 06:00"), kind="threshold"),
            label(at("2026-11-23 07:00"), came, "defect"),
        )
        made.add(inspection(at("2026-11-23 08:00"), part_id="A"))
        made.add(inspection(at("2026-11-24 00:01"), part_id="C"))
        made.publisher.publish()
        for day in made.publisher.due(TOLD):
            made.publisher.seal(day, TOLD)
        made.publisher.publish()  # the events of the seals
        assert [made.publisher.tend_indexes() for _ in range(3)] == [SECOND, FIRST, None]
    return with_database(paths)


def with_database(paths: StationPaths) -> StationPaths:
    """The database of rows.log where a station has its own."""
    (paths.state / "t.duckdb").replace(paths.database)
    return paths


def copied(station: StationPaths, root: Path) -> StationPaths:
    shutil.copytree(station.root, root, dirs_exist_ok=True)
    return StationPaths(root, station.name)


def without_place(found: PartLookup) -> tuple[object, ...]:
    return found.cases, found.attempts


@pytest.mark.parametrize("published_only", [True, False], ids=["published", "database"])
@pytest.mark.parametrize("part", ["A", "B", "C"])
def test_what_is_known_of_a_part_is_the_same_with_and_without_an_index(
    station: StationPaths, tmp_path: Path, part: str, *, published_only: bool
) -> None:
    bare = copied(station, tmp_path)
    shutil.rmtree(index_path(bare.published, FIRST).parent)
    found = find_part(station, part, published_only=published_only)
    assert found.place == ("the published files" if published_only else "the database")
    assert without_place(found) == without_place(find_part(bare, part, published_only=True))
    assert len(found.cases) == (2 if part == "A" else 1)
    assert all(case.is_linked for case in found.cases)
    if part == "A":
        assert found.cases[0].gaps and found.cases[0].labels and found.cases[0].changes
        assert found.cases[0].changes != found.cases[1].changes


def test_only_the_hours_of_the_part_are_read(station: StationPaths, tmp_path: Path) -> None:
    damaged = copied(station, tmp_path)
    other = damaged.published / "inspections/date=2026-11-22/hour=13.parquet"
    other.chmod(0o640)
    other.write_bytes(b"no parquet")
    with PublishedLog(damaged.published) as opened:
        by_index = IndexedLog(damaged.published, opened.cursor())
        assert len(inspections_of(by_index, "A", 5)) == 2
        assert len(search_inspections(by_index, Search(part=" A "))) == 2
        assert [told.part_id for told in find_told_parts(by_index, Search(part="A"))] == ["A", "A"]
        with pytest.raises(StoreError):
            inspections_of(opened.cursor(), "A", 5)
        with pytest.raises(StoreError):  # what the index does not have is looked for in all rows
            inspections_of(by_index, "none", 5)


def forged(published: Path) -> None:
    """An index with right checksums that says that the day has nothing."""
    nothing = np.full((len(TABLES), HOURS, 2), 0xFFFFFFFF, np.uint32)
    digest = file_sha256(seal_path(published, FIRST))
    content = to_bytes(FIRST, digest, (1, 9), {}, nothing, np.empty(0, np.uint64))
    index_path(published, FIRST).write_bytes(content)


def torn(published: Path) -> None:
    path = index_path(published, FIRST)
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")


def gone(published: Path) -> None:
    index_path(published, FIRST).unlink()


def of_another_seal(published: Path) -> None:
    forged(published)
    seal = seal_path(published, FIRST)
    seal.chmod(0o640)
    seal.write_bytes(seal.read_bytes() + b"\n")


@pytest.mark.parametrize("spoil", [forged, torn, gone, of_another_seal])
def test_no_index_hides_a_part(station: StationPaths, tmp_path: Path, spoil: object) -> None:
    spoiled = copied(station, tmp_path)
    spoil(spoiled.published)  # type: ignore[operator]
    for published_only in (True, False):
        assert len(find_part(spoiled, "B", published_only=published_only).cases) == 1


@pytest.mark.parametrize("spoil", [torn, gone, of_another_seal])
def test_an_index_that_does_not_fit_its_day_leaves_no_inspection_out(
    station: StationPaths, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoiled = copied(station, tmp_path)
    spoil(spoiled.published)
    for published_only in (True, False):
        assert len(find_part(spoiled, "A", published_only=published_only).cases) == 2


def test_rows_that_were_never_published_are_found_before_a_sealed_day(
    station: StationPaths, tmp_path: Path
) -> None:
    late = copied(station, tmp_path)
    with log(late.state, told=TOLD) as made:  # its clock had been set back
        made.add(inspection(at("2026-11-21 08:00"), part_id="A"))
    with_database(late)
    database = DatabaseAtRest(late.database, index=SealedIndex(late.published))
    with database.held():
        assert len(inspections_of(database, "A", 5)) == 3


def test_the_newest_change_is_found_though_a_later_row_has_its_hash(tmp_path: Path) -> None:
    """Events are in the hours 3 and 9; number 10 is the change, number 30 a part's row."""
    hours = np.full((len(TABLES), HOURS, 2), 0xFFFFFFFF, np.uint32)
    hours[TABLES.index("events"), [3, 9]] = [[0, 19], [20, 60]]
    changed = key_hash("events", "threshold") << 32
    entries = np.array([changed | 9, changed | 29, changed | 49], np.uint64)
    for path in (seal_path(tmp_path, FIRST), index_path(tmp_path, FIRST)):
        path.parent.mkdir()
    seal_path(tmp_path, FIRST).write_bytes(b"seal")
    digest = file_sha256(seal_path(tmp_path, FIRST))
    content = to_bytes(FIRST, digest, (1, 100), {"threshold": 50}, hours, entries)
    index_path(tmp_path, FIRST).write_bytes(content)
    asked = Span(last=40, newest_of=frozenset({"threshold"}))
    found = SealedIndex(tmp_path).places("events", asked)
    assert found is not None and {hour.hour for hour in found.hours} == {3, 9}


def test_a_day_that_was_taken_away_with_its_seal_hides_no_other(
    station: StationPaths, tmp_path: Path
) -> None:
    fewer = copied(station, tmp_path)
    seal_path(fewer.published, SECOND).unlink()
    for day in fewer.published.glob(f"*/date={SECOND}"):
        shutil.rmtree(day)
    with PublishedLog(fewer.published) as opened:
        assert len(inspections_of(IndexedLog(fewer.published, opened.cursor()), "A", 5)) == 1


def test_a_damaged_index_is_made_again_and_one_without_its_day_goes(
    station: StationPaths, tmp_path: Path
) -> None:
    spoiled = copied(station, tmp_path)
    whole = index_path(station.published, FIRST).read_bytes()
    stray = index_path(spoiled.published, date(2026, 11, 1))
    shutil.copy(index_path(spoiled.published, FIRST), stray)
    torn(spoiled.published)
    with log(spoiled.state, told=TOLD) as made:
        assert made.publisher.tend_indexes() is None
        assert indexed_days(spoiled.published) == {SECOND}
        assert made.publisher.tend_indexes() == FIRST
    assert index_path(spoiled.published, FIRST).read_bytes() == whole
