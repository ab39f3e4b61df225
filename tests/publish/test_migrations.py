"""A database of every earlier version comes up to date with nothing lost, and its chain still
holds.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest

from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import StoreError
from qc_edge.query.audit_queries import evidence_claims
from qc_edge.query.examined_log import examine_published
from qc_edge.query.views import script
from qc_edge.store.log import chain
from qc_edge.store.log.database import STORAGE_VERSION, connect
from qc_edge.store.log.schema import migrate, migrations
from tests.publish.rows import NOON, at, event, everything, gap, inspection, label, log

NAMES = [migration.name for migration in migrations()]


def old_database(path: Path, versions: int) -> None:
    """What a station had that knew only the first `versions` migrations, with one row in each
    table.
    """
    with duckdb.connect() as made:
        made.execute(f"ATTACH '{path}' AS log (STORAGE_VERSION '{STORAGE_VERSION}')")
        made.execute("USE log")
        assert migrate(made, migrations()[:versions]) == NAMES[:versions]
        for seq, (table,) in enumerate(made.execute("SHOW TABLES").fetchall(), 1):
            if table in COLUMNS:
                made.execute(f"INSERT INTO {table} BY NAME SELECT {invented(made, table)}", [seq])


def invented(made: duckdb.DuckDBPyConnection, table: str) -> str:
    """A value for each column that must have one."""
    values = {"VARCHAR": "'x'", "TIMESTAMP": "TIMESTAMP '2026-11-01 12:00'", "BOOLEAN": "true"}
    columns = made.execute(f"DESCRIBE {table}").fetchall()
    return ", ".join(
        f"{'?::BIGINT' if name == 'chain_seq' else values.get(kind, '1')} AS {name}"
        for name, kind, nullable, *_ in columns
        if nullable == "NO"
    )


@pytest.mark.parametrize("versions", range(1, len(NAMES) + 1))
def test_a_database_of_every_earlier_version_is_brought_up_to_date(
    tmp_path: Path, versions: int
) -> None:
    old_database(tmp_path / "t.duckdb", versions)
    with log(tmp_path, compared=at("2026-11-22 12:00")) as made:
        before = {table: len(made.kept(table)) for table in COLUMNS}
        assert sum(before.values()) >= 3
        made.add(event(NOON))
        made.publisher.publish()
        everything(made)
        assert len(made.kept()) == before["events"] + 1
        with made.ledger.snapshot() as reading:
            assert [
                name for (name,) in reading.execute("SELECT name FROM migrations").fetchall()
            ] == NAMES


def test_files_published_before_a_column_came_are_asked_beside_later_ones(tmp_path: Path) -> None:
    early, late = inspection(at("2026-11-22 10:00")), inspection(NOON, map_sha256="d" * 64)
    with log(tmp_path) as made:
        made.add(early, late, event(NOON), gap(NOON), label(NOON, late, "good"))
        made.publisher.publish()
        file = made.file("2026-11-22 10", "inspections")
        columns = ", ".join(
            name for name in (*COLUMNS["inspections"], *chain.CHAIN) if name != "map_sha256"
        )
        with duckdb.connect() as writing:
            writing.execute(f"COPY (SELECT {columns} FROM '{file}') TO '{tmp_path}/old.parquet'")
        (tmp_path / "old.parquet").rename(file)
        with duckdb.connect() as asked:
            asked.execute(script(made.published))
            found = asked.execute(
                "SELECT frame_id, date::VARCHAR FROM inspections ORDER BY recorded_at"
            )
            assert found.fetchall() == [(row.frame_id, "2026-11-22") for row in (early, late)]
        with (held := examine_published(made.published).rows).held():
            both = [row.map_sha256 for row in evidence_claims(held, 1, 9)]
    assert both == [None, "d" * 64]


def test_a_database_that_a_newer_version_has_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.duckdb"
    with connect(path) as made:
        made.execute(
            "INSERT INTO migrations VALUES ('x999_from_the_future', TIMESTAMP '2030-01-01')"
        )
    with pytest.raises(StoreError, match="x999_from_the_future"):
        connect(path)


NEWER = """
ALTER TABLE events ADD COLUMN newer VARCHAR;
CREATE TABLE visits (who VARCHAR, recorded_at TIMESTAMP, chain_seq BIGINT, chain_hash VARCHAR);
INSERT INTO migrations VALUES ('m999_from_the_future', TIMESTAMP '2030-01-01');
"""


def test_an_older_version_goes_on_with_a_log_that_a_newer_one_has_added_to(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        made.add(event(NOON))
    with duckdb.connect(str(tmp_path / "t.duckdb")) as newer:
        newer.execute(NEWER)
        newer.execute("UPDATE events SET newer = 'kept'")
        newer.execute(f"INSERT INTO visits VALUES ('anna', '2026-11-22 12:30', 2, '{'f' * 64}')")
    with log(tmp_path) as made:
        made.add(event(at("2026-11-22 12:40")))
        made.publisher.publish()
        assert made.kept() == [1, 3], "behind the unknown row"
        with duckdb.connect() as asked:
            file = made.file("2026-11-22 12", "events")
            rows = asked.execute(f"SELECT newer, chain_seq FROM '{file}' ORDER BY chain_seq")
            assert rows.fetchall() == [("kept", 1), (None, 3)]


def test_migrations_only_add_unless_their_name_says_otherwise() -> None:
    for migration in migrations():
        assert re.match(r"m\d{3}_", migration.name)
        statements = re.sub(r"--.*", "", migration.sql).split(";")
        for statement in filter(None, map(str.strip, statements)):
            adds_a_column = re.fullmatch(r"ALTER TABLE \w+ ADD COLUMN \w+ \w+", statement)
            assert statement.startswith("CREATE TABLE") or adds_a_column, statement


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    broken = (
        *migrations(),
        type(migrations()[0])("m998_broken", "CREATE TABLE half (a INT); SELECT nothing;"),
    )
    with duckdb.connect(str(tmp_path / "t.duckdb")) as made:
        with pytest.raises(duckdb.Error):
            migrate(made, broken)
        assert "half" not in [name for (name,) in made.execute("SHOW TABLES").fetchall()]
        assert migrate(made) == []


def test_a_column_that_came_later_changes_no_hash_of_an_earlier_row() -> None:
    row = event(NOON)
    text = chain.link(row, 1, chain.GENESIS).text
    assert "why" not in json.loads(text)
    assert [name for name in json.loads(text) if name != "table"] == [
        name for name in COLUMNS["events"] if getattr(row, name) is not None
    ]
