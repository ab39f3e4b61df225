"""The database of an export: views and macros over rows that travel with it, no path of a station.

It is for whoever gets it: the stock command line, DBeaver, Python, of DuckDB 1.5 and later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import duckdb

from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.errors import DiskFullError, StoreError
from qc_edge.export.pictures import ExportedPicture
from qc_edge.export.request import ExportRequest
from qc_edge.export.rows import row_file
from qc_edge.query.published_files import sql_path
from qc_edge.query.source import first_line
from qc_edge.query.views import comments, portable_script, row_tables
from qc_edge.store.log.database import STORAGE_VERSION
from qc_edge.store.log.duck import open_duckdb, quoted
from qc_edge.version import __version__

_MEMORY = "512MB"
_BLOCK = 16384
"""The smallest that DuckDB takes, for a file that holds only the text of views."""

COUNTS = ("exposures", "closure", "count_closure", "shift_closure", "part_closure")
"""What holds the numbers of a camera against the rows: of some parts no count can close."""

_INFO = "What this export holds: one row."
_FILES = "The pictures that came with it, and whether their pixels are those that were judged."


@dataclass(frozen=True, slots=True)
class ExportContent:
    """What goes into the database beside the rows: what was asked for, when (aware UTC) and of
    which station; what became of the pictures (None: none were asked for).
    """

    station: str
    made_at: datetime
    request: ExportRequest
    pictures: Sequence[ExportedPicture] | None
    calendar: StationCalendar

    @property
    def left_out(self) -> Collection[str]:
        """Views and macros that have no true answer in this export."""
        return COUNTS if self.request.is_of_some_parts else ()


def build_with_rows(path: Path, rows: Path, content: ExportContent) -> None:
    """Make one database file at `path` with everything in it; `rows` has the Parquet files.

    Raises StoreError.
    """
    with _new_database(path, spill=rows) as log:
        for view, table in row_tables().items():
            source = sql_path(row_file(rows, table))
            log.execute(f"CREATE TABLE {view} AS FROM read_parquet({source})")
        _add_own_tables(log, content)
        log.execute(portable_script(content.calendar, tables=True, leave_out=content.left_out))
        log.execute(comments(tables=row_tables(), leave_out=content.left_out))


def build_beside_rows(directory: Path, content: ExportContent) -> None:
    """Make qa.duckdb and qa.sql over the Parquet files in `directory`: views with relative paths.

    Raises StoreError.
    """
    script = portable_script(content.calendar, tables=False, leave_out=content.left_out)
    with _new_database(directory / ".own.duckdb", spill=directory) as log:
        own = _add_own_tables(log, content)
        for table in own:
            log.execute(f"COPY {table} TO {quoted(row_file(directory, table))} (FORMAT parquet)")
    (directory / ".own.duckdb").unlink()
    script += "".join(
        f"\n-- {note}\nCREATE VIEW {table} AS FROM read_parquet('{table}.parquet');\n"
        for table, note in own.items()
    )
    with _new_database(directory / "qa.duckdb", spill=directory, block=_BLOCK) as log:
        # DuckDB looks for a relative path in the directory of its client, here and later on.
        log.execute(f"SET file_search_path = {quoted(directory)}")
        log.execute(script)
        log.execute(comments(leave_out=content.left_out))
    (directory / "qa.sql").write_text(script, encoding="utf-8")


def _add_own_tables(log: duckdb.DuckDBPyConnection, content: ExportContent) -> dict[str, str]:
    """`export_info`, and `evidence_files` where pictures came along; each with what it is."""
    request = content.request
    log.execute(
        "CREATE TABLE export_info AS SELECT $station AS station, $made_at::TIMESTAMP AS made_at, "
        "$software AS software, $since::TIMESTAMP AS since, $until::TIMESTAMP AS until, "
        "$lots::VARCHAR[] AS lots, $parts::BIGINT AS parts_asked_for, $pictures AS with_evidence",
        {
            "station": content.station,
            "made_at": _naive(content.made_at),
            "software": f"qc-edge {__version__}",
            "since": _naive(request.since),
            "until": _naive(request.until),
            "lots": list(request.lots),
            "parts": None if request.parts is None else len(request.parts),
            "pictures": content.pictures is not None,
        },
    )
    own = {"export_info": _INFO}
    if content.pictures is not None:
        columns = zip(*map(_values, content.pictures), strict=True) if content.pictures else []
        log.execute(
            "CREATE TABLE evidence_files AS SELECT unnest($1::VARCHAR[]) AS frame_id, "
            "unnest($2::VARCHAR[]) AS kind, unnest($3::VARCHAR[]) AS path, "
            "unnest($4::VARCHAR[]) AS sha256, unnest($5::VARCHAR[]) AS compared, "
            "unnest($6::BIGINT[]) AS size",
            [list(column) for column in columns] or [[]] * 6,
        )
        own["evidence_files"] = _FILES
    for table, note in own.items():
        log.execute(f"COMMENT ON TABLE {table} IS {quoted(note)}")
    return own


def _values(picture: ExportedPicture) -> tuple[object, ...]:
    named = picture.named
    match = str(picture.match)
    return named.frame_id, named.kind, picture.path, named.sha256, match, picture.size


@contextmanager
def _new_database(
    path: Path, spill: Path, block: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new database at `path`, in use. Raises StoreError for whatever DuckDB says within."""
    options = f"STORAGE_VERSION '{STORAGE_VERSION}'" + (f", BLOCK_SIZE {block}" if block else "")
    try:
        with open_duckdb(memory_limit=_MEMORY, temp_directory=str(spill / ".spill")) as log:
            log.execute(f"ATTACH {quoted(path)} AS export ({options})")
            log.execute("USE export")
            yield log
            # What waits in the write-ahead log, a file of its own, would be left behind.
            log.execute("CHECKPOINT export")
            log.execute("USE memory")
            log.execute("DETACH export")
    except duckdb.Error as fault:
        message = f"cannot write {path}: {first_line(fault)}"
        kind = DiskFullError if "No space left" in str(fault) else StoreError
        raise kind(message, hint="is there room, and may you write there?") from fault


def _naive(moment: datetime | None) -> datetime | None:
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment else None
