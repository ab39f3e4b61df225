"""Every published file looked into: which rows it holds, and which files do not read. For audits.

Writes nothing, and judges nothing but whether a file reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import StoreError
from qc_edge.query.published_files import hour_of, sql_path, union
from qc_edge.query.published_log import DESCRIPTORS, PublishedCursor, PublishedLog
from qc_edge.query.rows import Rows
from qc_edge.query.source import EVERYTHING, Parameters, Portion, Span

_DESCRIPTOR = re.compile(rf"{DESCRIPTORS}/\d+")

_EXAMINE = """
SELECT count(*), min(chain_seq), max(chain_seq), min(recorded_at)::TIMESTAMP,
       max(recorded_at)::TIMESTAMP, coalesce(bool_and(follows), true)
FROM (SELECT chain_seq, recorded_at,
             coalesce(chain_seq > lag(chain_seq) OVER (ORDER BY file_row_number), true) AS follows
      FROM read_parquet({file}, file_row_number = true, hive_partitioning = false))
"""


@dataclass(frozen=True, slots=True)
class ExaminedFile:
    """One hour of a table as Parquet: `rows` rows, number `first` to `last` in the chain, recorded
    from `earliest` to `latest` (UTC, without a zone).

    `hour` is the hour that its name says; `in_order` False if its rows do not stand by number.
    """

    path: Path
    table: str
    hour: datetime
    columns: frozenset[str]
    rows: int
    first: int
    last: int
    earliest: datetime
    latest: datetime
    in_order: bool

    @property
    def holds_only_its_hour(self) -> bool:
        """True if every row was recorded in the hour of the file's name."""
        return self.hour <= self.earliest and self.latest < self.hour + timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A file that does not read, or has no hour in its name; `detail` says which."""

    path: Path
    detail: str


@dataclass(frozen=True, slots=True)
class ExaminedLog:
    """All that is published of a station: the files with rows, and the rows in them."""

    rows: Rows
    files: tuple[ExaminedFile, ...]
    damaged: tuple[DamagedFile, ...]


def examine_published(
    directory: Path,
    since: datetime | None = None,
    on_file: Callable[[int], object] = lambda _: None,
) -> ExaminedLog:
    """Look into every published file of the hours from `since` (UTC, without a zone) on.

    `on_file` is called with 1 after each, for progress. A file that does not read is in `damaged`;
    nothing is raised for it.
    """
    cursor = PublishedLog(directory, descriptors=True).cursor()
    files, damaged = [], []
    for table in COLUMNS:
        # Any depth: a Parquet file that lies in the wrong place is a finding, not to be overlooked.
        for path in sorted((directory / table).glob("**/*.parquet")):
            hour = hour_of(path)
            if since and hour and hour + timedelta(hours=1) <= since:
                continue
            if hour is None:
                damaged.append(DamagedFile(path, "expected date=YYYY-MM-DD/hour=HH.parquet"))
            else:
                try:
                    if examined := _examine(cursor, path, table, hour):
                        files.append(examined)
                except (StoreError, OSError) as fault:
                    reason = _DESCRIPTOR.sub(path.name, str(fault.__cause__ or fault).strip())
                    damaged.append(DamagedFile(path, reason.splitlines()[0][:200]))
            on_file(1)
    return ExaminedLog(Rows(_ExaminedFiles(cursor, files)), tuple(files), tuple(damaged))


def _examine(
    cursor: PublishedCursor, path: Path, table: str, hour: datetime
) -> ExaminedFile | None:
    """What the file holds; None if it has no rows. Raises StoreError or OSError."""
    with path.open("rb") as file:
        # By its descriptor, this version stays readable though the station puts another in its
        # place: figures and columns are those of one file.
        descriptor = DESCRIPTORS / str(file.fileno())
        (figures,) = cursor.fetch(_EXAMINE.replace("{file}", sql_path(descriptor)))
        if not figures[0]:
            return None
        return ExaminedFile(path, table, hour, cursor.read_columns(descriptor), *figures)


class _ExaminedFiles:
    """The tables that the examined files make together, as a LogSource."""

    place = PublishedCursor.place

    def __init__(self, cursor: PublishedCursor, files: Sequence[ExaminedFile]) -> None:
        self._cursor = cursor
        self._files: dict[str, list[ExaminedFile]] = {}
        for file in files:
            self._files.setdefault(file.table, []).append(file)

    def held(self) -> AbstractContextManager[None]:
        return self._cursor.held()

    def columns(self, table: str) -> Mapping[str, str]:
        relation = self.relation(table)
        return self._cursor.describe(relation) if relation else {}

    def relation(
        self,
        table: str,
        span: Span = EVERYTHING,
        columns: Collection[str] | None = None,  # noqa: ARG002 - known of every file
    ) -> str | None:
        return union(
            (file.path, file.columns)
            for file in self._files.get(table, ())
            if file.last >= span.first and file.first <= span.last
        )

    def fetch(self, query: str, parameters: Parameters = None) -> Portion:
        return self._cursor.fetch(query, parameters)

    def portions(self, query: str, parameters: Parameters = None) -> Iterator[Portion]:
        return self._cursor.portions(query, parameters)
