"""One job makes tables of what all stations have put, each day of each station once."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from qc_edge.errors import AuditError
from qc_edge.upstream.fleet import compact as compaction
from qc_edge.upstream.fleet.compact import Compaction, CompactionReport
from qc_edge.upstream.fleet.delta_tables import DeltaTables
from qc_edge.upstream.targets import Access, connect
from tests.cli.runner import invoke
from tests.quality.tools import REPOSITORY
from tests.upstream.sealed import make_sending_station

STATIONS = {"line1": "hall-1", "line2": "hall-1", "line3": "hall-2"}


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What three stations have sent. Not to be changed."""
    made = make_sending_station(tmp_path_factory.mktemp("plant"))
    made.sync()
    shutil.rmtree(made.upstream / "anchors")
    # The same rows under other names: what a station sends is tried elsewhere.
    for path in list((made.upstream / "tables").glob("*/line=line1/station=line1")):
        for name, line in STATIONS.items():
            where = path.parent.with_name(f"line={line}") / f"station={name}"
            shutil.copytree(path, where)
        shutil.rmtree(path.parent)
    for name, line in STATIONS.items():
        for folder in ("seals", "receipts"):
            place = made.upstream / folder
            if name != "line1":
                shutil.copytree(place / "station=line1", place / f"station={name}")
        for path in (made.upstream / f"receipts/station={name}").iterdir():
            values = json.loads(path.read_bytes()) | {"station": name, "line": line}
            path.write_text(json.dumps(values))
    return made.upstream


@pytest.fixture
def upstream(plant: Path, tmp_path: Path) -> Path:
    shutil.copytree(plant, tmp_path / "upstream")
    return tmp_path / "upstream"


def seal_anew(upstream: Path, station: str, file: Path) -> None:
    """As if the station had sealed its file with these bytes."""
    day = file.parent.name
    path = upstream / f"seals/station={station}/{day}.json"
    manifest = json.loads(path.read_bytes())
    for each in manifest["files"]:
        if file.as_posix().endswith(each["path"].partition("/")[2]) and each["path"].startswith(
            f"{file.relative_to(upstream).parts[1]}/"
        ):
            each["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest))
    receipt = upstream / f"receipts/station={station}/{day}.json"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    receipt.write_text(json.dumps(json.loads(receipt.read_bytes()) | {"seal_sha256": digest}))


def compact(upstream: Path) -> CompactionReport:
    url = f"file://{upstream}"
    return Compaction(
        connect(url, Access({})), DeltaTables.at(url, {}), lambda done, of: None
    ).run()


def counted(upstream: Path, table: str = "inspections") -> list[tuple[str, str, int]]:
    """Rows of the Delta table by line and date."""
    opened = DeltaTables.at(f"file://{upstream}", {}).open(table)
    assert opened is not None
    rows = opened.to_pyarrow_dataset()  # noqa: F841 - DuckDB finds it by its name
    return duckdb.execute(
        "SELECT line, date::VARCHAR, count(*) FROM rows GROUP BY ALL ORDER BY ALL"
    ).fetchall()


EXPECTED = [
    ("hall-1", "2026-11-22", 4),
    ("hall-1", "2026-11-23", 2),
    ("hall-2", "2026-11-22", 2),
    ("hall-2", "2026-11-23", 1),
]


def test_every_day_of_every_station_is_in_the_tables_once(upstream: Path) -> None:
    told = invoke("fleet", "compact", f"file://{upstream}", "--json")
    assert told.exit_code == 0, told.output
    report = json.loads(told.stdout)
    assert report["rows"]["inspections"] == 9
    assert report["days"]["inspections"] == 6
    assert counted(upstream) == EXPECTED
    again = invoke("fleet", "compact", f"file://{upstream}")
    assert "nothing is due" in again.output
    assert counted(upstream) == EXPECTED


@pytest.mark.parametrize("made_before", [False, True])
def test_two_jobs_at_once_commit_each_day_once(upstream: Path, made_before: bool) -> None:
    """Both have seen that nothing is there before either commits."""
    if made_before:
        receipts = upstream / "receipts/station=line3"
        receipts.rename(upstream / "later")
        compact(upstream)
        (upstream / "later").rename(receipts)
    both, faults = threading.Barrier(2), list[Exception]()

    class Late(DeltaTables):
        def append(self, table: str, *what: Any) -> bool:
            if table == "inspections":
                with suppress(threading.BrokenBarrierError):
                    both.wait(5)
                both.abort()  # for the first commit alone
            return super().append(table, *what)

    def run() -> None:
        url = f"file://{upstream}"
        try:
            Compaction(connect(url, Access({})), Late.at(url, {}), lambda done, of: None).run()
        except Exception as fault:  # noqa: BLE001 - shown below
            faults.append(fault)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert counted(upstream) == EXPECTED


def test_a_day_without_its_receipt_waits_and_comes_later(upstream: Path) -> None:
    receipt = upstream / "receipts/station=line3/date=2026-11-22.json"
    kept = receipt.read_bytes()
    receipt.unlink()
    compact(upstream)
    assert ("hall-2", "2026-11-22", 2) not in counted(upstream)
    receipt.write_bytes(kept)
    compact(upstream)
    assert counted(upstream) == EXPECTED


@pytest.mark.parametrize("fault", ["missing", "altered", "no seal", "does not read"])
def test_a_day_that_is_not_as_it_was_sent_is_refused_and_the_others_are_committed(
    upstream: Path, fault: str
) -> None:
    """A day without its file would be committed without its rows, and its transaction for ever."""
    folder = upstream / "tables/inspections/line=hall-2/station=line3/date=2026-11-22"
    file = max(folder.iterdir())
    if fault == "no seal":
        file = upstream / "seals/station=line3/date=2026-11-22.json"
    kept = file.read_bytes()
    if fault == "altered":
        file.write_bytes(kept[:-1] + b"x")
    elif fault == "does not read":
        file.write_bytes(b"no Parquet")
        seal_anew(upstream, "line3", file)
    else:
        file.unlink()
    told = invoke("fleet", "compact", f"file://{upstream}", "--json")
    assert isinstance(told.exception, AuditError)
    assert list(json.loads(told.stdout)["refused"]) == ["line3/2026-11-22"]
    assert counted(upstream) == [each for each in EXPECTED if each[:2] != ("hall-2", "2026-11-22")]
    file.write_bytes(kept)
    if fault == "does not read":
        seal_anew(upstream, "line3", file)
    assert compact(upstream).refused == {}
    assert counted(upstream) == EXPECTED


def test_a_file_under_a_line_of_before_is_no_row_of_the_tables(upstream: Path) -> None:
    """A sync that was killed, and upstream.line changed before the next."""
    tables = upstream / "tables/inspections"
    shutil.copytree(tables / "line=hall-2", tables / "line=hall-9")
    compact(upstream)
    assert counted(upstream) == EXPECTED


def test_a_commit_takes_no_more_rows_than_it_may(
    upstream: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "_BATCH_ROWS", 3)
    compact(upstream)
    assert counted(upstream) == EXPECTED
    opened = DeltaTables.at(f"file://{upstream}", {}).open("inspections")
    assert opened is not None
    assert opened.version() == 4, "made, each station of the first day, all of the second"


def test_a_column_that_comes_later_leaves_old_readers_and_old_rows_alone(upstream: Path) -> None:
    late = next((upstream / "tables/inspections/line=hall-2").rglob("date=2026-11-23/*.parquet"))
    receipt = upstream / "receipts/station=line3/date=2026-11-23.json"
    receipt.rename(upstream / "later")
    compact(upstream)
    (upstream / "later").rename(receipt)
    rows = pq.read_table(late)
    pq.write_table(rows.append_column("tint", rows.column("score")), late)
    seal_anew(upstream, "line3", late)
    compact(upstream)
    opened = DeltaTables.at(f"file://{upstream}", {}).open("inspections")
    assert opened is not None
    assert opened.protocol().min_reader_version == 1, "every engine reads it"
    rows = opened.to_pyarrow_dataset()
    found = duckdb.execute("SELECT count(*), count(tint) FROM rows").fetchall()
    assert found == [(9, 1)]


def queries() -> Iterator[tuple[str, str]]:
    """Heading and SQL of each question in docs/fleet.md."""
    text = (REPOSITORY / "docs/fleet.md").read_text(encoding="utf-8")
    yield from re.findall(r"(?ms)^### (.+?)$.*?^```sql\n(.*?)^```", text)


def test_the_questions_of_the_manual_are_answered_by_duckdb_alone(upstream: Path) -> None:
    """The same from the Parquet files and from the Delta tables."""
    compact(upstream)
    asked = list(queries())
    assert len(asked) >= 6
    answers = []
    for source in ("parquet", "delta"):
        with duckdb.connect() as log:
            log.execute("SET TimeZone = 'UTC'")
            for table in ("inspections", "events"):
                if source == "parquet":
                    files = f"{upstream}/tables/{table}/*/*/*/*.parquet"
                    log.execute(
                        f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}', "
                        "hive_partitioning = true, union_by_name = true)"
                    )
                else:
                    opened = DeltaTables.at(f"file://{upstream}", {}).open(table)
                    assert opened is not None
                    log.register(table, opened.to_pyarrow_dataset())
            answers.append({head: plain(log.execute(sql).fetchall()) for head, sql in asked})
    assert answers[0] == answers[1]
    assert all(answers[0].values()), answers[0]


def plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows with times without a zone: the tables say that theirs are UTC, the files do not."""
    return [
        tuple(each.replace(tzinfo=None) if isinstance(each, datetime) else each for each in row)
        for row in rows
    ]
