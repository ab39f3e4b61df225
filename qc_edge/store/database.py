"""The DuckDB file: how it is opened, repairs when it does not open, and filled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import cache, lru_cache
from pathlib import Path

import duckdb

from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import DiskFullError, StoreError
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import LOG
from qc_edge.store.chain import CHAIN, Link
from qc_edge.store.checkpoint import disable_vacuum
from qc_edge.store.duck import open_duckdb, quoted
from qc_edge.store.durable import store_error
from qc_edge.store.schema import migrate

STORAGE_VERSION = "v1.4.0"
"""Readable by DuckDB 1.5 clients; a file made with 2.0's default is not."""

_DAMAGE = (duckdb.Error, UnicodeDecodeError)
"""What DuckDB raises when it meets a damaged file; text in one need not be UTF-8."""

_FEW = 4
"""Up to this many rows, one VALUES each is planned faster than unnest (measured: 2 ms a row against
5 ms).
"""


_TO_OPEN, _TO_WORK = "512MB", "128MB"
"""Of memory: for migrations and millions of rows from the journal, and from then on. DuckDB keeps
what it has read or written up to its bound. A fold needs 24 to 32 MB (measured), beside whoever
sorts a day.
"""

_KEPT_BYTES = 4 << 20
"""Of the file, in memory, after `release_memory`."""


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """The database of the log, made if it is missing, migrated, in a connection of its own.

    Raises duckdb.Error if it does not open, StoreError if it is from a newer version.
    """
    log = open_duckdb(threads=1, memory_limit=_TO_OPEN)
    log.execute(f"ATTACH {quoted(path)} AS log (STORAGE_VERSION '{STORAGE_VERSION}')")
    log.execute("USE log")
    migrate(log)
    disable_vacuum(log)
    return log


def release_memory(log: duckdb.DuckDBPyConnection) -> None:
    """Of what DuckDB keeps in memory of the log: 1 to 6 ms. For when nobody else is at it."""
    ((of_the_file, other),) = log.execute(
        "SELECT sum(memory_usage_bytes) FILTER (tag = 'BASE_TABLE'), "
        "sum(memory_usage_bytes) FILTER (tag <> 'BASE_TABLE') FROM duckdb_memory()"
    ).fetchall()
    try:
        if (
            of_the_file > _KEPT_BYTES
        ):  # `other` holds the newest rows: less, and they go to a temporary file
            log.execute(f"SET memory_limit = '{other + _KEPT_BYTES}B'")
        log.execute(f"SET memory_limit = '{_TO_WORK}'")
    except duckdb.OutOfMemoryException as fault:  # more than that is in use: no fault of the file
        LOG.warning("what is kept of the log in memory is not let go of: %s", _first_line(fault))


def writer_connection(log: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A connection beside `log` for `insert` and its kin: nothing in them is worth an optimizer's
    time.
    """
    cursor = log.cursor()
    cursor.execute("USE log")
    cursor.execute("PRAGMA disable_optimizer")
    return cursor


def open_with_recovery(
    path: Path, set_aside: Path, load: Callable[[duckdb.DuckDBPyConnection], None]
) -> list[str]:
    """Open the log and hand it to `load`; what had to be done for that, in words.

    `load` reads what a start needs and fills in what the journal has more: DuckDB finds damaged
    blocks only when it reads them. Where that fails the write-ahead log is set aside, then the
    database. Raises StoreError if even a new one does not open.
    """
    repairs: list[str] = []
    for damaged in (Path(f"{path}.wal"), path):
        try:
            _open(path, load)
            return repairs
        except _DAMAGE as fault:
            _raise_if_not_damage(path, fault)
            if damaged.exists():
                repairs.append(f"{damaged.name} did not open ({_first_line(fault)}): kept as ")
                repairs[-1] += str(_keep(damaged, set_aside))
    try:
        _open(path, load)
        return repairs
    except _DAMAGE as fault:
        raise StoreError(
            f"cannot open or make {path}: {_first_line(fault)}",
            hint="is the disk full or read-only? qc-edge check says more",
        ) from fault


def _open(path: Path, load: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
    log = connect(path)
    try:
        load(log)
        release_memory(log)
    except BaseException:
        log.close()
        raise


def _keep(damaged: Path, set_aside: Path) -> Path:
    kept = set_aside / f"{utc_now():%Y%m%dT%H%M%S%fZ}-{damaged.name}"
    try:
        set_aside.mkdir(parents=True, exist_ok=True)
        damaged.rename(kept)
    except OSError as fault:
        raise store_error(fault, f"cannot set {damaged} aside") from fault
    return kept


def _raise_if_not_damage(path: Path, fault: Exception) -> None:
    """Some refusals say nothing against the file: those must not cost the station its log."""
    said = str(fault)
    if "No space left" in said:
        raise DiskFullError(
            f"{path} cannot be opened: no space left",
            hint="free some room; the station goes on by itself when there is enough",
        ) from fault
    hints = {
        "lock on file": "QA reads the published files, never this database; close the other "
        "program",
        "Permission denied": "run as the station's user; chown the station's state if it was "
        "copied",
        "Read-only file system": "the disk was remounted read-only: look at dmesg",
        "we can only read versions": "a newer DuckDB wrote it: install that version of the "
        "software",
    }
    for sign, hint in hints.items():
        if sign in said:
            raise StoreError(f"{path} cannot be opened: {_first_line(fault)}", hint=hint) from fault


def insert(log: duckdb.DuckDBPyConnection, links: Sequence[Link]) -> None:
    """Add the rows in one transaction. `log` is what `writer_connection` gave."""
    if len(links) == 1:
        _insert_row(log, links[0])
        return
    log.execute("BEGIN")
    try:
        for table in COLUMNS:
            mine = [each for each in links if each.table == table]
            if len(mine) <= _FEW:
                for each in mine:
                    _insert_row(log, each)
            else:
                columns = [list(column) for column in zip(*map(_values, mine), strict=True)]
                log.execute(_columnar(table, _types(log, table)), columns)
        log.execute("COMMIT")
    except BaseException:
        # A fatal error (no space) invalidates the database: rolling back is then refused as well.
        try:
            log.execute("ROLLBACK")
        except duckdb.Error:
            log.close()
        raise


def _insert_row(log: duckdb.DuckDBPyConnection, link: Link) -> None:
    names = (*COLUMNS[link.table], *CHAIN)
    told = {
        name: value for name, value in zip(names, _values(link), strict=True) if value is not None
    }
    log.execute(_one_row(link.table, tuple(told)), list(told.values()))


def _values(link: Link) -> tuple[object, ...]:
    return (*map(_bindable, link.values), link.seq, link.sha256)


def _bindable(value: object) -> object:
    # DuckDB converts aware times only with its ICU extension, which its Python wheels do not carry.
    return (
        value.astimezone(timezone.utc).replace(tzinfo=None)
        if isinstance(value, datetime)
        else value
    )


@lru_cache(maxsize=64)  # a pattern of nulls each
def _one_row(table: str, names: tuple[str, ...]) -> duckdb.Statement:
    # Parsed once, and without the values that are null: DuckDB's time for a row is that of its
    # plan.
    marks = ", ".join("?" * len(names))
    return duckdb.extract_statements(f"{_into(table, names)} VALUES ({marks})")[0]


@cache
def _columnar(table: str, types: tuple[str, ...]) -> str:
    into = _into(table, (*COLUMNS[table], *CHAIN))
    return f"{into} SELECT {', '.join(f'unnest(?::{kind}[])' for kind in types)}"


def _into(table: str, names: tuple[str, ...]) -> str:
    # By name: a column that came with a later migration stands behind the chain's.
    return f"INSERT INTO {table} ({', '.join(names)})"


def _types(log: duckdb.DuckDBPyConnection, table: str) -> tuple[str, ...]:
    types = dict(
        log.execute(
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = 'log' AND table_name = ?",
            [table],
        ).fetchall()
    )
    return tuple(types[name] for name in (*COLUMNS[table], *CHAIN))


def _first_line(fault: Exception) -> str:
    return str(fault).splitlines()[0][:200]
