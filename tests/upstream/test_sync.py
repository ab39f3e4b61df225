"""Sealed days go upstream once and whole, whatever ends the sync, and nothing else does."""

from __future__ import annotations

import json
import shutil
import threading
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from qc_edge.errors import AuditError, QcEdgeError, UpstreamError
from qc_edge.publish.seal import read_seal
from qc_edge.records import notices
from qc_edge.records.receipts import last_sync, read_receipt
from qc_edge.settings import StationPaths
from qc_edge.upstream import day_files
from qc_edge.upstream.restore import Restore
from qc_edge.upstream.sync import plan
from qc_edge.upstream.targets.stores import StoreTarget
from tests.publish.rows import at, event, log
from tests.upstream.sealed import (
    FIRST,
    NAME,
    SECOND,
    SendingStation,
    copied,
    make_sending_station,
    nothing,
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> SendingStation:
    """Not to be changed."""
    return make_sending_station(tmp_path_factory.mktemp("sending"))


@pytest.fixture
def station(kept: SendingStation, tmp_path: Path) -> SendingStation:
    """A copy of it."""
    return copied(kept, tmp_path / "station")


def test_the_files_upstream_are_those_that_were_sealed(station: SendingStation) -> None:
    report = station.sync()
    assert [receipt.day for receipt in report.sent] == [FIRST, SECOND] == station.receipted()
    for receipt in report.sent:
        seal = read_seal(station.paths.published, receipt.day)
        assert (receipt.rows, receipt.files) == (seal.rows, len(seal.files))
        for file in seal.files:
            table, _, hour = file.path.partition("/")
            name = f"tables/{table}/line=line1/station=line1/{hour}"
            assert station.sent()[name] == file.sha256
    assert last_sync(station.paths.upstream) is not None


def test_duckdb_reads_the_tables_of_all_stations_by_line_and_day(station: SendingStation) -> None:
    station.sync()
    files = f"{station.upstream}/tables/inspections/*/*/*/*.parquet"
    rows = duckdb.execute(
        "SELECT line, station, date::VARCHAR, count(*) "
        "FROM read_parquet(?, hive_partitioning = true, union_by_name = true) GROUP BY ALL "
        "ORDER BY ALL",
        [files],
    ).fetchall()
    assert rows == [(NAME, NAME, "2026-11-22", 2), (NAME, NAME, "2026-11-23", 1)]


def test_one_night_run_twice_sends_nothing_the_second_time(station: SendingStation) -> None:
    station.sync()
    before = station.sent()
    assert station.sync().sent == []
    assert station.sent() == before


def test_lost_receipts_here_are_taken_from_upstream(station: SendingStation) -> None:
    first = station.sync().sent
    shutil.rmtree(station.paths.upstream)
    assert station.sync().sent == first


def test_a_day_that_was_sent_under_another_line_is_not_sent_again(
    station: SendingStation,
) -> None:
    station.sync()
    shutil.rmtree(station.paths.upstream)
    station.configure(line="hall-2")
    assert {receipt.line for receipt in station.sync().sent} == {NAME}
    assert not [name for name in station.sent() if "line=hall-2" in name]


def test_the_same_place_under_another_url_has_everything_already(
    station: SendingStation, tmp_path: Path
) -> None:
    station.sync()
    (tmp_path / "other").symlink_to(station.upstream)
    moved = SendingStation(station.paths, tmp_path / "other")
    moved.configure()
    before = {name for name in station.sent() if not name.startswith("records/")}
    assert len(moved.sync().sent) == 2
    assert moved.sync().sent == []
    assert {name for name in station.sent() if not name.startswith("records/")} == before


def test_each_day_is_told_to_the_log_with_its_receipt(station: SendingStation) -> None:
    station.sync()
    told = [
        notices.load(station.paths.notices, name) for name in notices.names(station.paths.notices)
    ]
    assert {each.occurrence.kind for each in told} == {"synced"}
    assert {each.occurrence.detail[:10] for each in told} == {str(FIRST), str(SECOND)}


class Died(BaseException):
    """As a kill: nothing catches it."""


def test_a_day_is_told_before_it_is_no_longer_due(
    station: SendingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Died

    monkeypatch.setattr(day_files, "keep_receipt", die)
    with pytest.raises(Died):
        station.sync()
    (name,) = notices.names(station.paths.notices)
    assert notices.load(station.paths.notices, name).occurrence.detail.startswith(str(FIRST))


class DyingTarget(StoreTarget):
    """A target whose user is killed before the nth request that begins with these words."""

    def __init__(self, of: StoreTarget, words: str = "", nth: int = 1) -> None:
        super().__init__(of.url, of._store, of._directory)
        self._words, self._left = words, nth
        self.asked: list[str] = []

    def _asked(self, what: str, ask: Callable[[], object]) -> object:  # type: ignore[override]
        # Without the name behind the first folder: what it is about, for all files alike.
        self.asked.append(what.partition("/")[0])
        if self._words and self.asked[-1] == self._words:
            self._left -= 1
            if self._left == 0:
                raise Died
        return super()._asked(what, ask)


def test_killed_before_any_step_it_ends_with_the_same_upstream(station: SendingStation) -> None:
    """Run after run is killed, each a step later: of many requests of a kind before the second.
    Killed after one is killed before the next.
    """
    station.configure(parallel=1)
    counting = DyingTarget(station.target)
    station.sync(counting)
    expected, steps = station.sent(), Counter(counting.asked)
    assert len(steps) > 12
    for place in (station.upstream, station.paths.upstream):
        shutil.rmtree(place)
    station.upstream.mkdir()
    many = ("seals", "records", "tables")
    for words, times in steps.items():
        nth = 2 if times > 1 and words.endswith(many) else 1
        with pytest.raises(Died):
            station.sync(DyingTarget(station.target, words, nth))
        for day in station.receipted():
            assert f"receipts/station={NAME}/date={day}.json" in station.sent()
    station.sync()
    assert station.sent() == expected
    assert station.receipted() == [FIRST, SECOND]


def test_two_at_once_send_every_day_once(station: SendingStation, tmp_path: Path) -> None:
    """Two boxes with one disk image, or a lock that a file server does not keep."""
    twin = copied(station, tmp_path / "twin")
    twin.configure(url=f"file://{station.upstream}")
    faults: list[QcEdgeError] = []

    def send(each: SendingStation) -> None:
        try:
            each.sync(station.target)
        except QcEdgeError as fault:
            faults.append(fault)

    threads = [threading.Thread(target=send, args=(each,)) for each in (station, twin)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    receipts = [
        [read_receipt(each.paths.upstream, day) for day in (FIRST, SECOND)]
        for each in (station, twin)
    ]
    assert receipts[0] == receipts[1]
    assert len([name for name in station.sent() if name.startswith("seals/")]) == 2


def test_an_altered_seal_is_refused_by_name_and_the_other_day_goes(
    station: SendingStation,
) -> None:
    path = station.seal(FIRST)
    path.chmod(0o640)
    path.write_bytes(path.read_bytes().replace(b'"rows": 4', b'"rows": 3'))
    report = station.sync()
    assert list(report.refused) == [FIRST]
    assert "is not the one that was written" in report.refused[FIRST]
    assert station.receipted() == [SECOND]
    assert not [name for name in station.sent() if f"date={FIRST}" in name]
    assert last_sync(station.paths.upstream) is None


def test_a_file_that_was_corrupted_here_is_refused(station: SendingStation) -> None:
    path = next(station.paths.published.glob(f"inspections/date={FIRST}/hour=13.parquet"))
    path.chmod(0o640)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    report = station.sync()
    assert list(report.refused) == [FIRST]
    assert "hour=13.parquet is not the file that was sealed" in report.refused[FIRST]
    assert station.receipted() == [SECOND]
    assert not [name for name in station.sent() if "hour=13" in name]


def test_other_bytes_upstream_are_never_replaced(station: SendingStation) -> None:
    there = (
        station.upstream / f"tables/events/line={NAME}/station={NAME}/date={FIRST}/hour=09.parquet"
    )
    there.parent.mkdir(parents=True)
    there.write_bytes(b"another's")
    report = station.sync()
    assert "other bytes" in report.refused[FIRST]
    assert there.read_bytes() == b"another's"


def test_what_reads_back_otherwise_is_no_receipt(station: SendingStation) -> None:
    class Forgetful(DyingTarget):
        def get(self, name: str) -> bytes | None:
            return b"torn" if name.endswith(".parquet") else super().get(name)

    with pytest.raises(UpstreamError, match="reads back otherwise"):
        station.sync(Forgetful(station.target))
    assert station.receipted() == []


def test_a_log_that_was_written_anew_is_refused_by_its_anchor(station: SendingStation) -> None:
    station.sync()
    anchors = station.upstream / f"anchors/station={NAME}"
    (newest,) = anchors.iterdir()
    fields = json.loads(newest.read_bytes()) | {"QC_EDGE_CHAIN_HASH": "0" * 64}
    (anchors / "00000002.json").write_text(json.dumps(fields))
    with pytest.raises(AuditError, match="another hash"):
        station.sync()


def test_a_power_cut_leaves_no_name_upstream_without_its_bytes(
    station: SendingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(fd: int) -> None:
        raise Died

    monkeypatch.setattr("os.fsync", cut)
    with pytest.raises(Died):
        station.target.put_if_absent("seals/a.json", b"a seal")
    assert station.sent() == {}


def test_an_empty_anchor_or_index_of_a_power_cut_is_passed_over(
    station: SendingStation, tmp_path: Path
) -> None:
    station.sync()
    for folder in (f"anchors/station={NAME}", f"records/station={NAME}/index"):
        (station.upstream / folder / "00000002.json").touch()
    assert station.sync().refused == {}
    report = Restore(StationPaths(tmp_path / "new", NAME), station.target, nothing).run()
    assert report.days == [FIRST, SECOND]
    assert station.target.newest(f"anchors/station={NAME}")[0] == 3


def test_the_head_goes_upstream_again_when_it_has_moved(station: SendingStation) -> None:
    station.sync()
    with log(station.paths.state) as kept:
        kept.add(event(at("2026-11-24 09:00")))
        kept.publisher.publish()
    station.sync()
    names = sorted(name for name in station.sent() if name.startswith("anchors/"))
    assert [Path(name).name for name in names] == ["00000001.json", "00000002.json"]


def test_another_station_of_the_same_name_is_refused(
    station: SendingStation, tmp_path: Path
) -> None:
    station.sync()
    other = make_sending_station(tmp_path / "other")
    with pytest.raises(AuditError, match="another station named 'line1'"):
        other.sync(station.target)


def test_a_target_that_has_forgotten_the_station_is_not_filled_again_unasked(
    station: SendingStation,
) -> None:
    """An empty mount point looks like that."""
    station.sync()
    shutil.rmtree(station.upstream)
    station.upstream.mkdir()
    with pytest.raises(UpstreamError, match="has nothing of line1"):
        station.sync()


def test_a_dry_run_says_what_would_go_and_sends_nothing(station: SendingStation) -> None:
    report = plan(station.paths, station.target.url)
    assert [each.day for each in report.planned] == [FIRST, SECOND]
    assert station.sent() == {}


def test_days_before_since_are_left_out_and_the_night_counts_as_unfinished(
    station: SendingStation,
) -> None:
    station.sync(since=SECOND)
    assert station.receipted() == [SECOND]
    assert last_sync(station.paths.upstream) is None
    station.sync()
    assert station.receipted() == [FIRST, SECOND]


def test_a_seal_whose_event_is_not_published_yet_waits(station: SendingStation) -> None:
    day = date(2026, 11, 21)
    shutil.copy(station.seal(FIRST), station.seal(day))
    assert station.sync().waiting == [day]
