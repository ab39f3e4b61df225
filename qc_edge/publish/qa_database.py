"""qa.duckdb: views and macros over the published log, and nothing else; whoever asks opens this
file.

It is made again at each start and whenever it is missing, so a moved station or newer views need
nothing. DuckDB lets one process at a time open a file for writing, and clients open for writing
unless told otherwise; without the right to write they refuse instead of reading. So that they do
not lock each other out, the file is replaced as soon as somebody has opened it: a client keeps the
copy that it has open, the next one finds a fresh copy under the same name (docs/decisions/0012).
"""

from __future__ import annotations

import threading
from contextlib import closing
from functools import partial
from pathlib import Path

import duckdb

from qc_edge.domain.station_calendar import UTC_CALENDAR, StationCalendar
from qc_edge.errors import StoreError
from qc_edge.query.label_rows import rows_of_all_versions
from qc_edge.query.published_files import sql_path
from qc_edge.query.views import comments, script
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.service.open_watch import OpenWatch
from qc_edge.service.synced_file import write_synced
from qc_edge.store.log.database import STORAGE_VERSION
from qc_edge.store.log.duck import open_duckdb, quoted

_BLOCK = 16384
"""The smallest that DuckDB takes: the file holds a few kilobytes of text."""

_MODE = 0o664
"""The station's group may open it for writing, as clients do by default; what they write is theirs
alone.
"""

_SPARES = 8
"""Copies kept ready: a client that opens right behind another is not to wait for a file to be
written.
"""

_LOOK_S = 0.5
_RETRY_S = 2.0


def build(path: Path, published: Path, calendar: StationCalendar = UTC_CALENDAR) -> None:
    """Make a database of views over `published` at `path`, which must not exist; local times and
    shifts in it are those of `calendar`.

    Raises StoreError, also where a table has no published file yet.
    """
    try:
        with open_duckdb(threads=1) as log:
            log.execute(
                f"ATTACH {quoted(path)} AS qa (STORAGE_VERSION '{STORAGE_VERSION}', BLOCK_SIZE "
                f"{_BLOCK})"
            )
            log.execute("USE qa")
            labels = rows_of_all_versions(published, partial(_columns_of, log))
            log.execute(script(published, calendar, labels=labels))
            log.execute(comments())
    except duckdb.Error as fault:
        raise StoreError(
            f"cannot make {path}: {fault}", hint="is the disk full or read-only?"
        ) from fault


def _columns_of(log: duckdb.DuckDBPyConnection, file: Path) -> set[str]:
    rows = log.execute(f"SELECT name FROM parquet_schema({sql_path(file)})")  # noqa: S608
    return {name for (name,) in rows.fetchall()}


class QaDatabase:
    """Keeps a qa.duckdb in place that nobody has locked. Runs in a thread of its own.

    Two clients that open it within the same millisecond or two can still meet: one of them gets
    DuckDB's lock error, and a second try works.
    """

    def __init__(
        self, path: Path, published: Path, calendar: StationCalendar = UTC_CALENDAR
    ) -> None:
        self._path = path
        self._published = published
        self.calendar = calendar
        """May be replaced from any thread: the next client finds a file with it."""
        self._built_for = calendar
        self._wal = Path(f"{path}.wal")
        self._content = b""
        self._spares: list[tuple[Path, int]] = []
        self._current = -1
        self._made = 0
        self._last_error = ""

    def run(self, heartbeat: Heartbeat, stop: threading.Event, ready: threading.Event) -> None:
        """Watch and replace the file from `ready`, when every table has a published file, until
        `stop`. An error is logged and the work begun again after a while.
        """
        while not ready.wait(_LOOK_S) and not stop.is_set():
            heartbeat.beat()
        while not stop.is_set():
            heartbeat.beat()
            try:
                with closing(OpenWatch()) as watch:
                    self._clear_away()
                    while not stop.is_set():
                        heartbeat.beat()
                        self._look(watch)
                        self._last_error = ""
            except (StoreError, OSError) as fault:
                if str(fault) != self._last_error:
                    LOG.error("%s is not kept: %s", self._path, fault)
                self._last_error = str(fault)
                stop.wait(_RETRY_S)
        self._clear_away()

    def _look(self, watch: OpenWatch) -> None:
        if self._built_for != self.calendar:
            self._clear_away()
        if not self._content:
            self._content = self._built()
        elif watch.wait(self._current, 0.0 if len(self._spares) < _SPARES else _LOOK_S):
            pass
        elif len(self._spares) < _SPARES:
            self._spares.append(self._spare(watch))
            return
        elif self._path.exists():
            # What a client writes goes to a log by the file's name, and the next client would find
            # it beside its own copy; what a client wrote is nobody else's.
            self._wal.unlink(missing_ok=True)
            return
        spare, self._current = self._spares.pop() if self._spares else self._spare(watch)
        # Only the rename: the next client may be opening it now, and the spare is synced.
        spare.replace(self._path)
        self._wal.unlink(missing_ok=True)

    def _spare(self, watch: OpenWatch) -> tuple[Path, int]:
        """A fresh copy and its watch, which begins before it has the name that clients open: no
        opening is missed.
        """
        self._made += 1
        spare = self._path.with_name(f".{self._path.name}.{self._made}")
        write_synced(spare, [self._content], _MODE)
        return spare, watch.add(spare)

    def _clear_away(self) -> None:
        for spare, _ in self._spares:
            spare.unlink(missing_ok=True)
        self._content, self._spares = b"", []

    def _built(self) -> bytes:
        """The bytes of a fresh database; also clears away what a station that crashed has left."""
        for leftover in self._path.parent.glob(f".{self._path.name}.*"):
            leftover.unlink()
        new = self._path.with_name(f".{self._path.name}.new")
        self._built_for = self.calendar
        build(new, self._published, self._built_for)
        content = new.read_bytes()
        new.unlink()
        return content
