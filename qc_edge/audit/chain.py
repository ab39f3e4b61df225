"""The chain of hashes through all rows, and the places that keep the rows held against one another.

Every row of the journal must follow from the one before it; database and published files must have
each row as the journal does. Where the journal has none, the rows' own hashes decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from qc_edge.audit.finding import AuditReport, AuditStep
from qc_edge.audit.journal import JournalFile, read_journal_file
from qc_edge.audit.place_check import TAMPERED, PlaceCheck, report_missing
from qc_edge.audit.row_places import JOURNAL, RowPlaces
from qc_edge.audit.row_ranges import append_ranges, ranges
from qc_edge.audit.row_text import describe_row
from qc_edge.query.rows import Rows
from qc_edge.store.log.chain import chain_hash

_WINDOW = 200_000
"""Rows whose numbers are held against one another at once, where the journal has none."""


class ChainCheck:
    """One pass over all rows, oldest first. One thread.

    A row is promised by the journal, the database is filled from it, and the published files are
    what QA reads and a seal closes (docs/decisions/0002 and 0011). The hashes alone would not do:
    whoever can write a file could compute the whole chain in it anew. So all three are read, and a
    row that was changed in one of them differs from the others.

    `running`: the station adds rows meanwhile. `now` (aware) decides what is too new to be
    published.
    """

    def __init__(
        self,
        report: AuditReport,
        step: AuditStep,
        places: Sequence[Rows],
        *,
        running: bool,
        now: datetime,
    ) -> None:
        self._report = report
        self._step = step
        self._running = running
        self._places = RowPlaces(report, places)
        self._place_check = PlaceCheck(report, self._places, running, now)

    def check(self, journal: Sequence[Path], first: int) -> int:
        """Check every row from number `first` on; the number of the last one.

        `journal` are the journal's files that hold rows from `first` on, oldest first.
        """
        self._places.find_last()
        following, in_journal = first, False
        for path in journal:
            hour = self._read(path)
            if hour is None or not hour.lines:
                continue
            if hour.first > following:
                self._without_journal(following, hour.first - 1, before_journal=not in_journal)
            self._with_journal(hour)
            following, in_journal = max(following, hour.last + 1), True
            self._places.checked_to = following - 1
            self._step.show(self._step.count)
        end = self._places.last
        if end >= following:
            self._without_journal(following, end, before_journal=not in_journal)
        return max(following - 1, end)

    def _read(self, path: Path) -> JournalFile | None:
        where = f"journal/{path.name}"
        try:
            hour = read_journal_file(path)
        except OSError as fault:
            message = f"cannot be read: {fault.strerror}"
            hint = "look at the disk: dmesg, smartctl"
            self._report.fault("journal_unreadable", message, where, hint)
            return None
        last_line = max((line.number for line in hour.lines.values()), default=0)
        for number, why in hour.damaged:
            if not (hour.torn_end and number > last_line):
                message = f"the line does not read: {why}"
                self._report.fault("journal_damaged", message, f"{where} line {number}", TAMPERED)
            # A crash may cut the last line, and then the next start cuts it off. A running station
            # may be just writing it.
            elif not self._running:
                self._report.note(
                    "journal_torn",
                    "the last line is torn: a crash cut it short",
                    where,
                    "the next start cuts it off; no row was promised by it",
                )
        if not hour.in_order:
            message = "its rows do not stand in order of their numbers"
            self._report.fault("journal_order", message, where, TAMPERED)
        for line in hour.repeated:
            message = f"row {line.seq} stands twice"
            self._report.fault("row_twice", message, f"{where} line {line.number}", TAMPERED)
        return hour

    def _with_journal(self, hour: JournalFile) -> None:
        sound = self._linked_lines(hour)
        missing = sorted(set(range(hour.first, hour.last + 1)) - hour.lines.keys())
        for rows in ranges(missing):
            report_missing(self._report, JOURNAL, rows, "journal_missing", TAMPERED)
        for place in self._places:
            compare = partial(self._place_check.against_journal, place, hour, sound)
            self._places.read(place, compare, None)
        self._step.count += len(hour.lines)
        self._places.set_head(JOURNAL, hour.last, hour.lines[hour.last].sha256)

    def _linked_lines(self, hour: JournalFile) -> set[int]:
        """The numbers of the rows that follow from the one before."""
        sound = set()
        for seq, line in hour.lines.items():
            before = hour.lines.get(seq - 1)
            previous = before.sha256 if before else self._places.hash_of(seq - 1)
            if previous is None or chain_hash(previous, seq, line.text) == line.sha256:
                sound.add(seq)
            else:
                self._report.fault(
                    "journal_changed",
                    f"row {seq} is not what its hash was taken over: {describe_row(line.text)}",
                    hour.where(seq),
                    TAMPERED,
                )
        return sound

    def _without_journal(self, first: int, last: int, *, before_journal: bool) -> None:
        """Rows that the journal does not have: older than it, or taken out of it."""
        elsewhere: list[tuple[int, int]] = []
        nowhere: list[tuple[int, int]] = []
        for low in range(first, last + 1, _WINDOW):
            high = min(last, low + _WINDOW - 1)
            present: set[int] = set()
            for place in self._places:
                previous = self._places.hash_of(low - 1)
                check = partial(self._place_check.by_own_hashes, place, low, high, previous)
                present |= self._places.read(place, check, set())
            append_ranges(elsewhere, ranges(sorted(present)))
            append_ranges(nowhere, ranges(sorted(set(range(low, high + 1)) - present)))
            self._places.checked_to = high
            self._step.advance(high - low + 1)
        if before_journal and elsewhere:
            # Only rows older than the journal: it begins there. A hole within it is a fault.
            message = f"the journal begins after row {last}: before it, the rows' own hashes decide"
            self._report.note("journal_begins", message, JOURNAL)
        else:
            for rows in elsewhere:
                report_missing(self._report, JOURNAL, rows, "journal_missing", TAMPERED)
        for rows in nowhere:
            hint = "look at the upstream or at a backup"
            report_missing(self._report, "all places", rows, "row_missing", hint)
