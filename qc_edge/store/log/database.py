"""The DuckDB file of the log: how it is opened, bounded in memory, and repaired when damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from qc_edge.errors import DiskFullError, StoreError
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import LOG
from qc_edge.store.disk_errors import store_error
from qc_edge.store.disk_room import no_room, read_only
from qc_edge.store.log.checkpoint import disable_vacuum
from qc_edge.store.log.duck import DAMAGE, open_duckdb, quoted
from qc_edge.store.log.schema import migrate

STORAGE_VERSION = "v1.4.0"
"""The oldest format that the schema needs. Without it DuckDB 2.0 makes a file of format 69, which
the clients of DuckDB 1.5 cannot open (they read 64 to 68); stations on Python 3.10 have 1.5.
"""

_MEMORY_TO_OPEN = "512MB"
"""For migrations, and for millions of rows that are brought in from the journal."""

_MEMORY_TO_WORK = "128MB"
"""From then on: DuckDB keeps whatever it has read or written up to its bound. A checkpoint needs 24
to 32 MB (measured), beside whoever sorts a day.
"""

_KEPT_BYTES = 4 << 20
"""How much of the file may stay in memory after `release_memory`."""


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """The database of the log, made if it is missing, migrated, in a connection of its own.

    Raises duckdb.Error if it does not open, StoreError if it is from a newer version.
    """
    log = open_duckdb(threads=1, memory_limit=_MEMORY_TO_OPEN)
    # Attached rather than opened: only ATTACH takes the storage version of a new file.
    log.execute(f"ATTACH {quoted(path)} AS log (STORAGE_VERSION '{STORAGE_VERSION}')")
    log.execute("USE log")
    migrate(log)
    disable_vacuum(log)
    return log


def release_memory(log: duckdb.DuckDBPyConnection) -> None:
    """Make DuckDB give up most of the file's blocks that it keeps in memory: up to 6 ms, 0.3 ms
    where it keeps few.

    Call it while nobody else uses the database: blocks in use cannot be given up.
    """
    used = dict(log.execute("SELECT tag, memory_usage_bytes FROM duckdb_memory()").fetchall())
    if used.pop("BASE_TABLE") <= _KEPT_BYTES:
        return
    # DuckDB has no command for this, but evicts blocks to meet a lower limit. Not below what the
    # rest takes: that holds the newest rows, and they would go to a temporary file.
    _bound_memory(log, f"{sum(used.values()) + _KEPT_BYTES}B", _MEMORY_TO_WORK)


def end_of_opening(log: duckdb.DuckDBPyConnection) -> None:
    """From now on with the memory that the daily work needs."""
    _bound_memory(log, _MEMORY_TO_WORK)
    release_memory(log)


def _bound_memory(log: duckdb.DuckDBPyConnection, *limits: str) -> None:
    """One limit after the other."""
    try:
        for limit in limits:
            log.execute(f"SET memory_limit = '{limit}'")
    except duckdb.OutOfMemoryException as fault:  # more than that is in use: no fault of the file
        LOG.warning("the log's blocks stay in memory: %s", _first_line(fault))


def writer_connection(log: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A second connection to the database of `log`, for inserts.

    Without the optimizer: an INSERT of values has nothing to optimize, and planning is most of its
    time.
    """
    cursor = log.cursor()
    cursor.execute("USE log")
    cursor.execute("PRAGMA disable_optimizer")
    return cursor


def open_with_recovery(
    path: Path, set_aside: Path, load: Callable[[duckdb.DuckDBPyConnection], None]
) -> list[str]:
    """Open the log and hand it to `load`; what had to be repaired for that, in words.

    `load` reads what a start needs and inserts what the journal has more: DuckDB finds damaged
    blocks only when it reads them. Where that fails the write-ahead log is moved to `set_aside`,
    then the database: torn WAL files have made databases that never open again (duckdb/duckdb
    #8592, #19712), and the station must not boot-loop. Raises StoreError if even a new one does not
    open.
    """
    repairs: list[str] = []
    for suspect in (Path(f"{path}.wal"), path):
        try:
            _open(path, load)
            return repairs
        except DAMAGE as fault:
            _raise_if_not_damage(path, fault)
            if suspect.exists():
                kept = _move_aside(suspect, set_aside)
                line = _first_line(fault)
                repairs.append(f"{suspect.name} did not open ({line}): kept as {kept}")
    try:
        _open(path, load)
        return repairs
    except DAMAGE as fault:
        raise StoreError(
            f"cannot open or make {path}: {_first_line(fault)}",
            hint="is the disk full or read-only? qc-edge check says more",
        ) from fault


def database_error(path: Path, fault: duckdb.Error) -> StoreError:
    """The station's error for what DuckDB raised while the log was open."""
    if (waited_for := _room_error(str(path), fault)) is not None:
        return waited_for
    return StoreError(
        f"{path}: the database refused: {fault}",
        hint="the rows are safe in the journal; a restart brings the database up to it",
    )


def _open(path: Path, load: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
    log = connect(path)
    try:
        load(log)
        end_of_opening(log)
    except BaseException:
        log.close()
        raise


def _move_aside(damaged: Path, set_aside: Path) -> Path:
    kept = set_aside / f"{utc_now():%Y%m%dT%H%M%S%fZ}-{damaged.name}"
    try:
        set_aside.mkdir(parents=True, exist_ok=True)
        damaged.rename(kept)
    except OSError as fault:
        raise store_error(fault, f"cannot set {damaged} aside") from fault
    return kept


def _raise_if_not_damage(path: Path, fault: Exception) -> None:
    """Raise StoreError for refusals that say nothing against the file: they must not cost the log.

    DuckDB has no codes for them, so its messages are searched.
    """
    message = str(fault)
    if (waited_for := _room_error(f"{path} cannot be opened", fault)) is not None:
        raise waited_for from fault
    hints = {
        "lock on file": "QA reads the published files, never this database; close the other "
        "program",
        "Permission denied": "run as the station's user; chown the station's state if it was "
        "copied",
        "we can only read versions": "a newer DuckDB wrote it: install that version of the "
        "software",
    }
    for sign, hint in hints.items():
        if sign in message:
            raise StoreError(f"{path} cannot be opened: {_first_line(fault)}", hint=hint) from fault


def _room_error(what: str, fault: Exception) -> DiskFullError | None:
    """The error that the station waits out, if that is what DuckDB met."""
    if "No space left" in str(fault):
        return no_room(what, None)
    return read_only(what) if "Read-only file system" in str(fault) else None


def _first_line(fault: Exception) -> str:
    return str(fault).splitlines()[0][:200]
