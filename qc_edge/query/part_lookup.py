"""One part's rows out of the log, wherever they can be read now: database, published files,
journal. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from qc_edge.domain.events import Event
from qc_edge.domain.evidence.deletion import Deletion
from qc_edge.domain.evidence.hold_entry import HoldEntry
from qc_edge.domain.inspection import COLUMNS, Gap, Inspection, Label, Part
from qc_edge.query.database_at_rest import DatabaseAtRest, DatabaseBusyError
from qc_edge.query.journal_reader import recent_inspections_of
from qc_edge.query.kept.deletion_rows import deletions_of
from qc_edge.query.kept.hold_rows import holds_of
from qc_edge.query.lookup.index_keys import ANNOUNCEMENT_KINDS, DECIDING_KINDS, gap_key
from qc_edge.query.lookup.indexed_log import IndexedLog
from qc_edge.query.lookup.sealed_index import SealedIndex
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.rows import Rows, normal
from qc_edge.query.source import EVERYTHING, Span
from qc_edge.query.typed_rows import to_inspection, to_row
from qc_edge.settings import StationPaths
from qc_edge.store.log.chain import GENESIS, chain_hash
from qc_edge.store.log.duck import quoted

_HOUR = timedelta(hours=1)
_AROUND = timedelta(minutes=10)
"""Before and after an inspection: what happened then may explain its verdict."""

_NEAR_LIMIT = 3
_TEXT = "row_text"


@dataclass(frozen=True, slots=True)
class PartInspection:
    """An inspection as it stands in the log, and what stands around it.

    `seq` is its number in the chain, `sha256` its hash (hex), `previous` the hash of the row before
    it (None where that is out of reach), `text` its own canonical JSON. `changes` are the last
    events of each kind before it that may have altered its verdict, `around` what happened within
    ten minutes, `gaps` what its camera lost in that time, `announcements` what troubled its
    announcement, `hold_entries` the holds and releases that fit it, `deletions` its pictures that
    rules have deleted.
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
    announcements: tuple[Event, ...] = ()
    hold_entries: tuple[HoldEntry, ...] = ()
    deletions: tuple[Deletion, ...] = ()

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
    """The inspections of a part, oldest first, and the place where they were read, for a person.

    `attempts` are what the line was told of it where several views see it, oldest first.
    """

    cases: tuple[PartInspection, ...]
    place: str
    attempts: tuple[Part, ...] = ()


def find_part(
    paths: StationPaths, part_id: str, frame_id: str | None = None, *, published_only: bool = False
) -> PartLookup:
    """Every inspection of the part, or the one with `frame_id`.

    `published_only`: for whoever stays open for long; a database that is read cannot be opened by
    a station that starts. Raises StoreError if nothing can be read.
    """
    where = f"part_id = {quoted(part_id)}"
    if frame_id:
        where += f" AND frame_id = {quoted(frame_id)}"
    of_part = Span(keys=(part_id,))
    with _open(paths, published_only=published_only) as (rows, whole):
        place = f"the {rows.place}"
        inspections = _inspections(rows, where, of_part)
        if not inspections:  # an index is never the one that says that there is nothing
            of_part = EVERYTHING
            inspections = _inspections(rows, where, of_part)
        cases = [_case(rows, whole, values) for values in inspections]
        told = _select(rows, "parts", f"part_id = {quoted(part_id)} ORDER BY chain_seq", of_part)
        attempts = tuple(
            row
            for row in (to_row(Part, values) for values in told)
            if frame_id is None or frame_id in row.frames.split()
        )
    logged = {case.row.frame_id for case in cases}
    for line in recent_inspections_of(paths.journal, part_id):
        if line.row.frame_id not in logged and frame_id in {None, line.row.frame_id}:
            cases.append(
                PartInspection(
                    line.row, line.seq, line.sha256, line.text, line.previous, (), (), (), ()
                )
            )
            place = f"{place} and the journal" if logged else "the journal"
    return PartLookup(tuple(cases), place, attempts)


def near_parts(paths: StationPaths, part_id: str, *, published_only: bool = False) -> list[str]:
    """Ids of parts that were perhaps meant, nearest first."""
    distance = f"damerau_levenshtein(lower(part_id), lower({quoted(part_id)}))"
    limit = max(1, min(3, len(part_id) // 2))
    with _open(paths, published_only=published_only) as (rows, _):
        relation = rows.source.relation("inspections", columns=("part_id",))
        if relation is None:
            return []
        near = rows.source.fetch(
            f"SELECT part_id FROM {relation} WHERE abs(length(part_id) - {len(part_id)}) <= {limit}"  # noqa: S608
            f" AND {distance} <= {limit} GROUP BY part_id ORDER BY min({distance}), part_id "
            f"LIMIT {_NEAR_LIMIT}"
        )
        return [name for (name,) in near]


@contextmanager
def _open(paths: StationPaths, *, published_only: bool) -> Iterator[tuple[Rows, Rows]]:
    """The database of a station at rest, which has every row; of a running one, what it has
    published. Twice: looked up by the indexes of sealed days, and as a whole.
    """
    if paths.database.exists() and not published_only:
        database = DatabaseAtRest(paths.database, index=SealedIndex(paths.published))
        try:
            with database.held():
                yield Rows(database), Rows(database)
                return
        except DatabaseBusyError:
            pass
    with PublishedLog(paths.published) as published:
        cursor = published.cursor()
        yield Rows(IndexedLog(paths.published, cursor)), Rows(cursor)


def _case(rows: Rows, whole: Rows, values: dict[str, Any]) -> PartInspection:
    row = to_inspection({name: values[name] for name in COLUMNS["inspections"]})
    seq = int(values["chain_seq"])
    previous = GENESIS if seq == 1 else rows.hash_of(seq - 1) or whole.hash_of(seq - 1)
    low, high = row.captured_at - _AROUND, row.recorded_at + _AROUND
    of_frame = f"frame_id = {quoted(row.frame_id)} ORDER BY chain_seq"
    labels = _select(rows, "labels", of_frame, Span(keys=(row.part_id,)))
    around = _select(
        rows,
        "events",
        f"recorded_at BETWEEN {_time(low)} AND {_time(high)} ORDER BY chain_seq",
        Span(low, high + timedelta(microseconds=1)),
    )
    kinds = ", ".join(quoted(kind) for kind in DECIDING_KINDS)
    changes = _select(
        rows,
        "events",
        f"chain_seq < {seq} AND kind IN ({kinds}) "
        "QUALIFY row_number() OVER (PARTITION BY kind ORDER BY chain_seq DESC) = 1 ORDER BY "
        "chain_seq",
        Span(last=seq - 1, newest_of=frozenset(DECIDING_KINDS)),
    )
    noted = ", ".join(quoted(kind) for kind in ANNOUNCEMENT_KINDS)
    announcements = _select(
        rows,
        "events",
        f"chain_seq > {seq} AND kind IN ({noted}) AND regexp_matches(detail, "
        f"{quoted(f'^{row.frame_id}[:,]')}) ORDER BY chain_seq",
        Span(keys=(row.frame_id,)),
    )
    lost = f"camera = {quoted(row.camera)} AND noticed_at BETWEEN {_time(low)} AND {_time(high)}"
    steps = range(int((high - low) / _HOUR) + 1)
    noticed = tuple({gap_key(row.camera, at) for at in (*(low + _HOUR * n for n in steps), high)})
    gaps = _select(rows, "gaps", f"{lost} ORDER BY chain_seq", Span(keys=noticed))
    return PartInspection(
        row=row,
        seq=seq,
        sha256=str(values["chain_hash"]),
        text=normal(str(values[_TEXT])),
        previous=previous,
        labels=tuple(to_row(Label, label) for label in labels),
        changes=tuple(to_row(Event, event) for event in changes),
        around=tuple(to_row(Event, event) for event in around),
        gaps=tuple(to_row(Gap, gap) for gap in gaps),
        announcements=tuple(to_row(Event, event) for event in announcements),
        hold_entries=tuple(holds_of(rows.source, row)),
        deletions=tuple(deletions_of(rows.source, row.frame_id)),
    )


def _inspections(rows: Rows, where: str, span: Span) -> list[dict[str, Any]]:
    text = f"{rows.text_sql('inspections')} AS {_TEXT}"
    return _select(rows, "inspections", f"{where} ORDER BY chain_seq", span, text)


def _select(
    rows: Rows, table: str, where: str, span: Span = EVERYTHING, *more: str
) -> list[dict[str, Any]]:
    """Rows of `table` by column name, and what is given `more`; a column that came later than the
    rows is None.
    """
    relation = rows.source.relation(table, span)
    if relation is None:
        return []
    present = rows.columns(table)
    names = [name for name in (*COLUMNS[table], "chain_seq", "chain_hash") if name in present]
    empty = dict.fromkeys(COLUMNS[table])
    asked = ", ".join([*names, *more])
    values = rows.source.fetch(f"SELECT {asked} FROM {relation} WHERE {where}")  # noqa: S608
    names += [each.rpartition(" ")[2] for each in more]
    return [empty | dict(zip(names, row, strict=True)) for row in values]


def _time(moment: datetime) -> str:
    """A time (UTC) as a literal of SQL."""
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S.%f}'"
