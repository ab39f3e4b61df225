"""A generated station is as true as SQL can make it: one chain, both stores alike, every kind of
row.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from typing import Any

import duckdb
import pytest

from qc_edge.domain.inspection import COLUMNS
from qc_edge.settings import StationPaths
from qc_edge.store.log import chain
from tests.analysis.conftest import ROWS
from tests.station.audit import read_log

Rows = list[dict[str, Any]]


def test_its_rows_are_one_true_chain(past: StationPaths) -> None:
    linked = sorted(
        (row["chain_seq"], table, row)
        for table, rows in read_log(past).tables.items()
        for row in rows
    )
    previous = chain.GENESIS
    for number, (seq, table, row) in enumerate(linked, 1):
        text = chain.canonical(table, tuple(_aware(row[name]) for name in COLUMNS[table]))
        assert (seq, row["chain_hash"]) == (number, chain.chain_hash(previous, seq, text)), table
        previous = row["chain_hash"]


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=timezone.utc) if isinstance(value, datetime) else value


@pytest.mark.parametrize("table", COLUMNS)
def test_database_and_published_files_hold_the_same(past: StationPaths, table: str) -> None:
    names = ", ".join([*COLUMNS[table], *chain.CHAIN])
    with duckdb.connect(str(past.database), read_only=True) as log:
        kept = log.execute(f"SELECT {names} FROM {table} ORDER BY chain_seq").fetchall()
        files = f"read_parquet('{past.published}/{table}/*/*.parquet', hive_partitioning = false)"
        published = log.execute(f"SELECT {names} FROM {files} ORDER BY chain_seq").fetchall()
    assert published == kept


def test_every_kind_of_row_is_there(past: StationPaths, rows: Rows) -> None:
    assert len(rows) == ROWS
    assert len({row["frame_id"] for row in rows}) == ROWS
    assert {row["camera"] for row in rows} == {"left", "right"}
    assert {row["model_version"] for row in rows} == {"1", "2"}
    assert all(row["simulated"] for row in rows)
    verdicts = Counter(row["verdict"] for row in rows)
    assert verdicts["PASS"] > 0.9 * ROWS
    assert verdicts["FAIL"] > 0.01 * ROWS
    assert verdicts["INVALID"] > 0.003 * ROWS
    assert 0.003 * ROWS < sum(row["label"] is not None for row in rows) < 0.03 * ROWS
    assert {event["kind"] for event in read_log(past).tables["events"]} >= {
        "started",
        "threshold",
        "model",
    }
