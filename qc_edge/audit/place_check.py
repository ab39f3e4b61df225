"""The rows of one place held against the journal, or against their own hashes where it has none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from qc_edge.audit.finding import AuditReport
from qc_edge.audit.journal import JournalFile
from qc_edge.audit.row_places import RowPlaces, code
from qc_edge.audit.row_ranges import describe_range, ranges
from qc_edge.audit.row_text import describe_difference, describe_row, is_linked, same_values
from qc_edge.query.rows import LoggedRow, Rows

TAMPERED = (
    "somebody wrote to it: keep a copy, find out who; the other places still have the row as it was"
)
"""What to do where a row does not agree with its hash or with the journal."""

_REBUILT = "the station publishes from its database at its next start"

_PUBLISHED_WITHIN = timedelta(seconds=60)
"""A running station publishes every few seconds; a row older than this must be published."""


def report_missing(
    report: AuditReport, where: str, rows: tuple[int, int], kind: str, hint: str
) -> None:
    """The fault that rows number first to last (`rows`) are missing in a place."""
    report.fault(kind, f"{describe_range(*rows)} missing", where, hint)


@dataclass(frozen=True, slots=True)
class PlaceCheck:
    """Checks the rows of one place at a time. `running`: the station adds rows meanwhile; `now` is
    aware.
    """

    report: AuditReport
    places: RowPlaces
    running: bool
    now: datetime

    def against_journal(self, place: Rows, hour: JournalFile, sound: set[int]) -> None:
        """The rows of a journal file's numbers are as it has them.

        Lines that do not follow from the one before them are not in `sound`: they are reported
        already, and say nothing about another place.
        """
        present = set()
        for row in place.read(hour.first, hour.last):
            if row.seq in present:
                self._report_repeated(place, row)
                continue
            present.add(row.seq)
            line = hour.lines.get(row.seq)
            if line is None:
                continue
            same_text = row.text == line.text or same_values(row.text, line.text)
            if (row.sha256 == line.sha256 and same_text) or row.seq not in sound:
                continue
            reason = "its hash is another one"
            if not same_text:
                reason = describe_difference(row.text, line.text)
            self.report.fault(
                f"{code(place)}_changed",
                f"row {row.seq} is not as the journal has it: {reason} ({describe_row(line.text)})",
                place.place,
                TAMPERED,
            )
        self._report_lacking(place, hour, hour.lines.keys() - present)

    def by_own_hashes(self, place: Rows, first: int, last: int, previous: str | None) -> set[int]:
        """Rows `first` to `last` follow from one another; the numbers of those that are there.

        `previous` is the hash of the row before them, None if nobody has it: then the first row
        cannot be checked.
        """
        present: set[int] = set()
        before = first - 1
        for row in place.read(first, min(last, self.places.last_in(place))):
            if row.seq in present:
                self._report_repeated(place, row)
                continue
            if row.seq == before + 1 and previous and not is_linked(previous, row):
                self.report.fault(
                    f"{code(place)}_changed",
                    f"row {row.seq} is not what its hash was taken over: {describe_row(row.text)}",
                    place.place,
                    TAMPERED,
                )
            present.add(row.seq)
            before, previous = row.seq, row.sha256
        if previous:
            self.places.set_head(place.place, before, previous)
        if present:
            for low, high in ranges(sorted(set(range(first, last + 1)) - present)):
                # What comes after a place's last row is not published yet, or this place ends
                # before the others.
                if high < self.places.last_in(place) or place.place == "database":
                    kind = f"{code(place)}_missing"
                    report_missing(self.report, place.place, (low, high), kind, TAMPERED)
        return present

    def _report_lacking(self, place: Rows, hour: JournalFile, lacking: set[int]) -> None:
        last = self.places.last_in(place)
        for low, high in ranges(sorted(lacking)):
            rows = low, high
            if place.place == "database":
                hint = (
                    "somebody deleted it; set the database aside, and the station rebuilds it from "
                    "the journal"
                )
                report_missing(self.report, place.place, rows, "database_missing", hint)
            # A station that was stopped between a row and its publishing does that when it starts.
            elif low > last and not self.running:
                message = f"{describe_range(low, high)} not published yet"
                self.report.note("not_published", message, place.place, _REBUILT)
            elif not (self.running and self._is_young(hour.lines[low].text)):
                report_missing(self.report, place.place, rows, "published_missing", _REBUILT)

    def _is_young(self, text: str) -> bool:
        try:
            recorded = datetime.fromisoformat(json.loads(text)["recorded_at"])
        except (ValueError, KeyError):
            return False
        return self.now.astimezone(timezone.utc) - recorded < _PUBLISHED_WITHIN

    def _report_repeated(self, place: Rows, row: LoggedRow) -> None:
        message = f"row {row.seq} stands twice: {describe_row(row.text)}"
        self.report.fault("row_twice", message, place.place, TAMPERED)
