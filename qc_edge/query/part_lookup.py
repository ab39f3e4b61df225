"""One part's rows out of the log, wherever they can be read now: database, published files,
journal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from qc_edge.domain.events import Event
from qc_edge.domain.inspection import COLUMNS, Gap, Inspection, Label
from qc_edge.query.published_files import columns_of, together
from qc_edge.query.rows import BusyRowsError, Rows, connection, normal, open_database
from qc_edge.query.typed_rows import inspection, timed
from qc_edge.settings import StationPaths
from qc_edge.store.chain import GENESIS, chain_hash
from qc_edge.store.duck import quoted

_AROUND = timedelta(minutes=10)
_CHANGES = (
    "started",
    "settings",
    "threshold",
    "calibration",
    "model",
    "engine",
    "software",
    "camera_opened",
)
_NEAR = 3
_TAIL_HOURS = 2


@dataclass(frozen=True, slots=True)
class PartInspection:
    """An inspection as it stands in the log, and what stands around it.

    `previous` is the hash of the row before it (None where that is out of reach), `text` its own
    canonical JSON. `changes` are the last events of each kind before it that may have altered its
    verdict, `around` what happened within ten minutes, `gaps` what its camera lost in that time.
    """

    row: Inspection
    seq: int
    sha256: str
    text: str
    previous: str | None
    labels: tuple[Label, ...]
    changes: tuple[Event, ...]
    around: tuple[Event, ...]
    gaps: tuple[Gap, ...]

    @property
    def is_linked(self) -> bool | None:
        """Whether the row is what its hash was taken over; None if the row before is out of
        reach.
        """
        if self.previous is None:
            return None
        return self.sha256 in {
            chain_hash(self.previous, self.seq, text) for text in (self.text, normal(self.text))
        }


@dataclass(frozen=True, slots=True)
class PartLookup:
    """The cases of a part, oldest first, and where they were read: in words for a person."""

    cases: tuple[PartInspection, ...]
    place: str


def find_part(paths: StationPaths, part_id: str, frame_id: str | None = None) -> PartLookup:
    """Every inspection of the part, or the one with `frame_id`. Raises StoreError if nothing can be
    read.
    """
    which = f"part_id = {quoted(part_id)}"
    if frame_id:
        which += f" AND frame_id = {quoted(frame_id)}"
    with _open(paths) as (rows, place):
        wanted = _dicts(rows, "inspections", f"{which} ORDER BY chain_seq")
        cases = [_case(rows, values) for values in wanted]
    known = {case.row.frame_id for case in cases}
    for case in _in_journal(paths, part_id):
        if case.row.frame_id not in known and frame_id in {None, case.row.frame_id}:
            cases.append(case)
            place = f"{place} and the journal" if known else "the journal"
    return PartLookup(tuple(cases), place)


def near_parts(paths: StationPaths, part_id: str) -> list[str]:
    """Ids of parts that were perhaps meant, nearest first."""
    distance = f"damerau_levenshtein(lower(part_id), lower({quoted(part_id)}))"
    limit = max(1, min(3, len(part_id) // 2))
    with _open(paths) as (rows, _):
        source = rows.relation.sql("inspections", 0, 2**62)
        if source is None:
            return []
        found = rows.ask(
            f"SELECT part_id FROM {source} WHERE abs(length(part_id) - {len(part_id)}) <= {limit} "  # noqa: S608
            f"AND {distance} <= {limit} GROUP BY part_id ORDER BY min({distance}), part_id LIMIT "
            f"{_NEAR}"
        )
        return [name for (name,) in found]


@contextmanager
def _open(paths: StationPaths) -> Iterator[tuple[Rows, str]]:
    """The database of a station at rest, else what a running one has published."""
    if paths.database.exists():
        database = open_database(paths.database)
        try:
            with database.held():
                yield database, "the database"
                return
        except BusyRowsError:
            pass
    log = connection()
    published = Rows("published files", _Globs(log, paths.published), log)
    try:
        with published.held():
            yield published, "the published files"
    except duckdb.Error as fault:
        raise published.error(fault) from fault


class _Globs:
    """All published files at once; DuckDB opens those that may hold what is asked for."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, directory: Path) -> None:
        self._cursor = cursor
        self._directory = directory
        self._sources: dict[str, str | None] = {}

    def take(self) -> None:
        """Nothing to do: these files are there to be read."""

    def release(self) -> None:
        """Nothing to do."""

    def files(self) -> Iterable[Path]:
        """All of them."""
        return self._directory.glob("*/date=*/hour=*.parquet")

    def columns(self, table: str) -> dict[str, str]:
        source = self.sql(table, 0, 2**62)
        if source is None:
            return {}
        return {
            row[0]: row[1] for row in self._cursor.execute(f"DESCRIBE FROM {source}").fetchall()
        }

    def sql(self, table: str, first: int, last: int) -> str | None:  # noqa: ARG002 - statistics know better
        if table not in self._sources:
            self._sources[table] = self._source(table)
        return self._sources[table]

    def _source(self, table: str) -> str | None:
        days = sorted((self._directory / table).glob("date=*"))
        first = next((path for day in days for path in sorted(day.glob("hour=*.parquet"))), None)
        if first is None:
            return None
        if columns_of(self._cursor, first) >= set(COLUMNS[table]):
            files = quoted(self._directory / table / "date=*" / "hour=*.parquet")
            return f"read_parquet({files}, hive_partitioning = false)"
        every = (self._directory / table).glob("date=*/hour=*.parquet")
        return together((path, columns_of(self._cursor, path)) for path in sorted(every))


def _case(rows: Rows, values: dict[str, Any]) -> PartInspection:
    row, seq = (
        inspection({name: values[name] for name in COLUMNS["inspections"]}),
        int(values["chain_seq"]),
    )
    told = {each.seq: each for each in rows.told(max(1, seq - 1), seq)}
    before = told.get(seq - 1)
    low, high = row.captured_at - _AROUND, row.recorded_at + _AROUND
    labels = _dicts(rows, "labels", f"frame_id = {quoted(row.frame_id)} ORDER BY chain_seq")
    around = _dicts(
        rows, "events", f"recorded_at BETWEEN {_time(low)} AND {_time(high)} ORDER BY chain_seq"
    )
    kinds = ", ".join(quoted(kind) for kind in _CHANGES)
    changes = _dicts(
        rows,
        "events",
        f"chain_seq < {seq} AND kind IN ({kinds}) "
        "QUALIFY row_number() OVER (PARTITION BY kind ORDER BY chain_seq DESC) = 1 ORDER BY "
        "chain_seq",
    )
    lost = f"camera = {quoted(row.camera)} AND noticed_at BETWEEN {_time(low)} AND {_time(high)}"
    gaps = _dicts(rows, "gaps", f"{lost} ORDER BY chain_seq")
    return PartInspection(
        row=row,
        seq=seq,
        sha256=str(values["chain_hash"]),
        text=normal(told[seq].text),
        previous=GENESIS if seq == 1 else before.sha256 if before else None,
        labels=tuple(_made(Label, each) for each in labels),
        changes=tuple(_made(Event, each) for each in changes),
        around=tuple(_made(Event, each) for each in around),
        gaps=tuple(_made(Gap, each) for each in gaps),
    )


def _dicts(rows: Rows, table: str, which: str) -> list[dict[str, Any]]:
    source = rows.relation.sql(table, 0, 2**62)
    if source is None:
        return []
    known = rows.columns(table)
    names = [name for name in (*COLUMNS[table], "chain_seq", "chain_hash") if name in known]
    empty = dict.fromkeys(COLUMNS[table])
    found = rows.ask(f"SELECT {', '.join(names)} FROM {source} WHERE {which}")  # noqa: S608
    return [empty | dict(zip(names, row, strict=True)) for row in found]


def _in_journal(paths: StationPaths, part_id: str) -> Iterator[PartInspection]:
    """Rows so new that nothing else can be read of them yet."""
    needle = f'"part_id":{json.dumps(part_id, ensure_ascii=False)}'.encode()
    for path in sorted(paths.journal.glob("*.jsonl"))[-_TAIL_HOURS:]:
        previous: bytes | None = None
        for line in path.read_bytes().splitlines():
            seq, _, rest = line.partition(b"\t")
            sha256, _, text = rest.partition(b"\t")
            if needle in text and text.startswith(b'{"table":"inspections"'):
                values = dict.fromkeys(COLUMNS["inspections"]) | json.loads(text)
                del values["table"]
                row = inspection(values)
                if row.part_id == part_id:
                    before = previous.decode() if previous is not None else None
                    yield PartInspection(
                        row, int(seq), sha256.decode(), text.decode(), before, (), (), (), ()
                    )
            previous = sha256


_R = TypeVar("_R", Label, Event, Gap)


def _made(kind: type[_R], values: dict[str, Any]) -> _R:
    return kind(
        **{name: value for name, value in timed(values).items() if name in COLUMNS[kind.TABLE]}
    )


def _time(at: datetime) -> str:
    return f"TIMESTAMP '{at:%Y-%m-%d %H:%M:%S.%f}'"
